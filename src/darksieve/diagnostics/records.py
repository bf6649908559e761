"""The record of a diagnostic, as JSON holds it: a statistic, its expected range, and a verdict that can be no."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["FALSE_ALARM", "disagreement", "record_p_values", "undecided"]

FALSE_ALARM = 0.01  # probability that a diagnostic says no to a right posterior
LARGEST_SHIFT = 0.25  # standard deviations, by which the means of two marginals that agree differ at most
LARGEST_EXCESS = 0.2  # of the standard deviation, by which their widths do


def disagreement(mean_shift: float, width_ratio: float) -> float:
    """How far a marginal is from another, in units of what is allowed: at most 1 where they agree."""
    return max(abs(mean_shift) / LARGEST_SHIFT, abs(width_ratio - 1) / LARGEST_EXCESS)


def record_p_values(p_values: Mapping[str, float], meaning: str, **details: Any) -> dict[str, Any]:
    """Record of a test made once a parameter: the smallest p-value counts, times the number of tests (Bonferroni)."""
    smallest = min(1.0, len(p_values) * min(p_values.values()))
    return {
        "statistic": float(smallest),
        "meaning": meaning,
        "expected_range": [FALSE_ALARM, 1.0],
        "passed": bool(smallest >= FALSE_ALARM),
        "false_alarm": FALSE_ALARM,
        **details,
    }


def undecided(record: Mapping[str, Any], reason: str) -> dict[str, Any]:
    """The record of a diagnostic that can say neither yes nor no, and why."""
    return {**record, "passed": False, "undecided": True, "reason": reason}
