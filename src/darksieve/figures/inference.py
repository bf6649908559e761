"""Figures of the inference: the posterior, the rounds, the training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from darksieve.figures.style import ACCENT, GREY, MAIN, new_figure, styled
from darksieve.inference.posterior import MarginalSamples, Posterior

__all__ = ["posterior_figure", "rounds_figure", "training_figure"]

BINS_1D = 40
CROWDED = 8  # parameters, beyond which the labels of a corner plot are slanted
SPAN = (0.0005, 0.9995)


@styled
def posterior_figure(posterior: Posterior, truth: Mapping[str, float] | None) -> Figure:
    """Corner plot: one-dimensional marginals on the diagonal; below it the pairs that were estimated, directly or as
    part of the joint posterior, with 68% and 95% regions."""
    names = posterior.names
    n = len(names)
    pairs = {key for key in posterior.marginals if len(key) == 2}
    with_pairs = posterior.joint is not None or bool(pairs)
    if not with_pairs:
        return _marginals_figure(posterior, truth)
    size = max(5.0, 1.05 * n)
    font = 8.0 * max(1.0, size / 14)  # as large in print, whatever the number of panels
    slant = n > CROWDED
    margin = (0.14 * font if slant else 0.75) / size
    figure = new_figure(size, size)
    figure.set_layout_engine("none")
    grid = figure.add_gridspec(n, n, wspace=0.06, hspace=0.06, left=margin, right=0.99, bottom=margin, top=0.99)
    ranges = {name: _range(posterior, name) for name in names}
    estimated = {
        (i, j): next((pair for pair in ((left, below), (below, left)) if pair in pairs), None)
        for i, below in enumerate(names)
        for j, left in enumerate(names[:i])
    }
    drawn = [(i, i) for i in range(n)]
    drawn += [place for place, pair in estimated.items() if pair is not None or posterior.joint is not None]
    for i, j in drawn:
        left, below = names[j], names[i]
        axes = figure.add_subplot(grid[i, j])
        if i == j:
            _draw_marginal(axes, posterior, left, truth)
        else:
            _draw_pair(axes, posterior.marginal(estimated[i, j] or (left, below)), (left, below), ranges, truth)
            axes.set_ylim(ranges[below])
        axes.set_xlim(ranges[left])
        bottom = i == max(row for row, column in drawn if column == j)
        first = i > j == min(column for row, column in drawn if row == i)
        _label_corner(axes, posterior, left, below, font, slant=slant, bottom=bottom, first=first)
    figure.text(0.98, 0.98, _legend(posterior, truth), ha="right", va="top", fontsize=1.5 * font if slant else font)
    return figure


@styled
def rounds_figure(boxes: Sequence[Mapping[str, Any]], titles: Mapping[str, str]) -> Figure:
    """How the box shrank: each parameter's interval after each round, its width, and the prior volume.

    Parameters
    ----------
    boxes : sequence of mapping
        `box.json` of every round, in order.
    titles : mapping of str to str
        Label of each parameter.
    """
    names = boxes[0]["names"]
    figure = new_figure(7.0, 1.2 + 0.3 * len(names))
    places, widths, volume = figure.subplots(1, 3, width_ratios=(4, 3, 3))
    step = 0.8 / len(boxes)
    for number, box in enumerate(boxes, start=1):
        shade = 0.25 + 0.75 * number / len(boxes)
        low, high, rows = np.array(box["lower"]), np.array(box["upper"]), np.arange(len(names))
        places.barh(
            rows - 0.4 + step * (number - 0.5), high - low, left=low, height=step, color=MAIN, alpha=shade, lw=0
        )
        widths.plot(high - low, rows, "o", color=MAIN, alpha=shade, ms=3.5, mew=0)
    for axes in (places, widths):
        axes.set(ylim=(len(names) - 0.5, -0.5), yticks=[])
        axes.hlines(np.arange(1, len(names)) - 0.5, 0, 1, transform=axes.get_yaxis_transform(), color=GREY, lw=0.3)
    for row, name in enumerate(names):
        places.text(-0.03, row, titles.get(name, name), ha="right", va="center", fontsize=8)
    places.set(xlim=(0, 1), xlabel="prior probability")
    places.set_title("box, a line a round (darker: later)")
    narrowest = min(high - low for box in boxes for low, high in zip(box["lower"], box["upper"]))
    widths.set(xscale="log", xlim=(min(0.5 * narrowest, 0.05), 1.6), xlabel="its width [prior probability]")
    widths.xaxis.set_minor_formatter(NullFormatter())
    volumes = [1.0] + [box["volume"] for box in boxes]
    volume.semilogy(range(len(volumes)), volumes, "o-", color=MAIN, ms=3.5)
    volume.set(xlabel="round", ylabel="prior volume of the box")
    volume.xaxis.set_major_locator(MaxNLocator(integer=True))
    volume.set_title("stopped: settled" if boxes[-1]["converged"] else "stopped: most rounds allowed")
    return figure


@styled
def training_figure(histories: Sequence[Sequence[Mapping[str, float]]]) -> Figure:
    """Training and validation loss of every round, of each network of an ensemble."""
    figure = new_figure(2.4 * max(2, len(histories)), 2.8)
    panels = figure.subplots(1, len(histories), squeeze=False)[0]
    for number, (axes, history) in enumerate(zip(panels, histories), start=1):
        for member in range(1 + int(max(row["member"] for row in history))):
            rows = [row for row in history if row["member"] == member]
            epochs, validation = [row["epoch"] for row in rows], [row["validation_loss"] for row in rows]
            best = int(np.argmin(validation))
            labels = ("training", "validation", "kept") if member == 0 else (None, None, None)
            axes.plot(epochs, [row["train_loss"] for row in rows], color=GREY, label=labels[0])
            axes.plot(epochs, validation, color=MAIN, label=labels[1])
            axes.plot(epochs[best], validation[best], "o", color=ACCENT, ms=4, label=labels[2])
        axes.set(xlabel="epoch", title=f"round {number}")
    panels[0].set_ylabel("loss [nat], 0 = untrained")
    panels[0].legend()
    return figure


def _marginals_figure(posterior: Posterior, truth: Mapping[str, float] | None) -> Figure:
    from darksieve.figures.style import grid_of_panels

    figure, panels = grid_of_panels(len(posterior.names))
    for axes, name in zip(panels, posterior.names):
        _draw_marginal(axes, posterior, name, truth)
        axes.set_xlabel(_title(posterior, name))
    return figure


def _range(posterior: Posterior, name: str) -> tuple[float, float]:
    """Where a parameter's marginal lies, and its samples of the joint posterior."""
    edges = list(posterior.quantiles(name, SPAN))
    if posterior.joint is not None:
        edges += list(np.quantile(posterior.joint.samples[:, posterior.joint.names.index(name)], SPAN))
    return min(edges), max(edges)


