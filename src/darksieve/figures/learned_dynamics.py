"""Figures of the analysis `learned_dynamics`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from darksieve.figures.style import ACCENT, GREY, MAIN, new_figure, styled

__all__ = ["FIGURES", "energies_figure", "halo_figure", "trajectories_figure"]

COLOURS = {"plain": ACCENT, "hamiltonian": MAIN}
NAMES = {"plain": "plain network", "hamiltonian": "Hamiltonian network"}
SYSTEMS = {"spring": "spring", "two_bodies": "two bodies", "halo": "halo"}


@styled
def trajectories_figure(record: Mapping[str, Any]) -> Figure:
    """One learned orbit of each system beside the true one: the spring's state, and the place of a body."""
    figure = new_figure(7.0, 2.9)
    for axes, (system, name) in zip(figure.subplots(1, 3), SYSTEMS.items()):
        entry = _first(record, system)
        true = np.array(entry["true_orbit"])
        axes.plot(true[:, 0], true[:, 1], color=GREY, lw=2.5, alpha=0.6, label="true")
        for kind, colour in COLOURS.items():
            orbit = np.array(entry[kind]["orbit"])
            axes.plot(orbit[:, 0], orbit[:, 1], color=colour, lw=0.9, label=NAMES[kind])
        reach = 1.4 * np.abs(true[:, :2]).max()
        axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", title=name)
        axes.set(xlabel="$q$" if system == "spring" else "$x$", ylabel="$p$" if system == "spring" else "$y$")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncol=3)
    return figure


@styled
def energies_figure(record: Mapping[str, Any]) -> Figure:
    """Change of the true energy along learned motion, and its mean square for every spring."""
    figure = new_figure(7.0, 2.7)
    panels = figure.subplots(1, 4)
    for axes, (system, name) in zip(panels, SYSTEMS.items()):
        entry = _first(record, system)
        for kind, colour in COLOURS.items():
            axes.semilogy(entry["time"][1:], entry[kind]["energy"][1:], color=colour, lw=1)
        axes.set(xlabel="time", title=name)
    panels[0].set_ylabel("rms change of the energy")
    for kind, colour in COLOURS.items():
        errors = [entry[kind]["energy_error"] for entry in record["spring"]]
        panels[3].semilogy(range(1, len(errors) + 1), errors, "o", color=colour, ms=4, label=NAMES[kind])
    panels[3].set(
        xlabel="seed", ylabel="mean square error", title="springs", xticks=range(1, len(record["spring"]) + 1)
    )
    figure.legend(*panels[3].get_legend_handles_labels(), loc="outside lower center", ncol=2)
    return figure


@styled
def halo_figure(record: Mapping[str, Any]) -> Figure:
    """Mass inside a radius by the learned Hamiltonian beside the halo's."""
    figure, weighed = new_figure(4.2, 3.4), record["weighed"]
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(2.5, 1.0))
    radius, exact, measured = (np.array(weighed[key]) for key in ("radius", "exact", "measured"))
    axes.plot(radius, exact, color=GREY, lw=1, label="NFW halo")
    axes.plot(radius, measured, "o", color=MAIN, ms=3, label="learned Hamiltonian")
    axes.set(ylabel=r"$M(<r)\;[4\pi\rho_\mathrm{s}r_\mathrm{s}^3]$")
    axes.legend()
    below.axhspan(-0.05, 0.05, color=GREY, alpha=0.2, lw=0)
    below.plot(radius, measured / exact - 1.0, "o", color=MAIN, ms=3)
    below.set(xlabel=r"$r\;[r_\mathrm{s}]$", ylabel="relative error", ylim=(-0.12, 0.12))
    return figure


def _first(record: Mapping[str, Any], system: str) -> Mapping[str, Any]:
    return record[system][0] if system == "spring" else record[system]


FIGURES: dict[str, Callable[[Mapping[str, Any]], Figure]] = {
    "trajectories": trajectories_figure,
    "energies": energies_figure,
    "halo": halo_figure,
}
