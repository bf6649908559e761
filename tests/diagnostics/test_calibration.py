"""Diagnostics of posteriors that are known: exact ones pass as often as they should, wrong ones do not.

The truths are drawn, then a Gaussian posterior of known bias and width is evaluated for each; seeds are fixed.
"""

import numpy as np
import pytest
from scipy.stats import beta, norm

from darksieve.diagnostics.calibration import (
    expected_coverage,
    jeffreys_interval,
    rank_uniformity,
    ratio_normalisation,
)

N = 1000


def checks(seed, bias=0.0, width=1.0):
    """Masses and ranks of one parameter for a posterior N(mean + bias, width) that should be N(mean, 1)."""
    pull = (np.random.default_rng(seed).normal(size=N) - bias) / width
    return {"a": 2 * norm.cdf(np.abs(pull)) - 1}, {"a": norm.cdf(pull)}


@pytest.mark.parametrize(("bias", "width"), [(0.3, 1.0), (0.0, 0.8), (0.0, 1.25)])
def test_wrong_posteriors_are_flagged(bias, width):
    flagged = 0
    for seed in range(40):
        mass, rank = checks(seed, bias, width)
        flagged += not (expected_coverage(mass)["passed"] and rank_uniformity(rank)["passed"])
    assert flagged >= 38


def test_exact_posteriors_raise_the_alarm_of_ranks_at_its_stated_rate():
    alarms = sum(not rank_uniformity(checks(seed)[1])["passed"] for seed in range(400))
    # 400 trials at 1%: mean 4, standard deviation 2; 12 is four of them away
    assert alarms <= 12


def test_exact_posteriors_lie_in_the_band_at_its_stated_rate():
    inside = [
        level["passed"]
        for seed in range(200)
        for level in expected_coverage(checks(seed)[0])["marginals"]["a"]["levels"].values()
    ]
    # 400 trials at 99%: standard deviation 0.5%; four of them
    assert np.mean(inside) == pytest.approx(0.99, abs=0.02)


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
    np.testing.assert_allclose(jeffreys_interval(0, 50)[0], 0.0)
    np.testing.assert_allclose(jeffreys_interval(50, 50)[1], 1.0)
    np.testing.assert_allclose(jeffreys_interval(20, 50, confidence=0.95), beta.ppf([0.025, 0.975], 20.5, 30.5))


def test_ratio_that_does_not_integrate_to_one_is_flagged():
    assert ratio_normalisation({"a": np.random.default_rng(1).normal(0, 0.05, N)})["passed"]
    record = ratio_normalisation({"a": np.zeros(N), "b": np.full(N, -0.3)})
    assert not record["passed"]
    assert record["statistic"] == pytest.approx(0.3)


def test_right_posteriors_of_13_parameters_fail_the_coverage_check_in_3_of_100_runs(monkeypatch):
    from darksieve.diagnostics import calibration

    mass = np.random.default_rng(1).random((300, 13, N))
    failed = {}
    for confidence in (0.95, 0.99):
        monkeypatch.setattr(calibration, "jeffreys_interval", lambda h, n, c=confidence: jeffreys_interval(h, n, c))
        runs = [expected_coverage(dict(enumerate(run)))["passed"] for run in mass]
        failed[confidence] = 1 - np.mean(runs)
    # standard deviations of the fractions: 1% and 2.7%; four of them
    assert failed[0.99] == pytest.approx(0.03, abs=0.04)
    assert failed[0.95] == pytest.approx(0.36, abs=0.11)
