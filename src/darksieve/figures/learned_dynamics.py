"""Figures of the analysis `learned_dynamics`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from darksieve.figures.style import ACCENT, DOUBLE, GOLD, GREY, MAIN, SINGLE, SKY, new_figure, styled

__all__ = ["FIGURES", "energies_figure", "halo_figure", "trajectories_figure"]

COLOURS = {"plain": ACCENT, "neural_ode": GOLD, "hamiltonian": MAIN, "lagrangian": SKY}
NAMES = {
    "plain": "plain network",
    "neural_ode": "neural ODE",
    "hamiltonian": "Hamiltonian network",
    "lagrangian": "Lagrangian network",
}
SYSTEMS = {
    "spring": "spring",
    "pendulum": "pendulum",
    "double_pendulum": "double pendulum",
    "two_bodies": "two bodies",
    "halo": "halo",
}
ANGLES = {"pendulum": 0, "double_pendulum": 1}  # which angle is shown against time
ORBITS = {"spring": ("$q$", "$p$"), "two_bodies": ("$x$", "$y$"), "halo": ("$x$", "$y$")}


@styled
def trajectories_figure(record: Mapping[str, Any]) -> Figure:
    """One learned orbit of each system beside the true one; of pendulums, the lower one's angle against time."""
    figure = new_figure(DOUBLE, 4.8)
    panels = figure.subplots(2, 3).ravel()
    for axes, (system, name) in zip(panels, SYSTEMS.items()):
        entry = _first(record, system)
        curves = {"true": entry["true_orbit"]} | {kind: entry[kind]["orbit"] for kind in COLOURS if kind in entry}
        for kind, orbit in curves.items():
            states = np.array(orbit)
            style = {"color": GREY, "lw": 2.5, "alpha": 0.6} if kind == "true" else {"color": COLOURS[kind], "lw": 0.9}
            column = ANGLES.get(system)
            x, y = (states[:, 0], states[:, 1]) if column is None else (entry["time"], states[:, column])
            axes.plot(x, y, label=NAMES.get(kind, "true"), **style)
        reach = 1.4 * np.abs(np.array(entry["true_orbit"])[:, :2]).max()
        axes.set(ylim=(-reach, reach), title=name)
        if system in ANGLES:
            axes.set(xlabel="time", ylabel="angle [rad]")
        else:
            axes.set(xlim=(-reach, reach), aspect="equal", xlabel=ORBITS[system][0], ylabel=ORBITS[system][1])
    handles = _handles(panels)
    panels[-1].legend(handles.values(), handles.keys(), loc="center")
    panels[-1].axis("off")
    return figure


@styled
def energies_figure(record: Mapping[str, Any]) -> Figure:
    """Change of the true energy along learned motion, and its mean square for every spring."""
    figure = new_figure(DOUBLE, 4.8)
    panels = figure.subplots(2, 3).ravel()
    for axes, (system, name) in zip(panels, SYSTEMS.items()):
        entry = _first(record, system)
        for kind in (kind for kind in COLOURS if kind in entry):
            axes.semilogy(entry["time"][1:], entry[kind]["energy"][1:], color=COLOURS[kind], lw=1, label=NAMES[kind])
        axes.set(xlabel="time", ylabel="rms change of the energy", title=name)
    for kind in ("plain", "hamiltonian"):
        errors = [entry[kind]["energy_error"] for entry in record["spring"]]
        panels[-1].semilogy(range(1, len(errors) + 1), errors, "o", color=COLOURS[kind], ms=4)
    seeds = range(1, len(record["spring"]) + 1)
    panels[-1].set(xlabel="seed", ylabel="mean square error", title="all springs", xticks=seeds)
    handles = _handles(panels)
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncol=4)
    return figure


@styled
def halo_figure(record: Mapping[str, Any]) -> Figure:
    """Mass inside a radius by the learned Hamiltonian beside the halo's."""
    figure, weighed = new_figure(SINGLE, 3.4), record["weighed"]
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


def _handles(panels: Any) -> dict[str, Any]:
    """What all panels show, by name."""
    return {name: handle for axes in panels for handle, name in zip(*axes.get_legend_handles_labels())}


def _first(record: Mapping[str, Any], system: str) -> Mapping[str, Any]:
    return record[system][0] if system == "spring" else record[system]


FIGURES: dict[str, Callable[[Mapping[str, Any]], Figure]] = {
    "trajectories": trajectories_figure,
    "energies": energies_figure,
    "halo": halo_figure,
}
