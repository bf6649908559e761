"""Figures of the analysis `lattice_field`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from darksieve.figures.style import ACCENT, DOUBLE, GREY, MAIN, new_figure, styled

__all__ = ["FIGURES", "fields_figure", "flow_figure", "observables_figure"]

LABELS = {
    "magnetisation": r"$\langle|M|\rangle$",
    "susceptibility": r"$V\langle M^2\rangle$",
    "square": r"$\langle\varphi^2\rangle$",
    "neighbours": r"$\langle\varphi\varphi^\prime\rangle$",
}


@styled
def observables_figure(record: Mapping[str, Any]) -> Figure:
    """Observables on all lattices off known values, and pole masses beside the published ones."""
    figure = new_figure(DOUBLE, 2.9)
    left, right = figure.subplots(1, 2)
    sides = np.array([float(side) for side in record["known"]])
    markers = dict(zip(LABELS, "os^D"))
    for offset, (name, label) in zip((-0.3, -0.1, 0.1, 0.3), LABELS.items()):
        known = np.array([record["known"][side][name] for side in record["known"]])
        found = np.array([record["measured"][side][name] for side in record["known"]])
        error = np.hypot(known[:, 1], found[:, 1])
        left.plot(sides + offset, (found[:, 0] - known[:, 0]) / error, markers[name], ms=4, label=label)
    left.axhspan(-3, 3, color=GREY, alpha=0.15, lw=0)
    left.axhline(0.0, color=GREY, lw=0.7)
    left.set(xlabel="$L$", ylabel="(measured - known) / error", ylim=(-4.5, 6.5))
    left.legend(ncol=2, loc="upper left")
    found = np.array([record["measured"][side]["pole mass"] for side in record["published"]])
    published = np.array(list(record["published"].values()))
    right.errorbar(
        sides - 0.1, published[:, 0], published[:, 1], fmt="s", color=ACCENT, ms=4, label="Albergo et al. 2019"
    )
    right.errorbar(sides + 0.1, found[:, 0], found[:, 1], fmt="o", color=MAIN, ms=4, label="here")
    right.set(xlabel="$L$", ylabel=r"$m_\mathrm{p}L$")
    right.margins(y=0.2)
    right.legend(loc="upper left")
    for axes in (left, right):
        axes.set_xticks(sides)
    return figure


@styled
def flow_figure(record: Mapping[str, Any]) -> Figure:
    """Weights of the flows, their observables beside those of chains, and effective samples a second."""
    figure = new_figure(DOUBLE, 2.7)
    weights, pulls, speed = figure.subplots(1, 3)
    for number, (colour, (side, entry)) in enumerate(zip((MAIN, ACCENT), record["flows"].items())):
        label = f"$L={side}$, {entry['effective_fraction']:.2f}"
        weights.hist(
            entry["log_weight"], bins=60, range=(-2, 2), histtype="step", color=colour, label=label, density=True
        )
        place = np.arange(len(LABELS)) + 0.2 * (number - 0.5)
        reference = [record["measured"][side][name] for name in LABELS]
        found = [entry["observables"][name] for name in LABELS]
        ratio = np.array([f[0] / r[0] for f, r in zip(found, reference)])
        error = np.array([np.hypot(f[1], r[1]) / r[0] for f, r in zip(found, reference)])
        pulls.errorbar(place, ratio, error, fmt="o", color=colour, ms=4, label=f"$L={side}$")
        for marker, (name, value) in zip("os", entry["samples_per_second"].items()):
            speed.semilogy(float(side), value, marker, color=colour, ms=5)
            speed.annotate(
                name.replace("Hamiltonian Monte Carlo", "HMC"),
                (float(side), value),
                (6, -3),
                textcoords="offset points",
                fontsize=8,
            )
    weights.set(xlabel=r"$-S-\ln q$ off its mean", ylabel="density", title="effective samples a sample")
    weights.margins(y=0.35)
    weights.legend(loc="upper left")
    pulls.axhline(1.0, color=GREY, lw=0.7)
    pulls.set_xticks(range(len(LABELS)), list(LABELS.values()))
    pulls.set(ylabel="flow / HMC", xlim=(-0.6, len(LABELS) - 0.4), xlabel="observable", title="reweighted")
    pulls.margins(y=0.25)
    pulls.legend(loc="upper right")
    speed.set(xlabel="$L$", ylabel=r"effective samples of $M^2$ / CPU s", xlim=(5, 11), xticks=[6, 8])
    return figure


@styled
def fields_figure(record: Mapping[str, Any]) -> Figure:
    """Fields that the flows draw."""
    figure = new_figure(DOUBLE, 2.6)
    flows = record["flows"]
    panels = figure.subplots(len(flows), 6, squeeze=False)
    for row, (side, entry) in zip(panels, flows.items()):
        for axes, field in zip(row, entry["fields"]):
            shown = axes.imshow(field, cmap="RdBu_r", vmin=-1.2, vmax=1.2, interpolation="nearest")
            axes.set(xticks=[], yticks=[])
        row[0].set_ylabel(f"$L={side}$")
    figure.colorbar(shown, ax=panels, label=r"$\varphi$", shrink=0.9)
    return figure


FIGURES: dict[str, Callable[[Mapping[str, Any]], Figure]] = {
    "observables": observables_figure,
    "flow": flow_figure,
    "fields": fields_figure,
}
