"""Figures of the analysis `convergence_theory`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from darksieve.figures.style import ACCENT, DOUBLE, GREY, MAIN, new_figure, styled

__all__ = ["FIGURES", "couplings_figure", "maps_figure"]

COLOURS = {"cold": MAIN, "cold again": GREY, "warm": ACCENT}


@styled
def maps_figure(record: Mapping[str, Any]) -> Figure:
    """Some maps of both universes."""
    maps = {name: np.array(values) for name, values in record["maps"].items()}
    figure = new_figure(DOUBLE, 4.4)
    largest = max(float(values.max()) for values in maps.values())
    panels = figure.subplots(len(maps), len(maps["cold"]), squeeze=False)
    reach = 0.5 * record["pixel_scale"] * maps["cold"].shape[1]
    for row, (name, values) in zip(panels, maps.items()):
        for axes, image in zip(row, values):
            shown = axes.imshow(image, vmin=0.0, vmax=largest, extent=(-reach, reach, -reach, reach))
            axes.set(xticks=[-0.5, 0.0, 0.5], yticks=[-0.5, 0.0, 0.5], xlabel="x [arcsec]")
        row[0].set_ylabel(f"{name}\ny [arcsec]")
    figure.colorbar(shown, ax=panels, label=r"convergence of the subhaloes $\kappa$", shrink=0.8)
    return figure


@styled
def couplings_figure(record: Mapping[str, Any]) -> Figure:
    """Couplings of every universe with standard errors, and how much they differ from those of cold dark matter."""
    figure = new_figure(DOUBLE, 4.4)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1.6, 1.0))
    place = np.arange(len(record["terms"]))
    for shift, (name, entry) in zip((-0.15, 0.0, 0.15), record["couplings"].items()):
        label = rf"warm, $\log_{{10}} M_\mathrm{{hm}}/\mathrm{{M}}_\odot={record['log10_half_mode']:g}$"
        above.errorbar(
            place + shift, entry["mean"], entry["error"], fmt="o", ms=3.5, color=COLOURS[name],
            label=label if name == "warm" else name,
        )  # fmt: skip
    above.axhline(0.0, color=GREY, lw=0.6)
    above.set_yscale("symlog", linthresh=0.1)
    above.set_ylabel("coupling")
    figure.legend(*above.get_legend_handles_labels(), loc="outside upper center", ncol=3)
    below.axhspan(-2.0, 2.0, color=GREY, alpha=0.2, lw=0)
    for name, values in record["significance"].items():
        below.plot(place, values, "o", ms=3.5, color=COLOURS[name])
    below.set(ylabel="less cold\n[standard errors]", xlabel="term of the action")
    below.set_xticks(place, record["terms"], rotation=35, ha="right")
    return figure


FIGURES: dict[str, Callable[[Mapping[str, Any]], Figure]] = {"maps": maps_figure, "couplings": couplings_figure}
