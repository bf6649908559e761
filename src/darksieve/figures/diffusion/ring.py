"""Figures of the analysis `diffusion/ring`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from darksieve.figures.style import DOUBLE, new_figure, styled

__all__ = ["FIGURES", "ring_figure"]


@styled
def ring_figure(record: Mapping[str, Any]) -> Figure:
    """Image and ring, residuals of two sources, and the source: a sample, mean, standard deviation, Sersic profile."""
    figure = new_figure(DOUBLE, 3.9)
    upper, lower = figure.subplots(2, 4)
    scales, source = record["scales"], record["source"]
    for axes, (title, image) in zip(upper, (("image", record["image"]), ("without the lens's light", record["ring"]))):
        _show(axes, np.array(image), scales["image"], title, bright=np.quantile(image, 0.999))
    for axes, (name, residual) in zip(upper[2:], record["residuals"].items()):
        title = rf"{name}: $\chi^2$ a pixel {record['chi_squared'][name]:.2f}"
        _show(axes, np.array(residual), scales["image"], title)
    figure.colorbar(upper[3].images[0], ax=upper[3], label="residual [sd]", shrink=0.8)
    titles = {"sample": "a sample", "mean": "mean of samples", "deviation": "sd of samples", "Sersic": "Sersic source"}
    for axes, (name, title) in zip(lower, titles.items()):
        bright = np.max(source["deviation" if name == "deviation" else "mean"])
        _show(axes, np.array(source[name]), scales["source"], title, bright=bright)
    return figure


def _show(axes: Axes, image: np.ndarray, scale: float, title: str, bright: float | None = None) -> None:
    """A bright image by its inverse hyperbolic sine, or residuals from -5 to 5."""
    half = 0.5 * len(image) * scale
    extent = (-half, half, -half, half)
    if bright is None:
        axes.imshow(image, cmap="RdBu_r", vmin=-5, vmax=5, extent=extent, interpolation="nearest")
    else:
        axes.imshow(np.arcsinh(4.0 * image / bright), vmin=-0.2, vmax=2.1, extent=extent, interpolation="nearest")
    axes.set_title(title, fontsize=8)
    axes.set_xlabel("arcsec", fontsize=8)


FIGURES: dict[str, Callable[[Mapping[str, Any]], Figure]] = {"ring": ring_figure}
