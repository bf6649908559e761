"""The comparison on posteriors that are known to agree, or not."""

import json

import numpy as np
import pytest
from scipy.stats import norm

from darksieve.diagnostics.comparison import chain_diagnostics, classifier_two_sample_test, compare
from darksieve.inference.posterior import MarginalSamples, Posterior
from darksieve.reference.result import Draws, Reference

NAMES = ("a", "b")
COVARIANCE = np.array([[1.0, 0.6], [0.6, 1.0]])
N = 800


def normal(seed, n=N, shift=0.0, width=1.0):
    return shift + width * np.random.default_rng(seed).multivariate_normal([0, 0], COVARIANCE, size=n)


def posterior(z, joint=False):
    marginals = {(name,): MarginalSamples((name,), z[:, [i]], np.zeros(len(z))) for i, name in enumerate(NAMES)}
    together = MarginalSamples(NAMES, z, np.zeros(len(z))) if joint else None
    return Posterior(marginals, together, {}, {}, {"simulations": 5000, "simulations_reused": 200})


def reference(method, z, chains=0, **findings):
    return Reference(method, NAMES, Draws(z, chains, findings), 10_000, 2.0, 1.5, 1)


def autoregressive(seed, chains, samples, memory, apart=0.0):
    """Unit normal chains with autocorrelation memory^lag, their means `apart`."""
    generator = np.random.default_rng(seed)
    noise = generator.normal(size=(samples, chains, 2)) * np.sqrt(1 - memory**2)
    z = np.empty_like(noise)
    z[0] = generator.normal(size=(chains, 2))
    for step in range(1, samples):
        z[step] = memory * z[step - 1] + noise[step]
    return (z + apart * np.arange(chains)[:, None]).transpose(1, 0, 2).reshape(-1, 2)


def test_equal_posteriors_agree():
    record = compare(posterior(normal(1), joint=True), [reference("nuts", normal(3), 4), reference("exact", normal(2))])
    assert record["passed"]
    assert record["reference"] == "exact"
    assert set(record["methods"]["exact"]["c2st"]) == {"a", "b", "joint"}
    # 0.5 within four binomial errors of 1600 samples
    for accuracy in record["methods"]["exact"]["c2st"].values():
        assert accuracy == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(2 * N))
    assert record["tmnre"]["simulations"] == 5000
    assert record["methods"]["exact"]["likelihood_calls"] == 10_000
    assert json.loads(json.dumps(record)) == record


@pytest.mark.parametrize("wrong", [{"shift": 0.4}, {"width": 1.35}, {"width": 0.7}], ids=["shifted", "wide", "narrow"])
def test_wrong_posteriors_differ(wrong):
    record = compare(posterior(normal(1, **wrong)), [reference("nested", normal(2), log_evidence=-3.0)])
    low, high = record["expected_range"]
    assert not record["passed"]
    assert not record["undecided"]
    assert not low <= record["statistic"] <= high
    assert record["methods"]["nested"]["log_evidence"] == -3.0


def test_statistic_is_the_largest_deviation_in_units_of_what_is_allowed():
    z = normal(2)
    moved = posterior(z * [1.0, 1.1] + [0.05, 0.0])
    record = compare(moved, [reference("exact", z)])
    found = record["marginals"]
    assert found["a"]["mean_shift"] == pytest.approx(0.05 / z[:, 0].std())
    assert found["b"]["width_ratio"] == pytest.approx(1.1)
    assert record["statistic"] == pytest.approx(0.1 / 0.2)


def test_chains_that_have_not_converged_decide_nothing():
    apart = autoregressive(1, 4, 200, 0.5, apart=0.3)
    record = compare(posterior(apart), [reference("nuts", apart, 4, divergences=3)])
    assert record["undecided"]
    assert not record["passed"]
    assert max(record["methods"]["nuts"]["chains"]["r_hat"].values()) > 1.01
    better = compare(posterior(normal(1)), [reference("nuts", apart, 4), reference("nested", normal(2))])
    assert better["passed"]


def test_chains_tell_their_effective_size_and_autocorrelation():
    memory, chains, samples = 0.8, 4, 1000
    z = autoregressive(2, chains, samples, memory)
    found = chain_diagnostics(Draws(z, chains), NAMES)
    expected = chains * samples * (1 - memory) / (1 + memory)
    for name in NAMES:
        assert found["r_hat"][name] < 1.05  # 20 seeds within 1.025
        assert found["ess_bulk"][name] == pytest.approx(expected, rel=0.3)  # of the estimate: 20 seeds within 0.25
        np.testing.assert_allclose(found["autocorrelation"][name][:5], memory ** np.arange(5), atol=0.1)
    assert len(found["autocorrelation"]["a"]) == 50


def test_classifier_finds_what_the_best_one_would():
    a, b = np.random.default_rng(3).normal(size=(2, 1000, 1))
    best = norm.cdf(0.5)  # of two unit normal distributions one standard deviation apart
    found = classifier_two_sample_test(a, b + 1.0, 1)
    assert found == pytest.approx(best, abs=4 * np.sqrt(best * (1 - best) / 2000))
