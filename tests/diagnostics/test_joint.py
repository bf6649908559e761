"""The joint check on posteriors that are known: a Gaussian of two parameters from data with correlated noise."""

import numpy as np
import pytest
from scipy.stats import binomtest

from darksieve.diagnostics.joint import nearby_truths, random_point_coverage

N, DRAWS = 1000, 64
CORRELATED = np.linalg.cholesky([[1.0, 0.9], [0.9, 1.0]])


def check(seed, n=N, shift=0.0, width=1.0, draw=CORRELATED, ignore=False):
    """The check of posteriors that are shifted, of another width or shape, or that ignore the data."""
    generator = np.random.default_rng(seed)
    truth = 3 * generator.normal(size=(n, 2))
    noise = generator.normal(size=(n, 2)) @ CORRELATED.T
    x = truth + noise
    precision = np.linalg.inv(CORRELATED @ CORRELATED.T)
    covariance = np.linalg.inv(precision + np.eye(2) / 9)
    mean, root = x @ precision @ covariance, np.linalg.cholesky(covariance)
    if draw is not CORRELATED:
        root = np.diag(np.sqrt(np.diag(covariance)))
    if ignore:
        mean, root = np.zeros_like(x), 3 * np.eye(2)
    samples = mean[:, None] + shift + width * generator.normal(size=(n, DRAWS, 2)) @ root.T
    return random_point_coverage(samples, truth, nearby_truths(x, truth, seed), seed)


@pytest.mark.parametrize(
    "wrong",
    [{"shift": 1.0}, {"width": 0.7}, {"width": 1.4}, {"draw": None}, {"ignore": True}],
    ids=["shifted", "narrow", "wide", "uncorrelated", "prior"],
)
def test_wrong_joint_posteriors_are_flagged(wrong):
    assert sum(not check(seed, **wrong)["passed"] for seed in range(40)) >= 38


def test_exact_joint_posteriors_raise_the_alarm_at_its_stated_rate():
    alarms = sum(not check(seed, n=300)["passed"] for seed in range(600))
    assert binomtest(alarms, 600, 0.01).pvalue > 1e-3  # with the very nearest truths as points there are some 20


def test_points_are_truths_of_other_simulations_with_similar_data():
    """Two groups of 26: each picks one of the 25 others of its own."""
    x = np.concatenate([np.linspace(0, 1, 26), np.linspace(50, 51, 26)])[:, None]
    for seed in range(20):
        picked = nearby_truths(x, np.arange(52.0)[:, None], seed)[:, 0]
        np.testing.assert_array_equal(picked < 26, np.arange(52) < 26)
        assert not np.any(picked == np.arange(52))
