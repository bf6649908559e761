"""Figures of the analysis `wide_networks`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from darksieve.figures.style import ACCENT, DOUBLE, GREY, MAIN, PURPLE, SINGLE, SKY, new_figure, styled

__all__ = ["FIGURES", "cumulants_figure", "depth_figure", "kernels_figure"]

COLOURS = (MAIN, ACCENT, SKY, PURPLE)
NAMES = {"relu": "ReLU", "erf": "erf", "linear": "linear"}


@styled
def kernels_figure(record: Mapping[str, Any]) -> Figure:
    """Covariance of the outputs at two inputs against their angle, for each depth."""
    figure = new_figure(DOUBLE, 2.9)
    angles, measured = np.degrees(record["angles"]), np.degrees(record["measured_angles"])
    for axes, (activation, entries) in zip(figure.subplots(1, 2), record["kernels"].items()):
        for colour, entry in zip(COLOURS, entries):
            depth = entry["depth"]
            axes.plot(angles, entry["exact"], color=colour, lw=0.9)
            label = f"{depth} hidden layer{'s' if depth > 1 else ''}"
            axes.plot(measured, entry["measured"], "o", color=colour, ms=3.5, label=label)
        axes.set(
            xlabel="angle between two inputs [deg]",
            ylabel=r"$K(\theta)\,/\,K(0)$",
            xticks=[0, 45, 90, 135, 180],
            title=NAMES[activation],
        )
        axes.legend(title="lines: infinite width", title_fontsize=8)
    return figure


@styled
def cumulants_figure(record: Mapping[str, Any]) -> Figure:
    """Fourth cumulant against width, and the connected function of four inputs beside the diagram."""
    figure = new_figure(DOUBLE, 2.9)
    left, right = figure.subplots(1, 2)
    widths = np.array(record["widths"], float)
    for colour, (activation, entry) in zip(COLOURS, record["cumulants"].items()):
        left.loglog(widths, entry["exact"] / widths, color=colour, lw=0.9)
        left.errorbar(
            widths, entry["cumulant"], entry["error"], fmt="o", color=colour, ms=3.5,
            label=rf"{NAMES[activation]}, slope ${entry['slope']:.3f}$",
        )  # fmt: skip
        legs = record["legs"][activation]
        right.plot(legs["exact"], legs["measured"], "o", color=colour, ms=3.5, label=NAMES[activation])
    left.set_xticks(widths, [f"{width:.0f}" for width in widths])
    left.minorticks_off()
    left.set(xlabel="width $N$", ylabel=r"$\langle f^4\rangle-3\langle f^2\rangle^2$", title=r"lines: the diagram")
    right.axline((0.0, 0.0), slope=1.0, color=GREY, lw=0.7)
    right.set(
        xlabel=r"diagram, $N\,G_4(x_1,x_2,x_3,x_4)$",
        ylabel="measured",
        title=f"all choices of four inputs, $N={record['legs_width']}$",
    )
    for axes in (left, right):
        axes.legend()
    return figure


@styled
def depth_figure(record: Mapping[str, Any]) -> Figure:
    """Excess kurtosis of deep networks against depth over width, with the product over layers and its leading order."""
    figure = new_figure(SINGLE, 3.2)
    axes = figure.subplots()
    families = dict.fromkeys((entry["activation"], entry["width"]) for entry in record["deep"])
    for colour, (activation, width) in zip(COLOURS, families):
        entries = [e for e in record["deep"] if (e["activation"], e["width"]) == (activation, width)]
        ratio = [entry["depth"] / width for entry in entries]
        exact = entries[-1]["exact"]
        axes.plot(np.arange(len(exact)) / width, exact, color=colour, lw=0.9)
        label = f"{NAMES[activation]}, $n={width}$"
        axes.plot(ratio, [entry["measured"] for entry in entries], "o", color=colour, ms=4, label=label)
    for style, slope, name in (("--", 15.0, "ReLU"), (":", 6.0, "linear")):
        axes.axline((0.0, 0.0), slope=slope, ls=style, color=GREY, lw=0.8, label=f"leading order, {name}")
    axes.set(
        xlabel="depth / width",
        ylabel=r"$\langle f^4\rangle/\langle f^2\rangle^2-3$",
        title="solid lines: product over layers",
        xlim=(0.0, None),
        ylim=(0.0, None),
    )
    axes.legend()
    return figure


FIGURES: dict[str, Callable[[Mapping[str, Any]], Figure]] = {
    "kernels": kernels_figure,
    "cumulants": cumulants_figure,
    "depth": depth_figure,
}
