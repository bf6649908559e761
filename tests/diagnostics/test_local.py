"""The check at the observation, on joint posteriors of linear Gaussian data that are wrong everywhere or just there."""

import numpy as np
import pytest
from scipy.stats import binomtest

from darksieve.diagnostics.local import EVALUATIONS, local_two_sample_test

DRAWS = 64
MATRIX = np.random.default_rng(5).normal(size=(4, 4)) / 2
NOISE = 0.4
COVARIANCE = np.linalg.inv(np.eye(4) + MATRIX.T @ MATRIX / NOISE**2)
ROOT, DEVIATION = np.linalg.cholesky(COVARIANCE), np.sqrt(np.diag(COVARIANCE))


def check(seed, n=300, shift=0.0, width=1.0, local_shift=0.0, correlated=True):
    """L-C2ST of posteriors that are shifted or of another width, `local_shift` where the first datum is above zero."""
    generator = np.random.default_rng(seed)
    truth = generator.normal(size=(n + 1, 4))
    x = truth @ MATRIX.T + NOISE * generator.normal(size=(n + 1, 4))
    x[n, 0] = np.abs(x[n, 0])
    mean = x @ (MATRIX / NOISE**2) @ COVARIANCE

    def draw(rows, m):
        normal = generator.normal(size=(len(mean[rows]), m, 4))
        offset = normal @ ROOT.T if correlated else normal * DEVIATION
        moved = shift + np.where(x[rows, :1] > 0, local_shift, -local_shift)
        return mean[rows, None] + width * offset + moved[:, None] * DEVIATION

    everywhere, there = slice(n), slice(n, n + 1)
    observed = draw(there, DRAWS + EVALUATIONS)[0]
    return local_two_sample_test(truth[:n], draw(everywhere, DRAWS), x[:n], observed, x[n], seed)


@pytest.mark.parametrize(
    "wrong",
    [{"shift": 0.5}, {"width": 0.7}, {"width": 1.4}, {"correlated": False}, {"local_shift": 0.5}],
    ids=["shifted", "narrow", "wide", "uncorrelated", "averaging out"],
)
def test_wrong_posteriors_are_flagged_at_the_observation(wrong):
    assert sum(not check(seed, **wrong)["passed"] for seed in range(10)) >= 9


def test_exact_posteriors_raise_the_alarm_at_the_stated_rate():
    """Fewer simulations make it no less exact; nulls tie with the truth once in a thousand."""
    alarms = sum(not check(seed, n=60)["passed"] for seed in range(200))
    assert binomtest(alarms, 200, 0.01).pvalue > 1e-3
