"""Panels that figures of several SciNets share: error and divergences on the way through training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from darksieve.figures.style import GREY, MAIN

__all__ = ["draw_divergences", "draw_error"]

NAMED = 6  # latent variables that have colours of their own


def draw_error(axes: Axes, scores: Sequence[Mapping[str, Any]], bar: float, label: str, scale: float = 1.0) -> None:
    """Error against gradient steps, with the bar that it must reach, both times a scale."""
    steps = [score["step"] for score in scores]
    axes.semilogy(steps, [scale * score["error"] for score in scores], "o-", color=MAIN, ms=3, lw=1)
    axes.axhline(scale * bar, color=GREY, lw=0.8, ls="--")
    axes.set(xlabel="gradient steps", ylabel=label, title=f"reached: {scale * scores[-1]['error']:.2g}")


def draw_divergences(axes: Axes, scores: Sequence[Mapping[str, Any]], threshold: float) -> None:
    """Divergence of each latent variable against gradient steps, with that from which it is in use."""
    steps = [score["step"] for score in scores]
    divergences = np.array([score["divergence"] for score in scores]).T  # (latents, scores)
    named = len(divergences) <= NAMED
    for number, values in enumerate(divergences, start=1):
        axes.semilogy(steps, values, "o-", color=None if named else MAIN, ms=3, lw=1, label=f"latent {number}")
    axes.axhline(threshold, color=GREY, lw=0.8, ls="--")
    axes.set(xlabel="gradient steps", ylabel="divergence [nats]")
    if named:
        axes.legend(loc="lower left")
