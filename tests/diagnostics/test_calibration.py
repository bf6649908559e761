"""Diagnostics of posteriors that are known: exact ones pass as often as they should, wrong ones do not.

The truths are drawn, then a Gaussian posterior of known bias and width is evaluated for each; seeds are fixed.
"""

import numpy as np
import pytest
from scipy.stats import beta, binomtest, norm

from darksieve.diagnostics.calibration import (
    LEVELS,
    average_posterior,
    expected_coverage,
    jeffreys_interval,
    rank_dependence,
    rank_uniformity,
)

N = 1000


def checks(seed, bias=0.0, width=1.0):
    """Masses and ranks of one parameter for a posterior N(mean + bias, width) that should be N(mean, 1)."""
    pull = (np.random.default_rng(seed).normal(size=N) - bias) / width
    return {"a": 2 * norm.cdf(np.abs(pull)) - 1}, {"a": norm.cdf(pull)}


def densities(seed, n, width=0.05, empty=0.0, bins=32):
    """Posterior densities (n, bins) on a ring, exact ones averaging to a constant, wrong ones leaving a part empty."""
    generator = np.random.default_rng(seed)
    edges = np.linspace(0, 1, bins + 1)
    mean = empty + (1 - empty) * generator.random(n)
    turns = np.arange(-2, 3)[:, None, None]
    below = norm.cdf((edges + turns - mean[:, None]) / width).sum(axis=0)
    return np.diff(below, axis=1) * bins


@pytest.mark.parametrize(("bias", "width"), [(0.3, 1.0), (0.0, 0.8), (0.0, 1.25)])
def test_wrong_posteriors_are_flagged(bias, width):
    flagged = 0
    for seed in range(40):
        mass, rank = checks(seed, bias, width)
        flagged += not (expected_coverage(mass)["passed"] and rank_uniformity(rank)["passed"])
    assert flagged >= 38


def test_exact_posteriors_raise_the_alarm_of_ranks_at_its_stated_rate():
    alarms = sum(not rank_uniformity(checks(seed)[1])["passed"] for seed in range(400))
    assert binomtest(alarms, 400, 0.01).pvalue > 1e-3


def test_narrow_posteriors_cover_too_little_and_wide_ones_too_much():
    narrow = expected_coverage(checks(1, width=0.7)[0])["marginals"]["a"]["levels"]["0.68"]["empirical"]
    wide = expected_coverage(checks(1, width=1.4)[0])["marginals"]["a"]["levels"]["0.68"]["empirical"]
    assert narrow < 0.6 < 0.75 < wide


def test_coverage_passes_when_nine_in_ten_marginals_do():
    good, bad = checks(1)[0]["a"], checks(1, width=0.6)[0]["a"]
    marginals = {f"p{i}": good for i in range(9)} | {"p9": bad}
    assert expected_coverage(marginals)["passed"]
    assert not expected_coverage(marginals | {"p8": bad})["passed"]


def test_jeffreys_interval_at_its_ends_and_inside():
    np.testing.assert_allclose(jeffreys_interval(0, 50, 0.99)[0], 0.0)
    np.testing.assert_allclose(jeffreys_interval(50, 50, 0.99)[1], 1.0)
    np.testing.assert_allclose(jeffreys_interval(20, 50, 0.95), beta.ppf([0.025, 0.975], 20.5, 30.5))


@pytest.mark.parametrize("parameters", [1, 2, 5, 9, 10, 13, 22])
def test_right_posteriors_fail_the_coverage_check_at_the_stated_rate_whatever_their_number(parameters):
    """From the binomial law: levels miss as jointly as they do for one uniform mass, marginals independently."""
    confidence = expected_coverage({str(i): np.full(N, 0.5) for i in range(parameters)})["confidence"]
    mass = np.random.default_rng(1).random((20_000, N))
    hits = np.stack([(mass <= level).sum(axis=1) for level in LEVELS])  # (levels, runs)
    interval = jeffreys_interval(hits, N, confidence)
    level = np.array(LEVELS)[:, None]
    miss = np.mean(np.any((interval[..., 0] > level) | (interval[..., 1] < level), axis=0))
    may_miss = parameters // 10
    rate = beta.cdf(miss, may_miss + 1, parameters - may_miss)
    # the bound of two levels is 1%; their correlation and the discreteness of counts leave some of it
    assert 0.004 < rate < 0.0125


def test_ranks_of_posteriors_that_ignore_the_data_depend_on_them():
    generator = np.random.default_rng(3)
    truth = generator.normal(size=N)
    x = truth[:, None] + generator.normal(size=(N, 2))
    blind = {"a": norm.cdf(truth)}
    assert rank_uniformity(blind)["passed"]
    assert expected_coverage({"a": 2 * np.abs(norm.cdf(truth) - 0.5)})["passed"]
    assert not rank_dependence(blind, x)["passed"]


def test_errors_that_average_out_are_seen_in_the_data():
    """Posteriors shifted by 0.3 standard deviations, up or down with the data."""
    generator = np.random.default_rng(4)
    x = generator.normal(size=(N, 3))
    pull = generator.normal(size=N) + 0.3 * np.sign(x[:, 1])
    assert not rank_dependence({"a": norm.cdf(pull)}, x)["passed"]


def test_ranks_of_exact_posteriors_seem_to_depend_on_the_data_at_the_stated_rate():
    generator = np.random.default_rng(5)
    records = [
        rank_dependence(dict(zip("ab", generator.random((2, 200)))), generator.normal(size=(200, 10)))
        for _ in range(1000)
    ]
    assert binomtest(sum(not record["passed"] for record in records), 1000, 0.01).pvalue > 1e-3


@pytest.mark.parametrize("width", [0.02, 0.1, 0.5])
def test_mean_of_exact_posteriors_is_called_the_prior(width):
    """The rate is at most the stated one; below it where the tolerance of 2% counts."""
    alarms = sum(not average_posterior({"a": densities(seed, 300, width)})["passed"] for seed in range(300))
    assert binomtest(alarms, 300, 0.01, alternative="greater").pvalue > 1e-3


def test_mean_of_posteriors_that_avoid_a_part_of_the_box_is_not_the_prior():
    assert not average_posterior({"a": densities(1, N), "b": densities(2, N, empty=0.1)})["passed"]
    assert average_posterior({"a": densities(1, N), "b": densities(2, N)})["passed"]


def test_posteriors_that_learn_nothing_may_depart_a_little_from_the_prior():
    wave = 1 + 0.01 * np.cos(2 * np.pi * (np.arange(32) + 0.5) / 32)
    noise = 0.001 * np.random.default_rng(1).normal(size=(N, 1))
    assert average_posterior({"a": 1 + (1 + noise) * (wave - 1)})["passed"]
    assert not average_posterior({"a": 1 + 20 * (1 + noise) * (wave - 1)})["passed"]
