"""Are n numbers uniform in [0, 1]? Their empirical distribution against a band that holds all of it at once.

At each of 99 points the count of numbers below is binomial; the least of the pointwise two-sided tail probabilities is
the statistic. Its own distribution is exact: counts between points are independent Poisson numbers, given their sum.
The band is as likely to be left at its ends as in its middle, where that of Kolmogorov and Smirnov hardly ever is:
so it also sees the crowded or empty tails of posteriors that are too narrow, too wide or cut.

References: Sailynoja, Burkner & Vehtari 2022, Statistics and Computing 32, 32 (arXiv 2103.10522), section 2.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["POINTS", "empirical_distribution", "simultaneous_band", "uniform_p_value"]

Floats = NDArray[np.float64]
INTERVALS = 100
POINTS = np.arange(1, INTERVALS) / INTERVALS
HALVINGS = 40


def empirical_distribution(values: Floats) -> Floats:
    """Fraction (99,) of `values` (n,) that are at most each of `POINTS`."""
    return np.searchsorted(np.sort(values), POINTS, side="right") / len(values)


def uniform_p_value(values: Floats) -> float:
    """Probability that the empirical distribution of n uniform numbers strays further than that of `values` (n,)."""
    n = len(values)
    tails = _tail_probabilities(n)
    counts = np.rint(empirical_distribution(values) * n).astype(int)
    return _probability_outside(n, float(tails[np.arange(len(POINTS)), counts].min()))


@lru_cache(maxsize=4)
def simultaneous_band(n: int, false_alarm: float) -> tuple[Floats, Floats]:
    """Lowest and highest value (99,) that the distribution of n uniform numbers takes at `POINTS`.

    With probability `false_alarm`, or less since counts are whole, it leaves the band somewhere.
    """
    low, high = 0.0, 1.0  # pointwise levels
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if _probability_outside(n, middle) > false_alarm else (middle, high)
    first, last = _limits(n, low)
    return first / n, last / n


@lru_cache(maxsize=4)
def _tail_probabilities(n: int) -> Floats:
    """Twice the smaller binomial tail (99, n + 1) of every count at every point, that count included."""
    from scipy.stats import binom

    counts = np.arange(n + 1)
    below = binom.cdf(counts, n, POINTS[:, None])
    above = binom.sf(counts - 1, n, POINTS[:, None])
    return 2 * np.minimum(below, above)


def _limits(n: int, level: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and last count (99,) at each point whose tail probability is above a level below one."""
    inside = _tail_probabilities(n) > level
    return inside.argmax(axis=1), n - inside[:, ::-1].argmax(axis=1)


def _probability_outside(n: int, level: float) -> float:
    """Probability that n uniform numbers have a count whose tail probability is at most `level` at any point."""
    from scipy.stats import poisson

    if level >= 1.0:  # at the median of an even count every tail is above a half
        return 1.0
    step = poisson.pmf(np.arange(n + 1), n / INTERVALS)
    state: Floats = np.ones(1)  # probabilities of the counts from `lowest` on
    lowest = 0
    for first, last in zip(*(np.append(limit, n) for limit in _limits(n, level))):
        state = np.convolve(state, step[: last - lowest + 1])[first - lowest : last - lowest + 1]
        lowest = first
    return float(np.clip(1.0 - state[0] / poisson.pmf(n, n), 0.0, 1.0))
