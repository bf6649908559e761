"""Figures of the analysis `scinet/pendulum`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from darksieve.figures.scinet.training import draw_divergences, draw_error
from darksieve.figures.style import ACCENT, DOUBLE, GREY, new_figure, styled

__all__ = ["FIGURES", "latents_figure", "motion_figure"]


@styled
def motion_figure(record: Mapping[str, Any]) -> Figure:
    """Pendulums as seen, as they moved and as answered, and the error on the way through training."""
    examples = record["examples"]
    figure = new_figure(DOUBLE, 4.4)
    panels = figure.subplots(2, 2).ravel()
    for axes, example in zip(panels, examples):
        axes.plot(example["time"], example["truth"], color=GREY, lw=2.5, label="truth")
        axes.plot(example["time"], example["answer"], color=ACCENT, lw=1, label="answer")
        axes.plot(example["seen"]["time"], example["seen"]["position"], "k.", ms=3, label="seen")
        axes.set(
            xlabel="time", ylabel="position", ylim=(-1.05, 1.05),
            title=rf"$\kappa={example['stiffness']:g}$, $b={example['damping']:g}$",
        )  # fmt: skip
    panels[0].legend()
    draw_error(panels[3], record["scores"], record["bars"]["error"]["expected_range"][1], "rms error / amplitude")
    return figure


@styled
def latents_figure(record: Mapping[str, Any]) -> Figure:
    """Latent variables against stiffness and damping, and their divergences."""
    grid = record["grid"]
    latents = np.array(grid["latents"])  # (L, stiffness, damping)
    extent = (*grid["stiffness"], *grid["damping"])
    figure = new_figure(DOUBLE, 2.5)
    *maps, last = figure.subplots(1, len(latents) + 1, width_ratios=[*[1.0] * len(latents), 1.4])
    limit = np.abs(latents).max()
    for number, (axes, values) in enumerate(zip(maps, latents), start=1):
        shown = axes.imshow(values.T, extent=extent, aspect="auto", cmap="RdBu_r", vmin=-limit, vmax=limit)
        axes.contour(values.T, extent=extent, levels=np.linspace(-limit, limit, 21), colors="k", linewidths=0.4)
        axes.set(xlabel=r"stiffness $\kappa$", title=f"latent {number}")
    maps[0].set_ylabel("damping $b$")
    figure.colorbar(shown, ax=list(maps), label="latent mean", shrink=0.9)
    draw_divergences(last, record["scores"], record["active"])
    return figure


FIGURES: dict[str, Callable[[Mapping[str, Any]], Figure]] = {"motion": motion_figure, "latents": latents_figure}
