"""Figures of the analysis `scinet/images`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from darksieve.figures.scinet.training import draw_divergences
from darksieve.figures.style import ACCENT, DOUBLE, MAIN, new_figure, styled

__all__ = ["FIGURES", "answers_figure", "combinations_figure"]


@styled
def answers_figure(record: Mapping[str, Any]) -> Figure:
    """Held-out images as seen, as answered and without noise, and the divergences on the way through training."""
    pictures = record["pictures"]
    figure = new_figure(DOUBLE, 4.4)
    grid = figure.subplots(len(pictures), 4, width_ratios=(1, 1, 1, 1.7), squeeze=False)
    for row, picture in zip(grid, pictures):
        limit = np.max(picture["truth"])
        for axes, key in zip(row, ("seen", "answer", "truth")):
            axes.imshow(picture[key], vmin=0, vmax=limit, interpolation="nearest")
            axes.set(xticks=[], yticks=[])
    for axes, title in zip(grid[0], ("seen", "answer", "truth")):
        axes.set_title(title)
    specification = grid[0, 3].get_gridspec()
    for axes in grid[:, 3]:
        axes.remove()
    last = figure.add_subplot(specification[:, 3])
    draw_divergences(last, record["scores"], record["threshold"])
    last.set_title(f"{record['active']} latents in use")
    return figure


@styled
def combinations_figure(record: Mapping[str, Any]) -> Figure:
    """Held-out R^2 of each parameter from the latent variables, and canonical directions in the parameters."""
    figure = new_figure(DOUBLE, 3.6)
    probes, canonical = figure.subplots(1, 2, width_ratios=(1, 1.5))
    labels = [f"${label}$" if "_" in label or "\\" in label else label for label in record["labels"]]
    rows = np.arange(len(labels))
    for offset, (kind, colour) in zip((-0.2, 0.2), (("linear", MAIN), ("non_linear", ACCENT))):
        values = [record["probes"][name][kind] for name in record["parameters"]]
        probes.barh(rows + offset, np.maximum(values, 0.0), 0.38, color=colour, label=kind.replace("_", "-"))
    probes.set_yticks(rows, labels)
    probes.invert_yaxis()
    probes.set(xlabel="held-out $R^2$ from the latents", xlim=(0, 1))
    probes.legend()
    found = record["canonical"]
    shown = canonical.imshow(
        np.array(found["loadings"]).T, vmin=-1, vmax=1, cmap="RdBu_r", aspect="auto", origin="upper"
    )
    canonical.set_xticks(
        range(len(found["correlations"])), [f"{value:.2f}" for value in found["correlations"]], rotation=90
    )
    canonical.set_yticks(rows, labels)
    canonical.set(xlabel="canonical direction of the latents, by its correlation")
    figure.colorbar(shown, ax=canonical, label="$r$ with the parameter")
    return figure


FIGURES: dict[str, Callable[[Mapping[str, Any]], Figure]] = {
    "answers": answers_figure,
    "combinations": combinations_figure,
}
