"""Figures of the data: the observation, what the posterior leaves of it, and where in it a subhalo is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from darksieve.figures.inference import draw_marginal, draw_regions
from darksieve.figures.style import ACCENT, DOUBLE, GOLD, MAIN, SINGLE, SKY, new_figure, show_array, styled
from darksieve.inference.posterior import Posterior
from darksieve.problem.observation import Observation
from darksieve.problem.simulator import Description

__all__ = ["observation_figure", "position_figure", "residuals_figure"]

Arrays = Mapping[str, NDArray[np.float32]]


@styled
def observation_figure(observation: Observation) -> Figure:
    """Every array of the observation."""
    arrays = len(observation.x)
    figure = new_figure(SINGLE if arrays == 1 else DOUBLE, 2.6)
    axes = figure.subplots(1, arrays, squeeze=False)[0]
    for panel, (name, array) in zip(axes, observation.x.items()):
        description = observation.descriptions.get(name, Description())
        show_array(panel, array, description, label=_label(name, description))
        panel.set_title("observation")
    return figure


@styled
def residuals_figure(observation: Observation, predictive: Mapping[str, Arrays], summary: Mapping[str, Any]) -> Figure:
    """Observation, what the posterior predicts without noise, and how far the best draw is off, in units of the noise.

    Parameters
    ----------
    observation : Observation
    predictive : mapping
        The groups of `predictive.h5`; a vector is shown with its `band`, an image beside the `best` draw.
    summary : mapping
        `predictive.json`.
    """
    names = list(predictive["best"])
    figure = new_figure(DOUBLE, 0.2 + 1.65 * len(names))
    rows = figure.add_gridspec(len(names), 1)
    for number, name in enumerate(names):
        description = observation.descriptions.get(name, Description())
        pull = predictive["residual"][name]
        if pull.ndim == 1:
            row = rows[number].subgridspec(1, 3, width_ratios=(1.6, 1.2, 0.9))
            panels = [figure.add_subplot(row[column]) for column in range(3)]
            _draw_curve(panels[0], panels[1], observation.x[name], predictive, name, description)
        else:
            row = rows[number].subgridspec(1, 4, width_ratios=(1, 1, 1, 0.95))
            panels = [figure.add_subplot(row[column]) for column in range(4)]
            _draw_images(panels[:2], observation.x[name], predictive["best"][name], description, name)
            panels = panels[1:]
            show_array(panels[1], pull, description, label="residual / noise", limits=(-4, 4), cmap="RdBu_r")
            panels[1].set_title("residual")
        _draw_distribution(panels[2], pull)
    chi_squared, correlation = summary["reduced_chi_squared_of_best_draw"], summary["neighbour_correlation"]
    verdict = "consistent" if summary["passed"] else "undecided" if summary["undecided"] else "misfit"
    p_value = f"= {summary['statistic']:.2g}" if summary["statistic"] else f"< 1 / {summary['draws']}"
    figure.suptitle(
        rf"{verdict}: $p {p_value}$, $\chi^2 / N = {chi_squared:.2f}$, neighbours' correlation ${correlation:.2f}$",
        color=MAIN if summary["passed"] else ACCENT,
    )
    return figure


@styled
def position_figure(observation: Observation, posterior: Posterior) -> Figure:
    """Where the subhalo is: regions of 68% and 95% over the image, the same close up, and its mass."""
    name, image = max(observation.x.items(), key=lambda item: item[1].size)
    description = observation.descriptions.get(name, Description())
    found, truth = posterior.marginal(("x_sub", "y_sub")), observation.truth
    figure = new_figure(DOUBLE, 2.3)
    whole, near, mass = figure.subplots(1, 3, width_ratios=(1.25, 1, 1))
    show_array(whole, image, description, label=_label(name, description), cmap="Greys")
    reach = 0.5 * image.shape[0] * (description.pixel_scale or 1.0)
    low, high = np.quantile(posterior.samples(found.names, len(found.samples)), (0.0005, 0.9995), axis=0)
    ends = list(zip(low.tolist(), high.tolist()))
    for axes, limits in ((whole, [(-reach, reach)] * 2), (near, ends)):
        draw_regions(axes, found.samples, found.weights, ends, colour=ACCENT)
        axes.set(xlim=limits[0], ylim=limits[1])
        axes.xaxis.set_major_locator(MaxNLocator(4))
        if truth is not None:
            axes.plot(truth["x_sub"], truth["y_sub"], "x", color=MAIN, ms=6)
    near.set(xlabel="$x$ [arcsec]", ylabel="$y$ [arcsec]", title="subhalo: 68% and 95%")
    if "log10_m_sub" in posterior.names:
        draw_marginal(mass, posterior, "log10_m_sub", truth)
        mass.set(xlabel=r"$\log_{10} m_\mathrm{sub} / \mathrm{M}_\odot$", ylabel="posterior density")
    else:
        mass.remove()
    return figure


def _draw_curve(
    data_axes: Axes,
    pull_axes: Axes,
    data: NDArray[np.float32],
    predictive: Mapping[str, Arrays],
    name: str,
    description: Description,
) -> None:
    """Data with the noise of the best draw, and their residuals, over the bands of what the draws predict."""
    x = np.arange(data.size) if description.coordinate is None else np.array(description.coordinate)
    noise, band = predictive["noise"][name], predictive["band"][name]
    _draw_bands(data_axes, x, band)
    data_axes.errorbar(x, data, noise, fmt="o", color="black", ms=2.5, lw=0.7, label="observation", zorder=3)
    data_axes.set_ylabel(_label(name, description))
    data_axes.legend()
    scale = np.divide(1.0, noise, out=np.zeros(noise.shape), where=noise > 0)
    _draw_bands(pull_axes, x, (band - predictive["best"][name]) * scale)
    pull_axes.plot(x, predictive["residual"][name], "o", color="black", ms=2.5, zorder=3)
    pull_axes.set(ylabel="residual / noise", title="residual of the best draw")
    for axes in (data_axes, pull_axes):
        axes.set_xlabel(description.coordinate_label or "element")


def _draw_bands(axes: Axes, x: NDArray[Any], band: NDArray[Any]) -> None:
    """Bands of 68% and 95% from five quantiles (5, n)."""
    order = np.argsort(x)
    for low, high, colour, label in ((0, 4, GOLD, "95%"), (1, 3, ACCENT, "68%")):
        if len(set(x)) == x.size:
            axes.fill_between(x[order], band[low][order], band[high][order], color=colour, lw=0, label=label)
        else:  # several quantities at one place are no curve
            axes.vlines(x, band[low], band[high], color=colour, lw=5, label=label)


def _draw_images(
    panels: Sequence[Axes], data: NDArray[np.float32], best: NDArray[np.float32], description: Description, name: str
) -> None:
    limits = (float(min(data.min(), best.min())), float(max(data.max(), best.max())))
    for axes, array, title in zip(panels, (data, best), ("observation", "best draw")):
        show_array(axes, array, description, label=_label(name, description), limits=limits)
        axes.set_title(title)


def _draw_distribution(axes: Axes, pull: NDArray[np.float32]) -> None:
    bins = np.linspace(-6, 6, 61 if pull.size > 200 else 13).tolist()
    axes.hist(np.clip(pull.ravel(), -6, 6), bins=bins, density=True, color=SKY)
    fine = np.linspace(-6, 6, 121)
    axes.plot(fine, np.exp(-0.5 * fine**2) / np.sqrt(2 * np.pi), color=MAIN, lw=1.2)
    axes.set(xlabel="residual / noise", ylabel="density", yscale="log", ylim=(1e-4, 2), box_aspect=1)
    axes.set_title("line: unit Gaussian", fontsize=7)


def _label(name: str, description: Description) -> str:
    label = f"${description.label}$" if description.label else name.replace("_", " ")
    return f"{label} [{description.unit}]" if description.unit else label
