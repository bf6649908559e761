"""Figures of the analysis `diffusion/galaxies`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from darksieve.figures.style import ACCENT, DOUBLE, GREY, MAIN, new_figure, styled

__all__ = ["FIGURES", "drawn_figure", "statistics_figure"]

COLUMNS = 8


@styled
def drawn_figure(record: Mapping[str, Any]) -> Figure:
    """Galaxies drawn from the prior, for the first of them the nearest it learned from, and galaxies not seen."""
    images = record["images"]
    rows = [
        ("drawn", images["drawn"][:COLUMNS]),
        ("nearest\nlearned from", images["nearest"][:COLUMNS]),
        ("drawn", images["drawn"][COLUMNS:]),
        ("unseen", images["unseen"][:COLUMNS]),
    ]
    figure = new_figure(DOUBLE, 3.7)
    for row, (name, shown) in zip(figure.subplots(len(rows), COLUMNS), rows):
        row[0].set_ylabel(name, fontsize=8)
        for axes, image in zip(row, shown):
            array = np.array(image)
            axes.imshow(np.arcsinh(4.0 * array / array.max()), vmin=-0.2, vmax=2.1, interpolation="nearest")
            axes.set(xticks=[], yticks=[])
    return figure


@styled
def statistics_figure(record: Mapping[str, Any]) -> Figure:
    """Distributions of four statistics, mean power, distances to what was learned from, and the loss."""
    figure = new_figure(DOUBLE, 4.2)
    panels = figure.subplots(2, 4).ravel()
    colours = {"drawn": MAIN, "unseen": ACCENT}
    for axes, name in zip(panels, record["distances"]):
        values = {which: np.array(record["statistics"][which][name]) for which in colours}
        low, high = np.quantile(values["unseen"], [0.002, 0.998])
        for which, colour in colours.items():
            axes.hist(
                values[which], bins=25, range=(low, high), histtype="step", density=True, color=colour, label=which
            )
        axes.set(xlabel=name, yticks=[])
    panels[0].set_ylabel("density")
    panels[0].legend()
    power, near, loss = panels[4], panels[5], panels[6]
    for which, colour in colours.items():
        power.loglog(record["power"]["wavenumber"], record["power"][which], color=colour, lw=1.2)
        near.hist(record["nearest"][which], bins=25, histtype="step", density=True, color=colour)
    power.set(xlabel="cycles an image", ylabel="mean power")
    near.set(xlabel="rms distance to the\nnearest learned from", yticks=[])
    steps = 100 * np.arange(1, 1 + len(record["losses"]))
    loss.plot(steps, record["losses"], color=GREY, lw=1)
    loss.set(xlabel="gradient steps", ylabel="loss")
    panels[7].remove()
    return figure


FIGURES: dict[str, Callable[[Mapping[str, Any]], Figure]] = {
    "drawn": drawn_figure,
    "statistics": statistics_figure,
}
