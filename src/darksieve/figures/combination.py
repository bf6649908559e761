"""Figure of the posterior that many observations share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from darksieve.figures.style import ACCENT, DOUBLE, GREY, MAIN, new_figure, styled
from darksieve.inference.combination import Combination, combine

__all__ = ["combination_figure"]

LINES = ("-", "--", "-.", ":")
ABOVE_ALL = 2.0  # probabilities


@styled
def combination_figure(combination: Combination, record: Mapping[str, Any], titles: Mapping[str, str]) -> Figure:
    """The posterior of the shared parameters by number of observations, and where truths of mock ensembles lie in it.

    Regions are those of highest density in the unit cube of the prior: 95% of a pair.

    Parameters
    ----------
    combination : Combination
    record : mapping
        `combination.json`.
    titles : mapping of str to str
        Label of each parameter, with its unit.
    """
    figure = new_figure(DOUBLE, 2.8)
    posterior, truths = figure.subplots(1, 2, width_ratios=(3, 2))
    sizes = [int(size) for size in record["sizes"]]
    names, shape = list(combination.axes), combination.log_ratios.shape[2:]
    log_ratios = combination.log_ratios.reshape(*combination.log_ratios.shape[:2], -1)
    by_size = combine(log_ratios, sizes, combination.common_error)
    colours = _colours(len(sizes))
    for (size, probability), colour, line in zip(by_size.items(), colours, LINES * len(sizes)):
        label = f"{size} observation{'s' if size > 1 else ''}"
        cells = probability.reshape(shape)
        if len(names) == 1:
            _draw_density(posterior, combination.axes[names[0]], cells, color=colour, ls=line, label=label)
        else:
            x, y = (combination.axes[name] for name in names)
            edge = _level(probability, 0.95)
            levels = [edge, ABOVE_ALL]
            posterior.contourf(x, y, cells.T, levels=levels, colors=[colour], alpha=0.15)
            posterior.contour(x, y, cells.T, levels=[edge], colors=[colour], linestyles=[line])
            posterior.plot([], [], color=colour, ls=line, label=label)
    _mark_truth(posterior, names, combination.truth)
    widest = by_size[sizes[0]].reshape(shape)
    _set_range(posterior.set_xlim, combination.axes[names[0]], widest.sum(axis=1) if len(names) == 2 else widest)
    if len(names) == 2:
        _set_range(posterior.set_ylim, combination.axes[names[1]], widest.sum(axis=0))
    else:
        posterior.set_ylim(0, None)
    posterior.set(xlabel=titles.get(names[0], names[0]))
    posterior.set_ylabel(titles.get(names[1], names[1]) if len(names) == 2 else "posterior density")
    posterior.set_title("95% regions" if len(names) == 2 else "posterior")
    posterior.legend(frameon=True, framealpha=0.8, edgecolor="none")
    for found, colour, line in zip(record["sizes"].values(), colours, LINES * len(sizes)):
        masses = np.sort(found["masses"])
        truths.step(masses, (np.arange(len(masses)) + 1) / len(masses), where="post", color=colour, ls=line)
    truths.plot([0, 1], [0, 1], color=GREY, lw=0.7)
    truths.set(xlim=(0, 1), ylim=(0, 1), xlabel="mass of the region up to the truth")
    truths.set_ylabel(f"fraction of {record['ensembles']} mock ensembles")
    truths.set_title("calibrated" if record["passed"] else "not calibrated", color=MAIN if record["passed"] else ACCENT)
    return figure


def _colours(number: int) -> list[tuple[float, ...]]:
    from matplotlib import colormaps

    return [colormaps["viridis"](place) for place in np.linspace(0.8, 0.0, number)]


def _draw_density(axes: Axes, values: NDArray[np.float64], probability: NDArray[np.float64], **style: Any) -> None:
    """A curve in physical units from the probabilities of cells."""
    axes.plot(values, probability / np.gradient(values), **style)


def _set_range(
    set_limits: Callable[[float, float], Any], values: NDArray[np.float64], probability: NDArray[np.float64]
) -> None:
    """Show where all but 0.2% of a marginal lies."""
    low, high = np.interp([0.001, 0.999], np.cumsum(probability), values)
    set_limits(float(low), float(high))


def _level(probability: NDArray[np.float64], mass: float) -> float:
    """Probability of the cells at the edge of the smallest region with a mass."""
    falling = np.sort(probability)[::-1]
    return float(falling[np.searchsorted(np.cumsum(falling), mass)])


def _mark_truth(axes: Axes, names: list[str], truth: Mapping[str, float]) -> None:
    if not truth:
        return
    if len(names) == 1:
        axes.axvline(truth[names[0]], color="black", lw=0.8)
    else:
        axes.plot(*(truth[name] for name in names), "k*", ms=7, label="truth")
