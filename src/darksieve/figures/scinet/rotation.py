"""Figures of the analysis `scinet/rotation`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from darksieve.figures.style import ACCENT, DOUBLE, GREY, MAIN, new_figure, styled

__all__ = ["FIGURES", "galaxies_figure", "universes_figure"]

COLOURS = (MAIN, ACCENT)
SMALLEST = 1e-4  # nats that are shown


@styled
def universes_figure(record: Mapping[str, Any]) -> Figure:
    """Errors and divergences against the number of latent variables in both mock universes."""
    figure = new_figure(DOUBLE, 2.8)
    error, divergence = figure.subplots(1, 2)
    for colour, (universe, found) in zip(COLOURS, record["mocks"].items()):
        error.semilogy(found["latents"], found["error"], "o-", color=colour, ms=4, lw=1, label=universe)
        for latents, values in zip(found["latents"], found["divergence"]):
            shown = np.maximum(sorted(values, reverse=True), SMALLEST)
            divergence.semilogy(np.full(len(shown), latents), shown, "o", color=colour, ms=4)
    error.axhline(
        record["bars"]["universal error"]["expected_range"][1], color=GREY, lw=0.8, ls="--", label="bar without haloes"
    )
    divergence.axhline(record["bars"]["universal latents"]["expected_range"][1], color=GREY, lw=0.8, ls="--")
    error.set(ylabel="rms error of the velocity [dex]")
    divergence.set(ylabel="divergence of each latent [nats]", title="dashed: in use above it")
    for axes in (error, divergence):
        axes.set(xlabel="latent variables", xticks=found["latents"])
    error.legend()
    return figure


@styled
def galaxies_figure(record: Mapping[str, Any]) -> Figure:
    """SPARC: the relation, errors for galaxies left out, and what two latent variables go with."""
    relation, sparc = record["relation"], record["sparc"]
    figure = new_figure(DOUBLE, 2.8)
    points, error, known = figure.subplots(1, 3)
    points.plot(relation["newtonian"], relation["observed"], ".", color=MAIN, ms=1.2, alpha=0.6)
    points.plot(relation["curve"]["newtonian"], relation["curve"]["observed"], color=ACCENT, lw=1.2)
    edges = [min(relation["newtonian"]), max(relation["newtonian"])]
    points.plot(edges, edges, color=GREY, lw=0.8, ls=":")
    points.set(
        xlabel=r"$\log_{10}\,g_\mathrm{bar}$ [m s$^{-2}$]", ylabel=r"$\log_{10}\,g_\mathrm{obs}$ [m s$^{-2}$]",
        title=rf"$g_\dagger={relation['scale']:.3f}\times10^{{-10}}$, {relation['scatter']:.3f} dex",
    )  # fmt: skip
    errors = np.array(sparc["error"])  # (latents, seeds)
    error.errorbar(
        sparc["latents"], errors.mean(axis=1), errors.std(axis=1, ddof=1), fmt="o-", color=MAIN, ms=4, lw=1,
        capsize=2, label=f"SciNet, {errors.shape[1]} seeds",
    )  # fmt: skip
    error.axhline(sparc["relation_error"], color=ACCENT, lw=1, ls="--", label="relation")
    error.set(
        xlabel="latent variables", ylabel="rms error of the velocity [dex]", xticks=sparc["latents"], ylim=(0, None),
        title=f"{sparc['galaxies']} galaxies, left out",
    )  # fmt: skip
    error.legend(loc="lower left")
    names = list(sparc["correlations"])
    shown = known.imshow(
        list(sparc["correlations"].values()), vmin=0, vmax=1, cmap="Blues", aspect="auto", origin="upper"
    )
    known.set_xticks([0, 1], ["latent 1", "latent 2"])
    known.set_yticks(range(len(names)), names, fontsize=7)
    figure.colorbar(shown, ax=known, label="$|r|$")
    return figure


FIGURES: dict[str, Callable[[Mapping[str, Any]], Figure]] = {
    "universes": universes_figure,
    "galaxies": galaxies_figure,
}
