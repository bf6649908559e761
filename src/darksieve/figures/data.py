"""Figures of the data: the observation, and what the posterior leaves of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from darksieve.figures.style import ACCENT, GREY, MAIN, new_figure, show_array, styled
from darksieve.problem.observation import Observation
from darksieve.problem.simulator import Description

__all__ = ["observation_figure", "residuals_figure"]

Arrays = Mapping[str, NDArray[np.float32]]


@styled
def observation_figure(observation: Observation) -> Figure:
    """Every array of the observation."""
    figure = new_figure(4.2 * len(observation.x), 3.4)
    axes = figure.subplots(1, len(observation.x), squeeze=False)[0]
    for panel, (name, array) in zip(axes, observation.x.items()):
        description = observation.descriptions.get(name, Description())
        show_array(panel, array, description, label=_label(name, description))
        panel.set_title("observation")
    return figure


@styled
def residuals_figure(observation: Observation, best: Arrays, residual: Arrays, summary: Mapping[str, Any]) -> Figure:
    """Observation, noise-free prediction of the best posterior draw, and their difference in units of the noise."""
    names = list(best)
    figure = new_figure(12.0, 2.7 * len(names))
    rows = figure.subplots(len(names), 4, squeeze=False, width_ratios=(1, 1, 1, 0.9))
    for row, name in zip(rows, names):
        description = observation.descriptions.get(name, Description())
        label = _label(name, description)
        data, prediction, pull = observation.x[name], best[name], residual[name]
        limits = (float(min(data.min(), prediction.min())), float(max(data.max(), prediction.max())))
        for panel, array, title in ((row[0], data, "observation"), (row[1], prediction, "best posterior draw")):
            show_array(panel, array, description, label=label, limits=limits)
            panel.set_title(title)
        show_array(row[2], pull, description, label=r"residual / noise", limits=(-4, 4), cmap="RdBu_r")
        chi_squared, correlation = summary["reduced_chi_squared_of_best_draw"], summary["neighbour_correlation"]
        row[2].set_title(rf"$\chi^2/N = {chi_squared:.2f}$, neighbours' correlation ${correlation:.2f}$")
        bins = np.linspace(-6, 6, 61)
        row[3].hist(np.clip(pull.ravel(), -6, 6), bins=bins, density=True, color=MAIN, alpha=0.8, label="residuals")
        row[3].plot(bins, np.exp(-0.5 * bins**2) / np.sqrt(2 * np.pi), color=ACCENT, label="unit Gaussian")
        row[3].set(xlabel="residual / noise", ylabel="density", yscale="log", ylim=(1e-4, 5))
        row[3].legend(loc="upper right")
        verdict = "consistent" if summary["passed"] else "undecided" if summary["undecided"] else "misfit"
        p_value = f"= {summary['statistic']:.2g}" if summary["statistic"] else f"< 1 / {summary['draws']}"
        row[3].set_title(rf"{verdict}: $p {p_value}$", color=MAIN if summary["passed"] else ACCENT)
        row[3].axvline(0, color=GREY, lw=0.5)
    return figure


def _label(name: str, description: Description) -> str:
    label = f"${description.label}$" if description.label else name.replace("_", " ")
    return f"{label} [{description.unit}]" if description.unit else label