def _draw_marginal(axes: Axes, posterior: Posterior, name: str, truth: Mapping[str, float] | None) -> None:
    chosen = posterior.marginal(name)
    low, high = posterior.quantiles(name, SPAN)
    axes.hist(
        chosen.samples[:, 0],
        bins=BINS_1D,
        range=(low, high),
        weights=chosen.weights,
        color=MAIN,
        alpha=0.35,
        lw=0,
    )
    for quantile in posterior.quantiles(name, (0.16, 0.84)):
        axes.axvline(quantile, color=MAIN, lw=0.8, ls="--")
    if truth is not None:
        axes.axvline(truth[name], color=ACCENT, lw=1)
    axes.set_yticks([])


def _draw_pair(
    axes: Axes,
    chosen: MarginalSamples,
    pair: tuple[str, str],
    ranges: Mapping[str, tuple[float, float]],
    truth: Mapping[str, float] | None,
) -> None:
    import corner

    x, y = (chosen.samples[:, chosen.names.index(name)] for name in pair)
    corner.hist2d(
        x, y, weights=chosen.weights, ax=axes, bins=24, range=[ranges[name] for name in pair], levels=(0.68, 0.95),
        smooth=1.0, color=MAIN, plot_datapoints=False, plot_density=False, fill_contours=True,
    )  # fmt: skip
    if truth is not None:
        axes.axvline(truth[pair[0]], color=ACCENT, lw=0.7)
        axes.axhline(truth[pair[1]], color=ACCENT, lw=0.7)


def _label_corner(
    axes: Axes, posterior: Posterior, left: str, below: str, font: float, *, slant: bool, bottom: bool, first: bool
) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(2, prune="both"))
    if left != below:
        axes.yaxis.set_major_locator(MaxNLocator(2, prune="both"))
    axes.tick_params(labelsize=0.75 * font, labelbottom=bottom, labelleft=first)
    for label in axes.get_xticklabels():
        label.set_rotation(45)
    slanted: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if slant else {}
    if bottom:
        axes.set_xlabel(_title(posterior, left), fontsize=font, **slanted)
    if first:
        axes.set_ylabel(_title(posterior, below), fontsize=font, **slanted)


def _title(posterior: Posterior, name: str) -> str:
    label = f"${posterior.labels[name]}$" if posterior.labels.get(name) else name.replace("_", " ")
    unit = posterior.units.get(name)
    return f"{label} [{unit}]" if unit else label


def _legend(posterior: Posterior, truth: Mapping[str, float] | None) -> str:
    lines = [str(posterior.attributes.get("experiment", "")), "regions: 68% and 95%; dashed: central 68%"]
    return "\n".join(lines + (["red: truth"] if truth is not None else []))
