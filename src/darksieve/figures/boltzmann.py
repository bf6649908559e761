"""Figures of the analysis `boltzmann`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from darksieve.figures.style import ACCENT, DOUBLE, GREY, MAIN, new_figure, styled

__all__ = ["FIGURES", "annealing_figure", "learning_figure", "machine_figure"]


@styled
def learning_figure(record: Mapping[str, Any]) -> Figure:
    """Divergence of each training, and annealed against exact partition functions."""
    figure = new_figure(DOUBLE, 2.7)
    divergence, partition = figure.subplots(1, 2)
    methods = list(record["divergence"])
    for row, values in enumerate(record["divergence"].values()):
        divergence.plot([row] * len(values), values, "o", color=MAIN, ms=4, alpha=0.7)
        divergence.plot([row - 0.2, row + 0.2], [np.mean(values)] * 2, color=ACCENT)
    divergence.axhline(record["bars"]["divergence"]["expected_range"][1], color=GREY, lw=0.7, ls="--")
    divergence.set_xticks(range(len(methods)), methods)
    divergence.set(ylabel="KL(data || machine) [nats]", yscale="log", title="bars and stripes, a point a training")
    entries = record["annealed"]
    partition.errorbar(
        range(len(entries)), [entry["difference"] for entry in entries], [entry["error"] for entry in entries],
        fmt="o", color=MAIN, ms=4,
    )  # fmt: skip
    partition.axhline(0, color=GREY, lw=0.7)
    partition.set_xticks(range(len(entries)), [entry["method"] for entry in entries])
    partition.set(ylabel=r"$\ln Z$, annealed $-$ exact", title="annealed importance sampling")
    return figure


@styled
def machine_figure(record: Mapping[str, Any]) -> Figure:
    """Weights of the hidden units as images, and patterns drawn from the machine."""
    weights, samples = np.array(record["weights"]), np.array(record["samples"])
    side = round(weights.shape[1] ** 0.5)
    figure = new_figure(DOUBLE, 2.9)
    halves: Any = figure.subfigures(1, 2)
    left, right = halves
    limit = np.abs(weights).max()
    for panels, images, options in (
        (left.subplots(3, -(-len(weights) // 3)), weights, {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}),
        (right.subplots(4, 6), samples, {"cmap": "gray_r", "vmin": 0, "vmax": 1}),
    ):
        for axes in panels.ravel():
            axes.set_axis_off()
        for axes, image in zip(panels.ravel(), images):
            shown = axes.imshow(image.reshape(side, side), **options)
            if options["cmap"] == "RdBu_r":
                last = shown
    left.colorbar(last, ax=list(left.axes), shrink=0.8)
    left.suptitle("weights of the hidden units", fontsize=8)
    right.suptitle(f"drawn; {record['on_data']:.0%} are bars or stripes", fontsize=8)
    return figure


@styled
def annealing_figure(record: Mapping[str, Any]) -> Figure:
    """Ground states found and energy missed by simulated annealing against its length, a line a glass."""
    glass = record["glass"]
    figure = new_figure(DOUBLE, 2.7)
    success, excess = figure.subplots(1, 2)
    for axes, key, label in (
        (success, "success", f"ground state found, of {glass['annealings']} runs"),
        (excess, "excess_energy", "excess energy / spin"),
    ):
        for values in glass[key]:
            axes.plot(glass["sweeps"], values, "o-", color=MAIN, ms=3, lw=0.8, alpha=0.7)
        axes.set(xscale="log", xlabel="sweeps of an annealing", ylabel=label, ylim=(0, None))
    figure.suptitle(f"{len(glass['success'])} spin glasses of {glass['side']} x {glass['side']}", fontsize=8)
    return figure


FIGURES: dict[str, Callable[[Mapping[str, Any]], Figure]] = {
    "learning": learning_figure,
    "machine": machine_figure,
    "annealing": annealing_figure,
}
