"""Figures of the analysis `diffusion/exact`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from darksieve.figures.style import ACCENT, DOUBLE, GREY, MAIN, new_figure, styled

__all__ = ["FIGURES", "densities_figure", "lines_figure", "process_figure", "samplers_figure"]

COLOURS = {"diffusion": MAIN, "Poisson flow": ACCENT}


@styled
def process_figure(record: Mapping[str, Any]) -> Figure:
    """Noise that comes upon points of the mixture, noise that the learned score takes away, and entropy produced."""
    process, entropy = record["process"], record["entropy"]
    figure = new_figure(DOUBLE, 4.6)
    columns = len(process["sigma"])
    grid = figure.add_gridspec(3, columns, height_ratios=(1.0, 1.0, 1.25))
    rows = {"noise in": process["forward"], "noise out": process["back"]}
    for row, (name, snapshots) in enumerate(rows.items()):
        for column, (sigma, points) in enumerate(zip(process["sigma"], snapshots)):
            axes = figure.add_subplot(grid[row, column])
            x, y = np.array(points).T / np.sqrt(1.0 + sigma**2)
            axes.plot(x, y, ".", color=ACCENT if row else MAIN, ms=1.2)
            axes.set(xlim=(-3.2, 3.2), ylim=(-3.2, 3.2), aspect="equal", xticks=[], yticks=[])
            if row == 0:
                axes.set_title(rf"$\sigma={sigma:g}$ {'→' if column < columns - 1 else ''}")
            elif column < columns - 1:
                axes.set_title("←", fontsize=8)
            if column == 0:
                axes.set_ylabel(name)
    axes = figure.add_subplot(grid[2, :])
    axes.semilogx(entropy["sigma"], entropy["rates"]["exact"], color=GREY, lw=3, alpha=0.5, label="exact score")
    axes.semilogx(entropy["sigma"], entropy["rates"]["learned"], color=ACCENT, lw=1, label="learned score")
    produced, (before, after) = entropy["produced"], entropy["ends"]
    title = (
        f"entropy that noise produces: {produced['exact']:.2f} nat in all, {produced['learned']:.2f} by the learned "
        f"score; x gains {after - before:.2f}"
    )
    axes.set(
        xlabel=r"$\sigma$", ylabel=r"nat / d$\ln\sigma$", ylim=(-0.05, 2.15),
        title=title,
    )  # fmt: skip
    axes.legend()
    return figure


@styled
def lines_figure(record: Mapping[str, Any]) -> Figure:
    """Lines of the learned flows: where points of much noise go, and the weights with which they arrive."""
    figure = new_figure(DOUBLE, 3.0)
    *panels, weights = figure.subplots(1, 3)
    for axes, (name, lines) in zip(panels, record["paths"].items()):
        for line in np.array(lines):
            axes.plot(line[:, 0], line[:, 1], color=COLOURS[name], lw=0.7, alpha=0.8)
            axes.plot(*line[-1], "o", color="black", ms=2)
        axes.set(xlim=(-5, 5), ylim=(-5, 5), aspect="equal", xlabel="$x_1$", title=name)
    panels[0].set_ylabel("$x_2$")
    place = np.arange(len(record["weight"]))
    weights.bar(place, record["weight"], 0.8, color=GREY, alpha=0.4, label="mixture")
    for offset, (name, entry) in zip((-0.15, 0.15), record["learned"].items()):
        weights.plot(place + offset, entry["weight"], "o", color=COLOURS[name], ms=4, label=name)
    weights.set(xlabel="Gaussian", ylabel="weight", ylim=(0, 1.5 * max(record["weight"])))
    weights.set_xticks(place, [str(number + 1) for number in place])
    weights.legend(loc="upper left")
    return figure


@styled
def densities_figure(record: Mapping[str, Any]) -> Figure:
    """Error of the learned score against the noise, and learned against true densities."""
    figure = new_figure(DOUBLE, 2.8)
    errors, densities = figure.subplots(1, 2)
    for name, entry in record["learned"].items():
        label = f"error, {name}: {100 * entry['score_error']:.2f}% in all"
        errors.loglog(entry["sigma"], entry["errors"], color=COLOURS[name], lw=1.2, label=label)
        true, found = np.array(entry["log_density"])
        label = f"{name}, {entry['divergence']:.3f} nat"
        densities.plot(true, found - true, ".", color=COLOURS[name], ms=2, label=label)
    first = next(iter(record["learned"].values()))
    errors.loglog(first["sigma"], first["squares"], color=GREY, lw=2.5, alpha=0.5, label="score, diffusion")
    errors.set(xlabel=r"$\sigma$", ylabel=r"mean square of $\sigma\,\times$ score", ylim=(1e-9, 1e4))
    errors.legend(loc="upper left")
    densities.axhline(0.0, color=GREY, lw=0.7)
    densities.set(xlabel=r"true $\ln p$", ylabel=r"learned $\ln p$ - true", ylim=(-1.5, 1.5))
    densities.legend()
    return figure


@styled
def samplers_figure(record: Mapping[str, Any]) -> Figure:
    """Samples in the two directions that the data determine best, and eigenvalues of whitened covariances."""
    found = record["posterior"]
    figure = new_figure(DOUBLE, 2.3)
    *panels, spread = figure.subplots(1, len(found) + 1)
    colours = (GREY, MAIN, ACCENT)
    angle = np.linspace(0.0, 2.0 * np.pi, 200)
    for axes, colour, (name, entry) in zip(panels, colours, found.items()):
        points = np.array(entry["samples"])
        axes.plot(points[:, 0], points[:, 1], ".", color=colour, ms=1.5)
        for radius in (1.0, 2.0):
            axes.plot(radius * np.cos(angle), radius * np.sin(angle), color="black", lw=0.8)
        title = {"gradient": "gradient\n(DPS)"}.get(name, name.replace(", ", "\n"))
        edge = max(5.0, 1.1 * float(np.quantile(np.abs(points[:, :2]), 0.99)))
        axes.set(xlim=(-edge, edge), ylim=(-edge, edge), aspect="equal", xlabel="first direction [sd]", title=title)
        spread.plot(range(1, 1 + len(entry["eigenvalues"])), entry["eigenvalues"], "o-", color=colour, ms=2.5, lw=0.8)
    panels[0].set_ylabel("second direction [sd]")
    spread.axhspan(0.65, 1.15, color=GREY, alpha=0.3, lw=0)
    spread.set(yscale="log", xlabel="number", title="eigenvalues,\nwhitened covariance")
    return figure


FIGURES: dict[str, Callable[[Mapping[str, Any]], Figure]] = {
    "process": process_figure,
    "lines": lines_figure,
    "densities": densities_figure,
    "samplers": samplers_figure,
}
