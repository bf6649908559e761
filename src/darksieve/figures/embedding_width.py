"""Figures of the analysis `embedding_width`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from darksieve.figures.style import ACCENT, DOUBLE, GREY, MAIN, SINGLE, new_figure, styled

__all__ = ["FIGURES", "kurtosis_figure", "spread_figure"]


@styled
def kurtosis_figure(record: Mapping[str, Any]) -> Figure:
    """Excess kurtosis of a random embedding's features against its width; the estimator's is the widest."""
    figure = new_figure(SINGLE, 3.2)
    axes = figure.subplots()
    width, kurtosis, error = (
        np.array([entry[key] for entry in record["widths"]]) for key in ("width", "kurtosis", "error")
    )
    axes.plot(width, np.abs(kurtosis[-1]) * width[-1] / width, color=GREY, lw=0.8, label="1 / width")
    for sign, colour, name in ((1, ACCENT, "positive"), (-1, MAIN, "negative")):
        rows = np.sign(kurtosis) == sign
        if rows.any():
            axes.errorbar(width[rows], np.abs(kurtosis[rows]), error[rows], fmt="o", color=colour, ms=4, label=name)
    axes.set(xscale="log", yscale="log", xlabel="neurons of the last hidden layer", ylabel="|excess kurtosis|")
    axes.set_xticks(width, [f"{w:.0f}" for w in width])
    axes.xaxis.minorticks_off()
    axes.legend()
    return figure


@styled
def spread_figure(record: Mapping[str, Any]) -> Figure:
    """Scatter of the ensemble's posterior means beside what the Gaussian process says, and what both know."""
    figure = new_figure(DOUBLE, 3.2)
    left, middle, right = figure.subplots(1, 3, width_ratios=(1.2, 1.0, 1.0))
    spread, place = record["spread"], np.arange(len(record["spread"]))
    labels = [f"${label.split(' / ')[0]}$" for label in record["labels"]]
    for entry, colour in zip(spread, _colours(len(spread))):
        left.loglog(entry["deviation"], entry["scatter"], ".", color=colour, ms=2.5)
    every = np.concatenate([[*entry["deviation"], *entry["scatter"]] for entry in spread])
    limits = 0.8 * float(np.quantile(every, 0.01)), 1.25 * every.max()
    left.axline((limits[1], limits[1]), (limits[0], limits[0]), color=GREY, lw=0.8)
    left.set(
        xlim=limits, ylim=limits, xlabel="s.d. by the Gaussian process", ylabel="scatter of the ensemble",
        title="colours: parameters",
    )  # fmt: skip
    for colour, marker, key, name in (
        (MAIN, "o", "ratio", "ratio of scatters"), (ACCENT, "s", "rank_correlation", "rank correlation"),
    ):  # fmt: skip
        middle.plot([entry[key] for entry in spread], place, marker, color=colour, ms=4, label=name)
    middle.axvline(1.0, color=GREY, lw=0.7)
    middle.axvline(0.0, color=GREY, lw=0.7, ls=":")
    middle.set(xlabel="ensemble and process")
    for colour, marker, key, name in (
        (MAIN, "o", "ensemble", "estimators"), (ACCENT, "s", "process", "Gaussian process"),
    ):  # fmt: skip
        right.plot([entry["explained"][key] for entry in spread], place, marker, color=colour, ms=4, label=name)
    right.set(xlabel="variance explained", xlim=(-0.2, 1.05))
    for axes in (middle, right):
        axes.set(yticks=place, ylim=(len(place) - 0.5, -2.5))
        axes.set_yticklabels(labels if axes is middle else [])
        axes.legend(loc="upper left", fontsize=7, frameon=True, framealpha=1.0, edgecolor="none")
    return figure


def _colours(number: int) -> Any:
    import matplotlib as mpl

    return mpl.colormaps["viridis"](np.linspace(0.0, 0.9, number))


FIGURES: dict[str, Callable[[Mapping[str, Any]], Figure]] = {"kurtosis": kurtosis_figure, "spread": spread_figure}
