"""Figures of the analysis `hopfield`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from darksieve.figures.style import ACCENT, DOUBLE, GOLD, GREY, MAIN, PURPLE, SKY, new_figure, styled

__all__ = ["FIGURES", "capacity_figure", "landscapes_figure", "modern_figure", "phases_figure", "recall_figure"]

COLOURS = (MAIN, ACCENT, SKY, PURPLE, GOLD, GREY)


@styled
def capacity_figure(record: Mapping[str, Any]) -> Figure:
    """Retrieval against load, half-points against size, and the overlap of what is retrieved."""
    capacity = record["classical"]["capacity"]
    theory, sizes = capacity["theory"], capacity["sizes"]
    figure = new_figure(DOUBLE, 2.7)
    retrieved, points, overlap = figure.subplots(1, 3)
    for colour, (size, entry) in zip(COLOURS, sizes.items()):
        retrieved.plot(capacity["loads"], entry["retrieved"], "o-", color=colour, ms=3, lw=1, label=f"$N={size}$")
        overlap.plot(capacity["loads"], entry["overlap"], "o-", color=colour, ms=3, lw=1)
    retrieved.axhline(0.5, color=GREY, lw=0.6, ls=":")
    retrieved.set(xlabel=r"load $\alpha=P/N$", ylabel="fraction of patterns retrieved", ylim=(-0.03, 1.03))
    overlap.plot(theory["loads"], theory["overlap"], color="black", lw=1.2, label="mean field")
    overlap.set(xlabel=r"load $\alpha$", ylabel="overlap, mean of all patterns", xlim=(0.09, 0.21), ylim=(0, 1.03))
    for axes in (retrieved, overlap):
        axes.axvline(theory["critical_load"], color=GREY, lw=0.7)
        axes.legend(loc="lower left")
    place = np.array([float(size) for size in sizes]) ** -0.5
    points.errorbar(
        place, [entry["half_point"] for entry in sizes.values()],
        [entry["half_point_error"] for entry in sizes.values()], fmt="o", color=MAIN, ms=4,
    )  # fmt: skip
    line = np.array([0.0, 1.05 * place.max()])
    points.plot(line, capacity["extrapolated"] + capacity["slope"] * line, color=MAIN, lw=0.8)
    points.errorbar([0], [capacity["extrapolated"]], [capacity["extrapolated_error"]], fmt="s", color=ACCENT, ms=4)
    points.axhline(theory["critical_load"], color=GREY, lw=0.7)
    points.set(xlabel=r"$N^{-1/2}$", ylabel=r"$\alpha$ where half is retrieved", xlim=(-0.002, None))
    points.set_title(
        rf"$N\to\infty$: {capacity['extrapolated']:.4f} $\pm$ {capacity['extrapolated_error']:.4f}", fontsize=8
    )
    return figure


@styled
def recall_figure(record: Mapping[str, Any]) -> Figure:
    """Basins of attraction, learning rules, and couplings of which some change their signs."""
    found = record["classical"]
    figure = new_figure(DOUBLE, 2.7)
    basins, rules, signs = figure.subplots(1, 3)
    for colour, load, curve in zip(COLOURS, found["basins"]["loads"], found["basins"]["retrieved"]):
        basins.plot(found["basins"]["flipped"], curve, "o-", color=colour, ms=3, lw=1, label=rf"$\alpha={load}$")
    basins.set(xlabel="fraction of neurons flipped at the start", ylabel="fraction retrieved", title="basins (Hebb)")
    loads = found["rules"]["loads"]
    for colour, (name, rule) in zip(COLOURS, found["rules"]["rules"].items()):
        rules.plot(loads, rule["exact"], "o-", color=colour, ms=3, lw=1, label=name)
        rules.plot(loads, rule["from_a_tenth_flipped"], "o:", color=colour, ms=3, lw=1, mfc="white")
    rules.set(xlabel=r"load $\alpha$", ylabel="fraction recalled", title="exactly (dotted: 10% flipped)")
    changed = found["inversion"]
    signs.plot(changed["flipped"], changed["overlap"], "o-", color=MAIN, ms=3, lw=1, label="overlap at the end")
    signs.plot(changed["flipped"], changed["stable"], "s--", color=ACCENT, ms=3, lw=1, label="stable neurons")
    signs.set(xlabel="fraction of couplings inverted", ylabel="of stored patterns")
    signs.set_title(rf"inverted couplings, $\alpha={changed['load']}$")
    for axes in (basins, rules, signs):
        axes.set_ylim(-0.03, 1.03)
        axes.legend(fontsize=7)
    return figure


@styled
def phases_figure(record: Mapping[str, Any]) -> Figure:
    """Overlap kept at a temperature and load, simulated and in theory, with the mean-field lines."""
    phases = record["classical"]["phases"]
    figure = new_figure(DOUBLE, 3.0)
    plane, curves = figure.subplots(1, 2)
    lines = phases["lines"]
    grid = np.meshgrid(phases["loads"], phases["temperatures"])
    shown = plane.scatter(*grid, c=phases["simulated"], cmap="viridis", vmin=0, vmax=1, s=45, edgecolors=GREY, lw=0.4)
    figure.colorbar(shown, ax=plane, label="overlap, simulated")
    plane.plot(lines["loads"], lines["retrieval_temperature"], color=ACCENT, label=r"$T_\mathrm{M}$ (memories)")
    plane.plot(lines["loads"], lines["glass_temperature"], color="black", lw=0.9, label=r"$T_\mathrm{g}$ (glass)")
    plane.set(xlabel=r"load $\alpha$", ylabel="temperature", xlim=(0, 0.147), ylim=(0, 1.6))
    plane.legend(loc="upper center", ncols=2)
    for column, (colour, load) in enumerate(zip(COLOURS, phases["loads"])):
        simulated, predicted = (np.array(phases[key])[:, column] for key in ("simulated", "predicted"))
        curves.plot(phases["temperatures"], simulated, "o", color=colour, ms=3.5, label=rf"$\alpha={load}$")
        curves.plot(phases["temperatures"], predicted, color=colour, lw=0.8)
    curves.set(xlabel="temperature", ylabel="overlap", title="points: simulated, lines: mean field")
    curves.legend(fontsize=7)
    return figure


@styled
def landscapes_figure(record: Mapping[str, Any]) -> Figure:
    """Energy between two patterns for changed couplings, energies of mixtures, and of parallel dynamics."""
    found = record["classical"]
    figure = new_figure(DOUBLE, 2.8)
    paths, mixtures, parallel = figure.subplots(1, 3)
    place = found["landscapes"]["place"]
    for colour, (name, curve) in zip(COLOURS, found["landscapes"]["paths"].items()):
        mean, spread = np.array(curve["mean"]), np.array(curve["spread"])
        paths.plot(place, mean, color=colour, ls="--" if name == "random factors" else "-", label=name)
        paths.fill_between(place, mean - spread, mean + spread, color=colour, alpha=0.25, lw=0)
    paths.set(xlabel="way from one pattern to another", ylabel="energy / neuron", ylim=(-0.6, 1.15))
    paths.legend(fontsize=7, loc="upper left")
    mixed = found["mixtures"]
    mixtures.plot(mixed["loads"], mixed["stable"], "o-", color=MAIN, ms=3, lw=1, label="stable neurons")
    mixtures.plot(mixed["loads"], mixed["overlap"], "s-", color=ACCENT, ms=3, lw=1, label="overlap with each")
    mixtures.plot(mixed["loads"], mixed["energy"], "^-", color=COLOURS[2], ms=3, lw=1, label="energy / neuron")
    mixtures.plot(mixed["loads"], mixed["pattern_energy"], "^:", color=GREY, ms=3, lw=1, label="that of patterns")
    mixtures.set(xlabel=r"load $\alpha$", title="mixtures of three patterns", ylim=(-0.6, 1.75))
    mixtures.legend(fontsize=7, loc="upper center")
    for values in found["parallel"]["energy"]:
        parallel.plot(values, lw=0.8)
    parallel.set(xlabel="parallel step", ylabel="energy / neuron", title=r"all neurons at once, $\alpha=0.2$")
    share = found["parallel"]["in_cycles_of_two"]
    parallel.text(0.95, 0.9, f"{share:.0%} end in a cycle of two", transform=parallel.transAxes, ha="right", fontsize=8)
    return figure


@styled
def modern_figure(record: Mapping[str, Any]) -> Figure:
    """Capacity against dimension, bit errors of dense memories, and fixed points against beta."""
    found = record["modern"]
    figure = new_figure(DOUBLE, 2.8)
    capacity, dense, fixed = figure.subplots(1, 3)
    growth = found["exponential"]
    dimensions = np.array(growth["dimensions"])
    rate = growth["growth_a_dimension"]
    capacity.semilogy(dimensions, growth["capacities"], "o", color=MAIN, ms=4, label="half retrieved in one step")
    capacity.plot(dimensions, np.exp(growth["intercept"] + rate * dimensions), color=MAIN, lw=0.8)
    capacity.plot(dimensions, growth["lower_bounds"], color=GREY, ls="--", label="lower bound")
    capacity.set(xlabel="dimension $d$", ylabel="stored patterns", title=rf"$\propto e^{{{rate:.2f}d}}$")
    capacity.legend(fontsize=7)
    for colour, (power, entry) in zip(COLOURS, found["dense"].items()):
        simulated = np.ma.masked_equal(entry["simulated"], 0.0)
        dense.loglog(entry["patterns"], simulated, "o", color=colour, ms=4, label=f"$F(x)=x^{power}$")
        dense.loglog(entry["patterns"], entry["theory"], color=colour, lw=0.8)
    dense.set(xlabel="stored patterns, $N=100$", ylabel="bits that flip", ylim=(5e-5, 0.2), title="lines: theory")
    dense.legend(fontsize=7)
    metastable = found["metastable"]
    fixed.loglog(metastable["betas"], metastable["fixed_points"], drawstyle="steps-mid", color=MAIN)
    for number, label in (
        (1, "one for all"),
        (metastable["groups"], "one a group"),
        (metastable["patterns"], "one a pattern"),
    ):
        fixed.axhline(number, color=GREY, lw=0.6, ls=":")
        fixed.text(0.0115, 1.06 * number, label, fontsize=7)
    fixed.set(xlabel=r"inverse temperature $\beta$", ylabel="fixed points", ylim=(0.8, 60))
    return figure


FIGURES: dict[str, Callable[[Mapping[str, Any]], Figure]] = {
    "capacity": capacity_figure,
    "recall": recall_figure,
    "phases": phases_figure,
    "landscapes": landscapes_figure,
    "modern": modern_figure,
}
