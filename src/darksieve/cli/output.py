"""What the verbs that draw figures and hold analyses to their bars share."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darksieve.cli.arguments import whole_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["report_bars", "write_figure"]

LOG = logging.getLogger("darksieve.analyse")


def write_figure(figure: Figure, *paths: Path) -> None:
    """Save a figure to files whose suffixes say how, each whole or not at all."""
    from darksieve.figures.style import save

    logging.getLogger("fontTools").setLevel(logging.ERROR)  # warns of the time stamps of matplotlib's own fonts
    for path in paths:
        with whole_file(path) as part:
            typed = part.with_suffix(path.suffix)
            save(figure, typed)
            typed.replace(part)


def report_bars(record: Mapping[str, Any]) -> None:
    """Log a line for each bar of an analysis."""
    for name, entry in record["bars"].items():
        low, high = ("open" if edge is None else f"{edge:.4g}" for edge in entry["expected_range"])
        verdict = "passed" if entry["passed"] else "FAILED"
        LOG.info("%s %s: %.4g, expected %s to %s: %s", name, verdict, entry["statistic"], low, high, entry["meaning"])
