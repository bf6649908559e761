"""Figures of the analysis `summary_theory`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from darksieve.figures.style import ACCENT, DOUBLE, GREY, MAIN, new_figure, styled

__all__ = ["FIGURES", "couplings_figure", "strengths_figure"]


@styled
def strengths_figure(record: Mapping[str, Any]) -> Figure:
    """How strongly each component of the summaries interacts, and which parameters it follows."""
    figure = new_figure(DOUBLE, 3.0)
    left, right = figure.subplots(1, 2, width_ratios=(1.0, 1.5))
    correlations = np.array(record["correlations"])
    place = np.arange(1, len(correlations) + 1)
    for shift, colour, (order, entry) in zip((-0.1, 0.1), (MAIN, ACCENT), record["strength"].items()):
        left.errorbar(
            place + shift, entry["value"], entry["error"], fmt="o", color=colour, ms=4, label=f"{order} order"
        )
    left.axhline(0.0, color=GREY, lw=0.7)
    left.set(xlabel="component of the summaries", ylabel="r.m.s. coupling", xticks=place)
    left.legend()
    shown = right.imshow(np.abs(correlations), vmin=0.0, vmax=1.0, aspect="auto", cmap="Blues", origin="upper")
    labels = [f"${label.split(' / ')[0]}$" for label in record["labels"]]
    right.set_xticks(range(len(labels)), labels, rotation=60, ha="right")
    right.set_yticks(place - 1, place)
    right.set(ylabel="component", xlabel="parameter")
    figure.colorbar(shown, ax=right, label="|correlation|", shrink=0.9)
    return figure


@styled
def couplings_figure(record: Mapping[str, Any]) -> Figure:
    """Third-order couplings by score matching of two halves, and third cumulants of the network's theory."""
    figure = new_figure(DOUBLE, 3.2)
    left, right = figure.subplots(1, 2)
    first, second = record["couplings"]["halves"]
    left.axline((0.0, 0.0), slope=1.0, color=GREY, lw=0.7)
    left.plot(first, second, "o", color=MAIN, ms=3)
    correlation = record["bars"]["halves"]["statistic"]
    left.set(xlabel="coupling, one half", ylabel="the other half", title=f"score matching, $r={correlation:.3f}$")
    right.axline((0.0, 0.0), slope=1.0, color=GREY, lw=0.7)
    right.plot(record["cumulants"]["summaries"], record["cumulants"]["network"], "o", color=ACCENT, ms=3)
    gain, error = record["gain"]
    right.set(
        xlabel="third cumulant of the summaries", ylabel="of the network's samples",
        title=rf"network, {gain:.2f} $\pm$ {error:.2f} nats above Gaussian",
    )  # fmt: skip
    return figure


FIGURES: dict[str, Callable[[Mapping[str, Any]], Figure]] = {
    "strengths": strengths_figure,
    "couplings": couplings_figure,
}
