"""The joint check on posteriors that are known: a Gaussian of two parameters from data with correlated noise."""

import numpy as np
import pytest

from darksieve.diagnostics.joint import nearest_truths, random_point_coverage

N, DRAWS = 1000, 64
CORRELATED = np.linalg.cholesky([[1.0, 0.9], [0.9, 1.0]])


def check(seed, shift=0.0, width=1.0, draw=CORRELATED, ignore=False):
    """The check of posteriors that are shifted, of another width or shape, or that ignore the data."""
    generator = np.random.default_rng(seed)
    truth = 3 * generator.normal(size=(N, 2))
    noise = generator.normal(size=(N, 2)) @ CORRELATED.T
    x = truth + noise
    precision = np.linalg.inv(CORRELATED @ CORRELATED.T)
    covariance = np.linalg.inv(precision + np.eye(2) / 9)
    mean, root = x @ precision @ covariance, np.linalg.cholesky(covariance)
    if draw is not CORRELATED:
        root = np.diag(np.sqrt(np.diag(covariance)))
    if ignore:
        mean, root = np.zeros_like(x), 3 * np.eye(2)
    samples = mean[:, None] + shift + width * generator.normal(size=(N, DRAWS, 2)) @ root.T
    return random_point_coverage(samples, truth, nearest_truths(x, truth), seed)


@pytest.mark.parametrize(
    "wrong",
    [{"shift": 1.0}, {"width": 0.7}, {"width": 1.4}, {"draw": None}, {"ignore": True}],
    ids=["shifted", "narrow", "wide", "uncorrelated", "prior"],
)
def test_wrong_joint_posteriors_are_flagged(wrong):
    assert sum(not check(seed, **wrong)["passed"] for seed in range(40)) >= 38


def test_exact_joint_posteriors_raise_the_alarm_at_its_stated_rate():
    alarms = sum(not check(seed)["passed"] for seed in range(200))
    # 200 trials at 1%: mean 2, standard deviation 1.4; 8 is four of them away
    assert alarms <= 8


def test_nearest_truth_is_that_of_another_simulation():
    x = np.array([[0.0], [0.1], [5.0], [5.3]])
    np.testing.assert_array_equal(nearest_truths(x, np.arange(4.0)[:, None])[:, 0], [1, 0, 3, 2])
