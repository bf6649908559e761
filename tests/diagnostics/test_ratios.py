import numpy as np
import pytest
from scipy.special import expit

from darksieve.diagnostics.ratios import effective_fraction, effective_samples, ratio_balance, ratio_normalisation

N = 1000
GRID = (np.arange(512) + 0.5) / 512


def gaussian_ratios(seed, n, width=0.1, claimed=0.1):
    """Log-ratios (cells,) and at the truths (n,) of Gaussian posteriors on a ring, claimed to be of some width."""
    generator = np.random.default_rng(seed)
    offset = width * generator.normal(size=n)

    def log_ratio(distance):
        return -0.5 * (distance / claimed) ** 2 - np.log(claimed * np.sqrt(2 * np.pi))

    return log_ratio(GRID - 0.5), log_ratio(offset)


def balance(seed, n=N, **widths):
    log_ratio, at_truth = gaussian_ratios(seed, n, **widths)
    return expit(at_truth) + expit(log_ratio).mean() - 1


def test_ratio_that_does_not_integrate_to_one_is_flagged():
    assert ratio_normalisation({"a": np.random.default_rng(1).normal(0, 0.05, N)}, "nre-a")["passed"]
    record = ratio_normalisation({"a": np.zeros(N), "b": np.full(N, -0.3)}, "nre-a")
    assert not record["passed"]
    assert record["statistic"] == pytest.approx(0.3)


def test_mean_ratio_counts_with_its_error():
    """Logarithms of mean zero whose exponentials have mean exp(0.5^2 / 2) = 1.13, known to 0.02."""
    record = ratio_normalisation({"a": np.random.default_rng(1).normal(0, 0.5, N)}, "nre-c")
    marginal = record["marginals"]["a"]
    assert marginal["mean_ratio"] == pytest.approx(1.133, abs=5 * marginal["standard_error"])
    assert marginal["standard_error"] == pytest.approx(0.6 / np.sqrt(N), rel=0.15)
    assert record["statistic"] == pytest.approx(
        max(marginal["mean_ratio"] - 1 - 3 * marginal["standard_error"], abs(marginal["mean_log_normalisation"]))
    )


def test_right_ratios_are_balanced_and_overconfident_ones_are_not():
    alarms = sum(not ratio_balance({"a": balance(seed)}, "nre-a")["passed"] for seed in range(200))
    assert alarms <= 6  # at most 1%: more than six of 200 happen in 0.5% of cases
    assert not ratio_balance({"a": balance(1), "b": balance(2, claimed=0.05)}, "nre-a")["passed"]


def test_biased_loss_leaves_undecided_what_it_biases():
    for record in (ratio_balance({"a": balance(1)}, "nre-b"), ratio_normalisation({"a": np.zeros(N)}, "nre-b")):
        assert record["undecided"]
        assert not record["passed"]
        assert "nre-b" in record["reason"]


def test_effective_fraction_of_a_gaussian_is_its_width():
    """E[r]^2 / E[r^2] = 2 sqrt(pi) sigma for a Gaussian of width sigma in a box of width one."""
    log_ratio, _ = gaussian_ratios(1, 2, claimed=0.03)
    assert effective_fraction(log_ratio) == pytest.approx(2 * np.sqrt(np.pi) * 0.03, rel=1e-6)


def test_box_too_wide_for_the_posterior_decides_nothing():
    simulated = {name: np.full(N, 0.3) for name in "ab"}
    assert effective_samples(simulated, {"a": 0.3, "b": 0.02})["passed"]
    record = effective_samples(simulated, {"a": 0.3, "b": 0.002})
    assert record["undecided"]
    assert record["statistic"] == 0.002
