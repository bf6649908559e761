"""Figures of the analysis `diffusion/sources`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from darksieve.figures.style import ACCENT, DOUBLE, GREY, MAIN, SKY, new_figure, styled

__all__ = ["FIGURES", "accuracy_figure", "sources_figure"]

PANELS = {
    "image": "lensed image", "truth": "source", "mean": "posterior mean", "sample": "a sample", "deviation": "sd",
    "smooth pixels": "smooth pixels", "Sersic": "Sersic fit", "residual": "residual [sd]",
}  # fmt: skip
COLOURS = {"diffusion": MAIN, "smooth pixels": ACCENT, "Sersic": SKY}


@styled
def sources_figure(record: Mapping[str, Any]) -> Figure:
    """Some lenses: image, source, posterior samples of it, other reconstructions, and residuals."""
    gallery = record["gallery"]
    figure = new_figure(DOUBLE, 0.3 + 0.95 * len(gallery))
    for number, (row, entry) in enumerate(zip(figure.subplots(len(gallery), len(PANELS), squeeze=False), gallery)):
        top = np.max(entry["truth"])
        for axes, (name, title) in zip(row, PANELS.items()):
            image = np.array(entry[name])
            if name == "residual":
                axes.imshow(image, cmap="RdBu_r", vmin=-4, vmax=4, interpolation="nearest")
            else:
                scale = image.max() if name in ("image", "deviation") else top
                axes.imshow(np.arcsinh(4.0 * image / scale), vmin=-0.2, vmax=2.1, interpolation="nearest")
            axes.set(xticks=[], yticks=[])
            if number == 0:
                axes.set_title(title, fontsize=7)
    return figure


@styled
def accuracy_figure(record: Mapping[str, Any]) -> Figure:
    """Coverage, errors of three reconstructions, and chi-squared of residuals."""
    figure = new_figure(DOUBLE, 2.6)
    coverage, errors, residuals = figure.subplots(1, 3)
    found = record["coverage"]
    coverage.fill_between(found["nominal"], found["low"], found["high"], color=GREY, alpha=0.25, lw=0)
    coverage.plot([0, 1], [0, 1], color=GREY, lw=0.7)
    coverage.plot(found["nominal"], found["empirical"], color=MAIN, lw=1.2)
    coverage.set(xlabel="credibility", ylabel="fraction of truths", title=f"TARP, p = {found['statistic']:.2f}")
    for name, colour in COLOURS.items():
        label = f"{name}, {record['medians'][name]:.3f}"
        ordered = np.sort(record["errors"][name])
        errors.step(ordered, np.arange(1, len(ordered) + 1) / len(ordered), color=colour, lw=1.2, label=label)
    errors.set(xlabel="rms error / rms of the source", ylabel="fraction of mocks")
    errors.legend(title="median", fontsize=7, loc="lower right")
    residuals.hist(record["chi_squared"], bins=20, color=MAIN, alpha=0.7)
    residuals.axvspan(0.9, 1.1, color=GREY, alpha=0.2, lw=0)
    residuals.set(xlabel=r"$\chi^2$ a pixel", ylabel="mocks")
    return figure


FIGURES: dict[str, Callable[[Mapping[str, Any]], Figure]] = {
    "sources": sources_figure,
    "accuracy": accuracy_figure,
}
