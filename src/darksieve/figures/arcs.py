"""Figures of the analysis `arcs`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from darksieve.figures.style import DOUBLE, new_figure, styled

__all__ = ["FIGURES", "couplings_figure", "maps_figure"]


@styled
def maps_figure(record: Mapping[str, Any]) -> Figure:
    """Held-out maps, and maps drawn from the machine."""
    pixels = record["pixels"]
    figure = new_figure(DOUBLE, 2.9)
    rows = figure.subplots(2, len(record["maps"]))
    for row, images, label in zip(rows, (record["maps"], record["samples"]), ("simulated", "drawn")):
        for axes, image in zip(row, images):
            axes.imshow(np.reshape(image, (pixels, pixels)), cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
            axes.set(xticks=[], yticks=[])
        row[0].set_ylabel(label)
    figure.suptitle(
        rf"held-out $\ln p$ above that of independent pixels: {record['gain_nats']:.1f} $\pm$ "
        f"{record['gain_error']:.1f} nats a map", fontsize=8,
    )  # fmt: skip
    return figure


@styled
def couplings_figure(record: Mapping[str, Any]) -> Figure:
    """Effective couplings of some pixels and their covariances, and the strongest hidden units, as maps."""
    pixels, chosen = record["pixels"], record["chosen"]
    figure = new_figure(DOUBLE, 5.6)
    halves: Any = figure.subfigures(2, 1, height_ratios=(1, 1))
    upper, lower = halves
    panels = upper.subplots(2, len(chosen) + 1)
    for row, key, label in zip(panels, ("couplings", "covariance"), ("coupling", "covariance")):
        values = np.array(record[key])
        values[np.arange(len(chosen)), chosen] = 0.0
        limit = np.abs(values).max()
        for axes, pixel, image in zip(row, chosen, values):
            shown = axes.imshow(image.reshape(pixels, pixels), cmap="RdBu_r", vmin=-limit, vmax=limit)
            axes.plot(pixel % pixels, pixel // pixels, "kx", ms=6)
            axes.set(xticks=[], yticks=[])
        row[0].set_ylabel(label)
        upper.colorbar(shown, ax=row[-1], label=label, location="left", fraction=0.5)
        row[-1].set_axis_off()
    weights = np.array(record["weights"])
    limit = np.abs(weights).max()
    grid = lower.subplots(2, -(-len(weights) // 2), squeeze=False)
    for axes in grid.ravel():
        axes.set_axis_off()
    for axes, image in zip(grid.ravel(), weights):
        shown = axes.imshow(image.reshape(pixels, pixels), cmap="RdBu_r", vmin=-limit, vmax=limit)
    lower.colorbar(shown, ax=list(grid.ravel()), label="weight")
    upper.suptitle("what a pixel (cross) does to the others", fontsize=8)
    lower.suptitle("strongest hidden units", fontsize=8)
    return figure


FIGURES: dict[str, Callable[[Mapping[str, Any]], Figure]] = {"maps": maps_figure, "couplings": couplings_figure}
