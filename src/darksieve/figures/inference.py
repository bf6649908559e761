"""Figures of the inference: the posterior, the rounds, the training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, NullFormatter
from numpy.typing import NDArray

from darksieve.figures.style import ACCENT, DOUBLE, GREY, MAIN, SINGLE, SKY, grid_of_panels, new_figure, styled
from darksieve.inference.posterior import Posterior
from darksieve.problem.prior import OneDimensionalPrior, Prior
from darksieve.reference.result import Reference

__all__ = [
    "axis_title",
    "draw_marginal",
    "draw_regions",
    "posterior_figure",
    "posterior_range",
    "rounds_figure",
    "shrinking_figure",
    "training_figure",
]

BINS_1D = 40
FEW = 5  # parameters, up to which a corner plot fits into one column
CROWDED = 8  # parameters, beyond which the labels of a corner plot are slanted
EDGE = 0.1  # of a panel's width
MARGIN = 0.01  # of a figure's width
SPAN = (0.0005, 0.9995)
METHOD_TITLES = {"exact": "exact samples", "nested": "nested sampling", "nuts": "NUTS", "sghmc": "SGHMC", "vi": "VI"}


@styled
def posterior_figure(
    posterior: Posterior, truth: Mapping[str, float] | None, reference: Reference | None = None
) -> Figure:
    """Corner plot of the joint posterior: one-dimensional marginals on the diagonal, pairs with 68% and 95% regions
    below it; of a posterior that is not joint, a panel for each marginal that was estimated. Over them is the same of
    a reference method, where there is one.
    """
    names = posterior.names
    ranges = {name: posterior_range(posterior, name, reference) for name in names}
    if posterior.joint is None:
        return _marginals_figure(posterior, truth, reference, ranges)
    n, pairs = len(names), {frozenset(key): key for key in posterior.marginals if len(key) == 2}
    size = SINGLE if n <= FEW else DOUBLE
    font, slant = (7.0 if n <= CROWDED else 6.0), n > 3
    figure = new_figure(size, size)
    figure.set_layout_engine("none")
    grid = figure.add_gridspec(n, n, wspace=0.06, hspace=0.06, left=0.2, right=0.99, bottom=0.2, top=0.99)
    for i, below in enumerate(names):
        for j, left in enumerate(names[: i + 1]):
            axes = figure.add_subplot(grid[i, j])
            if i == j:
                draw_marginal(axes, posterior, left, truth, reference)
                axes.set_xlim(ranges[left])
            else:
                marginal = pairs.get(frozenset((left, below)), (left, below))
                _draw_pair(axes, posterior, marginal, (left, below), ranges, reference)
                _mark_truth(axes, truth, left, below)
            _label_corner(axes, posterior, left, below, font, slant=slant, bottom=i == n - 1, first=i > j == 0)
    figure.text(0.98, 0.98, _legend(posterior, truth, reference), ha="right", va="top", fontsize=7)
    _fit_margins(figure, grid)
    return figure


@styled
def shrinking_figure(
    boxes: Sequence[Mapping[str, Any]], prior: Prior, posterior: Posterior, truth: Mapping[str, float] | None
) -> Figure:
    """From the prior to the target: the box of each round in planes of two parameters, and the posterior close up.

    The planes are that of the first two parameters, and that of the first pair whose posterior was estimated.
    """
    pairs = list(dict.fromkeys([prior.names[:2], *(key for key in posterior.marginals if len(key) == 2)]))[:2]
    figure = new_figure(DOUBLE, 0.4 + 1.15 * len(pairs))
    figure.set_layout_engine("constrained", w_pad=0.01, wspace=0.0)
    rows = figure.subplots(len(pairs), len(boxes) + 2, squeeze=False, width_ratios=[1] * (len(boxes) + 1) + [1.5])
    for row, pair in zip(rows, pairs):
        ranges = [_prior_range(prior.parameters[column].prior) for column in prior.columns(pair)]
        corners = [tuple(ranges)] + [_corners(box, pair, ranges) for box in boxes]
        for number, axes in enumerate(row[:-1]):
            for before in corners[:number]:
                axes.add_patch(_rectangle(before, fill=False, ec=GREY, lw=0.6))
            axes.add_patch(_rectangle(corners[number], fc=SKY, ec=MAIN, lw=0.8))
            axes.set(xlim=ranges[0], ylim=ranges[1], box_aspect=1)
            axes.tick_params(labelleft=number == 0, labelbottom=number == 0)
        row[0].set(xlabel=axis_title(posterior, pair[0]), ylabel=axis_title(posterior, pair[1]))
        _draw_target(row[-1], posterior, pair, corners[-1], truth)
        for axes in row:
            axes.xaxis.set_major_locator(MaxNLocator(2))
            axes.yaxis.set_major_locator(MaxNLocator(3))
    titles = ["prior", *(f"round {number}\n{_power(box['volume'])}" for number, box in enumerate(boxes, 1)), "target"]
    for axes, title in zip(rows[0], titles):
        axes.set_title(title, fontsize=7)
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
    figure = new_figure(DOUBLE, 1.2 + 0.3 * len(names))
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
    figure = new_figure(DOUBLE, 2.2)
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


def _marginals_figure(
    posterior: Posterior,
    truth: Mapping[str, float] | None,
    reference: Reference | None,
    ranges: Mapping[str, tuple[float, float]],
) -> Figure:
    pairs = [key for key in posterior.marginals if len(key) == 2]
    figure, panels = grid_of_panels(len(posterior.names) + len(pairs), narrow=FEW + 1)
    for axes, name in zip(panels, posterior.names):
        draw_marginal(axes, posterior, name, truth, reference)
        axes.set(xlabel=axis_title(posterior, name), xlim=ranges[name])
    for axes, pair in zip(panels[len(posterior.names) :], pairs):
        _draw_pair(axes, posterior, pair, pair, ranges, reference)
        _mark_truth(axes, truth, *pair)
        axes.set(xlabel=axis_title(posterior, pair[0]), ylabel=axis_title(posterior, pair[1]))
    figure.suptitle(_legend(posterior, truth, reference).replace("\n", "; "), fontsize=7)
    return figure


def posterior_range(posterior: Posterior, name: str, reference: Reference | None = None) -> tuple[float, float]:
    """Where a parameter's marginal lies, its samples of the joint posterior, and those of a reference method."""
    edges = list(posterior.quantiles(name, SPAN))
    if posterior.joint is not None and name in posterior.joint.names:
        edges += list(np.quantile(posterior.joint.samples[:, posterior.joint.names.index(name)], SPAN))
    if reference is not None and name in reference.names:
        edges += list(np.quantile(reference.samples((name,)), SPAN))
    return min(edges), max(edges)


