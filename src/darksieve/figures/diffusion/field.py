"""Figures of the analysis `diffusion/field`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from darksieve.figures.style import ACCENT, DOUBLE, GREY, MAIN, SINGLE, new_figure, styled

__all__ = ["FIGURES", "denoisers_figure", "wiener_figure"]


@styled
def wiener_figure(record: Mapping[str, Any]) -> Figure:
    """A lensed field: image, truth, exact posterior, and mean and scatter of samples with both denoisers."""
    figure = new_figure(DOUBLE, 3.7)
    panels = figure.subplots(2, 4)
    samples, wiener = record["samples"], record["wiener"]
    fields = [
        ("lensed image", record["image"]), ("source", record["truth"]), ("Wiener filter", wiener["mean"]),
        ("mean of samples", samples["exact"]["mean"]),
    ]  # fmt: skip
    reach = np.abs(record["truth"]).max()
    for axes, (title, image) in zip(panels[0], fields):
        shown = axes.imshow(image, cmap="RdBu_r", vmin=-reach, vmax=reach, interpolation="nearest")
        axes.set(title=title, xticks=[], yticks=[])
    figure.colorbar(shown, ax=panels[0], shrink=0.8, label="brightness")
    deviations = [
        ("sd, Wiener filter", wiener["deviation"]), ("sd of samples", samples["exact"]["deviation"]),
        ("sd, learned denoiser", samples["learned"]["deviation"]),
    ]  # fmt: skip
    top = np.max(wiener["deviation"])
    for axes, (title, image) in zip(panels[1], deviations):
        scatter = axes.imshow(image, cmap="magma", vmin=0, vmax=top, interpolation="nearest")
        axes.set(title=title, xticks=[], yticks=[])
    figure.colorbar(scatter, ax=panels[1], shrink=0.8, label="standard deviation")
    axes = panels[1, 3]
    for colour, (name, entry) in zip((MAIN, ACCENT), samples.items()):
        error = (np.array(entry["mean"]) - np.array(wiener["mean"])) / np.array(wiener["deviation"])
        axes.hist(
            error.ravel(), bins=30, range=(-0.6, 0.6), histtype="step", color=colour,
            label=f"{name}, {entry['error']:.3f}\n(chance {entry['sampling_error']:.3f})",
        )  # fmt: skip
    axes.set(xlabel="(mean - Wiener) / sd", ylabel="pixels", ylim=(0, 1.9 * axes.get_ylim()[1]))
    axes.legend(fontsize=6.5, loc="upper left")
    return figure


@styled
def denoisers_figure(record: Mapping[str, Any]) -> Figure:
    """Error of three denoisers against the noise."""
    figure, found = new_figure(SINGLE, 3.0), record["denoising"]
    axes = figure.subplots()
    sigma = [entry["sigma"] for entry in found]
    for name, colour, marker in (("Wiener", GREY, "s"), ("learned", MAIN, "o"), ("memory", ACCENT, "^")):
        label = {"memory": "Hopfield memory", "Wiener": "Wiener (exact)"}.get(name, name)
        size = 8 if name == "Wiener" else 4
        axes.loglog(sigma, [entry[name] for entry in found], marker + "-", color=colour, ms=size, lw=1, label=label)
    axes.set(xlabel=r"$\sigma$", ylabel="mean square error of a pixel")
    axes.legend()
    return figure


FIGURES: dict[str, Callable[[Mapping[str, Any]], Figure]] = {
    "wiener": wiener_figure,
    "denoisers": denoisers_figure,
}
