"""The verdict on a posterior: all its diagnostics, summed up as yes, no or undecided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["describe_failures", "judge"]


def judge(records: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Sum up the records of all diagnostics, by name.

    The verdict is no where any says no, undecided where none does and some cannot say, else yes. A right posterior is
    called wrong with at most the probability `false_alarm`, the sum of those of the diagnostics.
    """
    keys = ("statistic", "expected_range", "meaning", "reason")
    diagnostics = [
        {
            "name": name,
            "passed": record["passed"],
            "undecided": record.get("undecided", False),
            **{key: record[key] for key in keys if key in record},
        }
        for name, record in records.items()
    ]
    failed = any(not entry["passed"] and not entry["undecided"] for entry in diagnostics)
    doubtful = any(entry["undecided"] for entry in diagnostics)
    return {
        "verdict": "no" if failed else "undecided" if doubtful else "yes",
        "false_alarm": sum(record.get("false_alarm", 0.0) for record in records.values()),
        "diagnostics": diagnostics,
    }


def describe_failures(verdict: Mapping[str, Any]) -> str:
    """The diagnostics that say no, with their statistics, in words."""
    failed = [entry for entry in verdict["diagnostics"] if not entry["passed"] and not entry["undecided"]]
    return ", ".join(
        "{} ({:.3g}, expected {:.3g} to {:.3g})".format(entry["name"], entry["statistic"], *entry["expected_range"])
        for entry in failed
    )