def draw_marginal(
    axes: Axes,
    posterior: Posterior,
    name: str,
    truth: Mapping[str, float] | None,
    reference: Reference | None = None,
) -> None:
    """The density of one parameter with its central 68%, and that of a reference method as a line."""
    chosen, bounds = posterior.marginal(name), posterior_range(posterior, name, reference)
    density, edges = np.histogram(chosen.samples[:, 0], BINS_1D, bounds, weights=chosen.weights, density=True)
    axes.stairs(density, edges, fill=True, color=MAIN, alpha=0.35, lw=0)
    if reference is not None and name in reference.names:
        bins = BINS_1D // 2  # it has fewer samples
        axes.stairs(*np.histogram(reference.samples((name,)), bins, bounds, density=True), color=ACCENT, lw=0.9)
    for quantile in posterior.quantiles(name, (0.16, 0.84)):
        axes.axvline(quantile, color=MAIN, lw=0.8, ls="--")
    _mark_truth(axes, truth, name)
    axes.set_yticks([])


def draw_regions(
    axes: Axes,
    samples: NDArray[np.float64],
    weights: NDArray[np.float64] | None,
    ranges: Sequence[tuple[float, float]],
    *,
    colour: str,
    filled: bool = True,
) -> None:
    """Regions of 68% and 95% of samples (n, 2), filled or as dashed lines."""
    import corner

    corner.hist2d(
        *samples.T, weights=weights, ax=axes, bins=24, range=list(ranges), levels=(0.68, 0.95), smooth=1.0,
        color=colour, plot_datapoints=False, plot_density=False, fill_contours=filled, no_fill_contours=not filled,
        contour_kwargs={"linewidths": 0.8, "linestyles": "-" if filled else "--"},
    )  # fmt: skip


def _draw_pair(
    axes: Axes,
    posterior: Posterior,
    marginal: tuple[str, str],
    pair: tuple[str, str],
    ranges: Mapping[str, tuple[float, float]],
    reference: Reference | None,
) -> None:
    chosen, place = posterior.marginal(marginal), [ranges[name] for name in pair]
    columns = [chosen.names.index(name) for name in pair]
    draw_regions(axes, chosen.samples[:, columns], chosen.weights, place, colour=MAIN)
    if reference is not None and set(pair) <= set(reference.names):
        draw_regions(axes, reference.samples(pair), None, place, colour=ACCENT, filled=False)
    axes.set(xlim=place[0], ylim=place[1])


def _mark_truth(axes: Axes, truth: Mapping[str, float] | None, x: str, y: str | None = None) -> None:
    if truth is not None:
        axes.axvline(truth[x], color="black", lw=0.7, ls=":")
        if y is not None:
            axes.axhline(truth[y], color="black", lw=0.7, ls=":")


