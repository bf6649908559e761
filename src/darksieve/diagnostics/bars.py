"""The record of an analysis, as JSON holds it: bars, each a statistic and its expected range, and the data shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["bar", "rounded", "summarise_bars"]


def bar(statistic: float, low: float | None, high: float | None, meaning: str, timed: bool = False) -> dict[str, Any]:
    """One bar: passed where `low <= statistic <= high`, an end that is None being open.

    A bar that is `timed` was taken from a clock: a second run does not repeat it to the last digit.
    """
    above, below = low is None or statistic >= low, high is None or statistic <= high
    return {
        "statistic": float(statistic),
        "meaning": meaning,
        "expected_range": [low, high],
        "passed": bool(above and below),
        "timed": timed,
    }


def summarise_bars(bars: Mapping[str, Mapping[str, Any]], **details: Any) -> dict[str, Any]:
    """The record of an analysis: passed where all its bars are; `details` are what its figures show."""
    return {"passed": all(entry["passed"] for entry in bars.values()), "bars": dict(bars), **details}


def rounded(values: ArrayLike, digits: int = 6) -> Any:
    """An array as nested lists of numbers with so many significant digits."""
    array = np.asarray(values, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = 10.0 ** (digits - 1 - np.floor(np.log10(np.abs(array))))
        return np.where(array == 0, 0.0, np.round(array * scale) / scale).tolist()
