"""Figures of the analysis `ising`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from darksieve.figures.style import ACCENT, DOUBLE, GOLD, GREY, MAIN, PURPLE, SKY, new_figure, styled

__all__ = ["FIGURES", "binder_figure", "slowing_figure", "snapshots_figure", "thermodynamics_figure"]

COLOURS = (MAIN, ACCENT, SKY, PURPLE, GOLD)
NAMES = {"metropolis": "Metropolis", "wolff": "Wolff"}


@styled
def thermodynamics_figure(record: Mapping[str, Any]) -> Figure:
    """Energy, magnetisation and specific heat of every lattice beside the exact solutions."""
    exact, figure = record["exact"], new_figure(DOUBLE, 2.6)
    panels = figure.subplots(1, 3)
    labels = ("energy / spin [$J$]", r"$\langle|m|\rangle$", "specific heat / spin")
    for axes, name, label in zip(panels, ("energy", "magnetisation", "specific_heat"), labels):
        for colour, (side, curve) in zip(COLOURS, record["curves"].items()):
            _points(axes, curve, name, colour, rf"$L={side}$")
            if name == "specific_heat":
                axes.plot(exact["temperature"], exact[name][side], color=colour, lw=0.8)
        if name != "specific_heat":
            axes.plot(exact["temperature"], exact[name], color="black", lw=0.8, label=r"exact, $L=\infty$")
        axes.axvline(record["critical_temperature"], color=GREY, lw=0.7)
        axes.set(xlabel=r"temperature [$J/k_\mathrm{B}$]", ylabel=label)
    panels[0].legend(loc="upper left")
    panels[2].set_title("lines: Kaufman, same $L$")
    return figure


@styled
def binder_figure(record: Mapping[str, Any]) -> Figure:
    """Binder cumulants against temperature, all of it and where they cross."""
    figure = new_figure(DOUBLE, 2.9)
    wide, near = figure.subplots(1, 2)
    crossings = record["crossings"]
    middle = record["critical_temperature"]
    for colour, (side, curve) in zip(COLOURS, record["curves"].items()):
        for axes in (wide, near):
            _points(axes, curve, "binder", colour, rf"$L={side}$", line=True)
    for axes in (wide, near):
        axes.axvline(middle, color=GREY, lw=0.7)
        axes.set(xlabel=r"temperature [$J/k_\mathrm{B}$]", ylabel=r"$1-\langle m^4\rangle/3\langle m^2\rangle^2$")
    for crossing in crossings:
        near.axvspan(
            crossing["temperature"] - crossing["error"], crossing["temperature"] + crossing["error"],
            color=GREY, alpha=0.3, lw=0,
        )  # fmt: skip
    near.set(xlim=(middle - 0.024, middle + 0.024), ylim=(0.45, 0.67))
    bar = record["bars"]["critical temperature"]
    near.set_title(rf"crossings at {bar['statistic']:.4f}, exact {middle:.4f}")
    wide.legend()
    return figure


@styled
def slowing_figure(record: Mapping[str, Any]) -> Figure:
    """Autocorrelation times and effective samples a second of both dynamics against the lattice."""
    figure = new_figure(DOUBLE, 2.9)
    times, rates = figure.subplots(1, 2)
    for colour, (name, entries) in zip((ACCENT, MAIN), record["slowing"].items()):
        sides = np.array([entry["side"] for entry in entries], float)
        tau = np.array([entry["autocorrelation_time"] for entry in entries])
        slope = np.polyfit(np.log(sides), np.log(tau), 1)[0]
        times.loglog(sides, tau, "o-", ms=4, color=colour, label=rf"{NAMES[name]}, $\tau\propto L^{{{slope:.2f}}}$")
        rates.loglog(
            sides, [entry["samples_per_second"] for entry in entries], "o-", ms=4, color=colour, label=NAMES[name]
        )
    times.set(xlabel="$L$", ylabel=r"$\tau$ of $|m|$ [$L^2$ spin updates]", title=r"at $T_\mathrm{c}$")
    speed = record["bars"]["speed"]["statistic"]
    rates.set(
        xlabel="$L$",
        ylabel="effective samples / CPU s",
        title=rf"Wolff {speed:.0f} times as many at $L={sides[-1]:.0f}$",
    )
    for axes in (times, rates):
        axes.set_xticks(sides, [f"{side:.0f}" for side in sides])
        axes.minorticks_off()
        axes.legend()
    return figure


@styled
def snapshots_figure(record: Mapping[str, Any]) -> Figure:
    """States below, at and above the critical temperature."""
    snapshots = record["snapshots"]
    figure = new_figure(DOUBLE, 2.6)
    for axes, (temperature, spins) in zip(figure.subplots(1, len(snapshots)), snapshots.items()):
        axes.imshow(spins, cmap="gray_r", vmin=-1, vmax=1, interpolation="nearest")
        axes.set(xticks=[], yticks=[], title=rf"$T={temperature}\,J/k_\mathrm{{B}}$")
    return figure


def _points(axes: Axes, curve: Any, name: str, colour: str, label: str, line: bool = False) -> None:
    temperature, value, error = ([entry[key] for entry in curve] for key in ("temperature", name, f"{name}_error"))
    axes.errorbar(
        temperature, value, error, fmt="o-" if line else "o", color=colour, ms=3, lw=0.8, elinewidth=1, label=label
    )


FIGURES: dict[str, Callable[[Mapping[str, Any]], Figure]] = {
    "thermodynamics": thermodynamics_figure,
    "snapshots": snapshots_figure,
    "binder": binder_figure,
    "slowing": slowing_figure,
}
