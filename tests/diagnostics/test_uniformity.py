import numpy as np
import pytest
from scipy.stats import binomtest, kstest

from darksieve.diagnostics.uniformity import POINTS, empirical_distribution, simultaneous_band, uniform_p_value


@pytest.mark.parametrize("n", [60, 200, 1000])
def test_band_holds_all_of_the_distribution_as_often_as_stated(n):
    low, high = simultaneous_band(n, 0.05)
    values = np.random.default_rng(n).random((2000, n))
    outside = 0
    for row in values:
        empirical = empirical_distribution(row)
        outside += bool(np.any((empirical < low - 1e-9) | (empirical > high + 1e-9)))
    # counts are whole, so that the rate is at most the stated one, and near it
    assert binomtest(outside, 2000, 0.05, alternative="greater").pvalue > 1e-3
    assert outside > 60


def test_p_values_of_uniform_numbers_are_uniform():
    generator = np.random.default_rng(1)
    p_values = [uniform_p_value(generator.random(300)) for _ in range(1000)]
    assert kstest(p_values, "uniform").pvalue > 1e-3


def test_p_value_and_band_agree():
    n = 150
    low, high = simultaneous_band(n, 0.1)
    for seed in range(300):
        values = np.random.default_rng(seed).random(n) ** 1.1
        empirical = empirical_distribution(values)
        inside = bool(np.all((empirical >= low) & (empirical <= high)))
        assert inside == (uniform_p_value(values) > 0.1)


def test_crowded_tails_are_seen_better_than_by_kolmogorov_and_smirnov():
    """Ranks of posteriors cut in their upper 3%: in 50 runs the band sees 45, KS 6."""
    seen = {"band": 0, "ks": 0}
    for seed in range(50):
        values = np.minimum(np.random.default_rng(seed).random(500) / 0.97, 1.0)
        seen["band"] += uniform_p_value(values) < 0.01
        seen["ks"] += kstest(values, "uniform").pvalue < 0.01
    assert seen["band"] > 40
    assert seen["ks"] < 10


def test_distribution_counts_what_is_at_most_a_point():
    np.testing.assert_allclose(empirical_distribution(POINTS), np.arange(1, 100) / 99)