def _draw_target(
    axes: Axes,
    posterior: Posterior,
    pair: tuple[str, ...],
    box: Sequence[tuple[float, float]],
    truth: Mapping[str, float] | None,
) -> None:
    """The posterior of a pair, or the central 68% of each where the pair was not estimated, in the last box."""
    if pair in posterior.marginals or (posterior.joint is not None and set(pair) <= set(posterior.joint.names)):
        found = posterior.marginal(pair)
        draw_regions(axes, found.samples, found.weights, box, colour=MAIN)
    else:
        for name, span in zip(pair, ("axvspan", "axhspan")):
            if name in posterior.names:
                getattr(axes, span)(*posterior.quantiles(name, (0.16, 0.84)), color=MAIN, alpha=0.5, lw=0)
    _mark_truth(axes, truth, *pair)
    axes.set(xlim=box[0], ylim=box[1], box_aspect=1)
    axes.yaxis.tick_right()


def _prior_range(prior: OneDimensionalPrior) -> tuple[float, float]:
    """Where a prior lies; one without edges but for a thousandth."""
    low, high = prior.quantile([0.0, 1.0])
    if not np.all(np.isfinite([low, high])):
        low, high = prior.quantile([0.001, 0.999])
    return float(low), float(high)


def _corners(
    box: Mapping[str, Any], pair: Sequence[str], ranges: Sequence[tuple[float, float]]
) -> tuple[tuple[float, float], ...]:
    """Edges of a box in a plane, no further out than the plane is shown."""
    bounds = [box["bounds"][name] for name in pair]
    return tuple((max(edge["low"], low), min(edge["high"], high)) for edge, (low, high) in zip(bounds, ranges))


def _rectangle(corners: Sequence[tuple[float, float]], **style: Any) -> Rectangle:
    (left, right), (low, high) = corners
    return Rectangle((left, low), right - left, high - low, **style)


def _power(volume: float) -> str:
    """A prior volume as a power of ten."""
    return rf"$V = 10^{{{np.log10(volume):.1f}}}$"


def _label_corner(
    axes: Axes, posterior: Posterior, left: str, below: str, font: float, *, slant: bool, bottom: bool, first: bool
) -> None:
    axes.set_xticks(_inner_ticks(axes.get_xlim()))
    if left != below:
        axes.set_yticks(_inner_ticks(axes.get_ylim()))
    axes.tick_params(labelsize=0.75 * font, labelbottom=bottom, labelleft=first)
    for label in axes.get_xticklabels():
        label.set_rotation(45)
    slanted: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if slant else {}
    if bottom:
        axes.set_xlabel(axis_title(posterior, left), fontsize=font, **slanted)
    if first:
        axes.set_ylabel(axis_title(posterior, below), fontsize=font, **slanted)


def _inner_ticks(limits: tuple[float, float]) -> list[float]:
    """Two or three round numbers that are not so near to an edge that their labels reach beyond it."""
    low, high = limits
    margin = EDGE * (high - low)
    inner: list[float] = []
    for intervals in (2, 3, 4, 5):
        if len(inner) < 2:
            ticks = MaxNLocator(intervals).tick_values(low, high)
            inner = [float(tick) for tick in ticks if low + margin <= tick <= high - margin]
    return inner[:3]


def _fit_margins(figure: Figure, grid: GridSpec) -> None:
    """Make a corner plot's margins as wide as the labels in them."""
    for _ in range(2):  # labels move a little with their panels
        figure.draw_without_rendering()
        found, size, before = figure.get_tightbbox(), figure.get_figwidth(), grid.get_subplot_params()
        grid.update(
            left=before.left + MARGIN - found.x0 / size,
            bottom=before.bottom + MARGIN - found.y0 / size,
            right=min(1.0 - MARGIN, before.right + 1.0 - MARGIN - found.x1 / size),
        )
        for axes in figure.axes:
            spec = axes.get_subplotspec()
            assert spec is not None
            axes.set_position(spec.get_position(figure))


def axis_title(posterior: Posterior, name: str) -> str:
    """Label of a parameter with its unit."""
    label = f"${posterior.labels[name]}$" if posterior.labels.get(name) else name.replace("_", " ")
    unit = posterior.units.get(name)
    return f"{label} [{unit}]" if unit else label


def _legend(posterior: Posterior, truth: Mapping[str, float] | None, reference: Reference | None) -> str:
    lines = [str(posterior.attributes.get("experiment", "")), "filled: TMNRE, 68% and 95%"]
    if reference is not None:
        lines.append(f"lines: {METHOD_TITLES.get(reference.method, reference.method)}")
    return "\n".join(lines + (["dotted: truth"] if truth is not None else []))
