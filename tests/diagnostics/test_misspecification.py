"""The observation among simulations: lines with Gaussian noise, and observations that these could not have made."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.stats import binomtest
from torch import nn

from darksieve.diagnostics.misspecification import compare_summaries
from darksieve.diagnostics.summaries import Components, summarise_data

DAYS = np.linspace(-1, 1, 20)
NOISE = 0.1


def lines(generator, n):
    """Data (n, 20) of lines whose parameters are drawn from a box some posterior widths across."""
    intercept, slope = generator.uniform(-0.1, 0.1, (2, n, 1))
    return intercept + slope * DAYS + NOISE * generator.normal(size=(n, 20))


def glitch(x, generator):
    x[generator.integers(20)] += 8 * NOISE
    return x


def offset(x, generator):
    return x + 0.5 * (DAYS > 0)


def noisier(x, generator):
    return x + np.sqrt(3) * NOISE * generator.normal(size=20)


def check(seed, change=None, n=300):
    generator = np.random.default_rng(seed)
    simulated, (observed,) = lines(generator, n), lines(generator, 1)
    return compare_summaries(simulated, observed if change is None else change(observed, generator))


@pytest.mark.parametrize("change", [glitch, offset, noisier])
def test_observations_with_what_no_simulation_has_are_flagged(change):
    assert sum(not check(seed, change)["passed"] for seed in range(20)) >= 16


def test_observations_that_are_simulations_are_flagged_at_the_stated_rate():
    alarms = sum(not check(seed, n=150)["passed"] for seed in range(500))
    assert binomtest(alarms, 500, 0.01, alternative="greater").pvalue > 1e-3
    assert alarms > 0  # at 1% none of 500 happens in 0.7% of cases


def test_summaries_of_any_distribution_keep_the_rate():
    generator = np.random.default_rng(1)
    alarms = 0
    for _ in range(300):
        values = generator.standard_cauchy((151, 8)) * np.logspace(-3, 3, 8)
        alarms += not compare_summaries(values[:-1], values[-1])["passed"]
    assert binomtest(alarms, 300, 0.01, alternative="greater").pvalue > 1e-3


def test_too_few_simulations_decide_nothing():
    record = check(1, n=60)
    assert record["undecided"]
    assert "60 simulations" in record["reason"]


def test_summaries_that_never_vary_do_not_count():
    generator = np.random.default_rng(2)
    values = np.concatenate([lines(generator, 301), np.full((301, 3), 7.0)], axis=1)
    components = Components.find(values, 30)
    assert components(values).shape == (301, 20)
    np.testing.assert_allclose(np.cov(components(values).T, bias=True), np.eye(20), atol=1e-9)


def test_data_stand_in_for_summaries_that_a_network_does_not_offer():
    x = {"a": torch.arange(6.0).reshape(3, 2), "b": torch.ones(3, 1, 2)}
    blind = SimpleNamespace(networks=(nn.Identity(),), device="cpu")
    np.testing.assert_array_equal(summarise_data(blind, x)[1], [2, 3, 1, 1])


def test_learned_summaries_tell_a_misspecified_observation(trained):
    experiment, observation, simulations, estimator, _ = trained
    generator = torch.Generator().manual_seed(4)
    signal = {name: torch.from_numpy(array[:1000]) for name, array in simulations.x.items()}
    simulated = summarise_data(estimator, experiment.simulator.observe(signal, generator))
    right = summarise_data(estimator, observation.batch())[0]
    assert compare_summaries(simulated, right)["passed"]
    bent = {name: array + torch.from_numpy(5 * NOISE * np.cos(4 * DAYS)) for name, array in observation.batch().items()}
    wrong = summarise_data(estimator, {name: array.float() for name, array in bent.items()})[0]
    assert not compare_summaries(simulated, wrong)["passed"]
