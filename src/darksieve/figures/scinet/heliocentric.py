"""Figure of the analysis `scinet/heliocentric`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from darksieve.figures.style import ACCENT, DOUBLE, GREY, MAIN, new_figure, styled

__all__ = ["FIGURES", "orbits_figure"]

COLOURS = {"Earth": MAIN, "Mars": ACCENT}


@styled
def orbits_figure(record: Mapping[str, Any]) -> Figure:
    """A sky and its prediction, heliocentric angles from latent variables against the truth, error against time."""
    figure = new_figure(DOUBLE, 2.6)
    sky, angles, error = figure.subplots(1, 3)
    truth, answer = (np.rad2deg(record["series"][key]) for key in ("truth", "answer"))
    weeks = np.arange(len(truth))
    for column, (name, colour) in enumerate(zip(("Sun", "Mars"), COLOURS.values())):
        sky.plot(weeks, truth[:, column], color=GREY, lw=2.5)
        sky.plot(weeks, answer[:, column], color=colour, lw=1, label=f"{name}, predicted")
    sky.set(xlabel="weeks", ylabel="direction from Earth [deg]", title="grey: truth")
    sky.legend()
    true, found = (np.rad2deg(record[key]) for key in ("angles", "predicted"))
    for column, (planet, colour) in enumerate(COLOURS.items()):
        explained = record["bars"][f"{planet} angle"]["statistic"]
        label = f"{planet}: $R^2={explained:.4f}$"
        angles.plot(true[:, column], found[:, column], ".", ms=1.5, color=colour, label=label)
    edges = [true.min(), true.max()]
    angles.plot(edges, edges, color="black", lw=0.7)
    angles.set(xlabel="heliocentric angle [deg]", ylabel="linear in the latents [deg]")
    angles.legend(markerscale=4)
    scale = 1 / math.sqrt(2) / (2 * math.pi)
    error.semilogy(
        [score["seconds"] for score in record["scores"]], [100 * scale * score["error"] for score in record["scores"]],
        "o-", color=MAIN, ms=3, lw=1,
    )  # fmt: skip
    error.axhline(100 * record["bars"]["error"]["expected_range"][1], color=GREY, lw=0.8, ls="--", label="bar")
    error.axhline(100 * record["published"], color=GREY, lw=0.8, ls=":", label="authors' network")
    error.set(xlabel="CPU time [s]", ylabel=r"rms error [% of $2\pi$]")
    error.legend(loc="upper right")
    return figure


FIGURES: dict[str, Callable[[Mapping[str, Any]], Figure]] = {"orbits": orbits_figure}
