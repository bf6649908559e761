"""Figures of the analysis `interacting_theory`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from darksieve.figures.style import ACCENT, DOUBLE, GREY, MAIN, new_figure, styled

__all__ = ["FIGURES", "digits_figure", "score_matching_figure", "teacher_figure"]

ORDERS = {"2": "pairs", "3": "third order", "4": "fourth order"}


@styled
def teacher_figure(record: Mapping[str, Any]) -> Figure:
    """Couplings of the best student beside its teacher's, order by order."""
    teacher, figure = record["teacher"], new_figure(DOUBLE, 2.7)
    student = teacher["students"][teacher["best"]]
    for axes, (order, name) in zip(figure.subplots(1, 3), ORDERS.items()):
        correlation = student["correlation"][int(order) - 1]
        _compare(axes, teacher["couplings"][order], student["couplings"][order], MAIN)
        axes.set(xlabel="teacher's coupling", ylabel="student's", title=f"{name}, $r={correlation:.3f}$")
    return figure


@styled
def score_matching_figure(record: Mapping[str, Any]) -> Figure:
    """Couplings by score matching beside the action's: a quartic action, and lattice phi^4."""
    figure = new_figure(DOUBLE, 2.7)
    left, right = figure.subplots(1, 2)
    quartic, field = record["quartic"], record["field"]
    _compare(left, quartic["exact"], quartic["found"], MAIN)
    left.set(
        xlabel="coupling of the action", ylabel="by score matching",
        title=f"third order, relative error {quartic['relative_error']:.3f}",
    )  # fmt: skip
    exact, found, error = (np.array(field[key]) for key in ("exact", "found", "error"))
    place = np.arange(len(exact))
    right.errorbar(place, found / exact, error / np.abs(exact), fmt="o", color=MAIN, ms=4)
    right.axhline(1.0, color=GREY, lw=0.7)
    right.set_xticks(place, [r"$(\partial\varphi)^2$", r"$\varphi^2$", r"$\varphi^4$"])
    right.set(ylabel="found / exact", xlim=(-0.5, 2.5), xlabel="term of the action", title=r"lattice $\varphi^4$")
    return figure


@styled
def digits_figure(record: Mapping[str, Any]) -> Figure:
    """Digits, what the theory draws, and the couplings of the middle pixel with all others."""
    small, large = record["digits"]["8"], record["digits"]["28"]
    figure = new_figure(DOUBLE, 3.4)
    parts: Any = figure.subfigures(2, 1, height_ratios=(1.0, 1.5))
    top, bottom = parts
    for row, (name, images) in enumerate((("data", small["sample"]), ("theory", small["drawn"]))):
        for column, image in enumerate(images):
            axes = top.add_subplot(2, len(images), row * len(images) + column + 1)
            axes.imshow(image, cmap="gray_r", vmin=0, vmax=16, origin="upper")
            axes.set(xticks=[], yticks=[])
            if column == 0:
                axes.set_ylabel(name)
    panels = bottom.subplots(1, 3)
    for axes, entry, side in zip(panels, (small, large), (8, 28)):
        image = np.array(entry["row"])
        image[side // 2, side // 2] = np.nan
        limit = np.nanmax(np.abs(image))
        shown = axes.imshow(image, cmap="RdBu_r", vmin=-limit, vmax=limit, origin="upper")
        axes.set(xticks=[], yticks=[], title=f"pairs with the middle, {side} x {side}")
        bottom.colorbar(shown, ax=axes, shrink=0.8)
    for entry, side, colour in ((small, 8, MAIN), (large, 28, ACCENT)):
        values = np.array(entry["strength"])
        panels[2].loglog(
            np.arange(1, len(values) + 1), values / values[0], color=colour, lw=1, label=f"{side} x {side}"
        )
    panels[2].set(xlabel="rank", ylabel="relative size", title=f"{large['triples']} third-order couplings")
    panels[2].legend()
    return figure


def _compare(axes: Axes, exact: Any, found: Any, colour: str) -> None:
    axes.axline((0.0, 0.0), slope=1.0, color=GREY, lw=0.7)
    axes.plot(exact, found, "o", color=colour, ms=3)


FIGURES: dict[str, Callable[[Mapping[str, Any]], Figure]] = {
    "teacher": teacher_figure,
    "score_matching": score_matching_figure,
    "digits": digits_figure,
}
