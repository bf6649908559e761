"""What is read from summaries whose contents are known, and from those of a trained network."""

import numpy as np
import pytest

from darksieve.interpret.summary_space import (
    canonical_correlations,
    describe_summary_space,
    effective_dimension,
    probe,
)

N = 300


def test_effective_dimension_counts_directions():
    random = np.random.default_rng(1)
    independent = random.normal(size=(20000, 6)) * [1, 10, 0.1, 3, 5, 2]  # the scale of a summary is no matter
    assert effective_dimension(independent) == pytest.approx(6, abs=0.05)
    assert effective_dimension(np.repeat(independent[:, :1], 4, axis=1)) == pytest.approx(1)
    assert effective_dimension(np.hstack([independent[:, :2], np.ones((20000, 1))])) == pytest.approx(2, abs=0.05)


def test_probes_find_what_is_there_and_nothing_else():
    random = np.random.default_rng(2)
    points = random.normal(size=(N, 4))
    linear, other = probe(points, points @ [1.0, -2.0, 0.5, 0.0], 1)
    assert linear > 0.999
    assert other > 0.95
    linear, other = probe(points, points[:, 0] * points[:, 1], 1)
    assert linear < 0.1
    assert other > 0.8
    assert max(probe(points, random.normal(size=N), 1)) < 0.1


def test_canonical_correlations_are_those_of_the_population():
    random = np.random.default_rng(3)
    parameters = random.normal(size=(20000, 3))
    seen = parameters[:, :2] + [0.5, 1.0] * random.normal(size=(20000, 2))
    mixed = np.hstack([seen, random.normal(size=(20000, 2))]) @ random.normal(size=(4, 4))
    expected = [1 / np.sqrt(1.25), 1 / np.sqrt(2), 0]
    found, loadings = canonical_correlations(mixed, parameters, 10000)
    assert found == pytest.approx(expected, abs=0.03)  # 3 / sqrt(10000)
    assert np.abs(loadings[0]) == pytest.approx([expected[0], 0, 0], abs=0.03)


def test_space_of_a_trained_network(trained):
    experiment, observation, simulations, estimator, _ = trained
    record = describe_summary_space(experiment, estimator, simulations.head(N), observation)
    assert 1 < record["dimension"] < record["summaries"]
    for name, found in record["probes"].items():
        assert found["linear"] > 0.5, name
    for name in experiment.prior.names:
        assert 0.3 < record["information"][name]["mean"] < 3
    distances = [near["distance"] for near in record["nearest"]]
    assert distances == sorted(distances)
    best = record["nearest"][0]["data"]["brightness"]
    others = simulations.x["brightness"] - observation.x["brightness"]
    assert np.square(np.subtract(best, observation.x["brightness"])).mean() < np.square(others).mean()
