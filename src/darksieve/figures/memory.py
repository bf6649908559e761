"""Figures of the analysis `memory`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from darksieve.figures.style import ACCENT, DOUBLE, GOLD, GREY, MAIN, SKY, new_figure, styled

__all__ = ["FIGURES", "denoising_figure", "gallery_figure", "outliers_figure", "retrieval_figure"]

SCORES = {"energy, pixels": MAIN, "energy, summaries": SKY, "Mahalanobis": ACCENT, "MMD": GOLD}
STYLES = {"MMD": "--"}  # it often lies on the line before
ESTIMATES = {
    "posterior": SKY, "memory": MAIN, "nearest neighbour": GREY, "principal components": ACCENT,
}  # fmt: skip
KINDS = {"pixels": "random pixels", "part": "one side of a line"}


@styled
def gallery_figure(record: Mapping[str, Any]) -> Figure:
    """What is seen of some images, what it recalls, and the truth."""
    gallery = record["gallery"]
    figure = new_figure(DOUBLE, 1.75 * len(gallery))
    for row, entry in zip(figure.subplots(len(gallery), 3, squeeze=False), gallery):
        truth = np.array(entry["truth"])
        seen = np.ma.masked_where(np.array(entry["mask"]) == 0, np.array(entry["seen"]))
        titles = (f"{entry['hidden']:.0%} hidden, {KINDS[entry['kind']]}", "recalled", "truth")
        for axes, image, title in zip(row, (seen, np.array(entry["recalled"]), truth), titles):
            axes.set_facecolor(GREY)
            axes.imshow(image, vmin=0, vmax=truth.max(), interpolation="nearest")
            axes.set(xticks=[], yticks=[])
            axes.set_title(title, fontsize=8)
    return figure


@styled
def retrieval_figure(record: Mapping[str, Any]) -> Figure:
    """Share of images that recall the true simulation, by either key, against what is hidden."""
    figure = new_figure(DOUBLE, 2.8)
    for axes, (kind, label) in zip(figure.subplots(1, 2, sharey=True), KINDS.items()):
        entries = [entry for entry in record["retrieval"] if entry["kind"] == kind]
        hidden = [entry["hidden"] for entry in entries]
        axes.plot(
            hidden, [entry["told_apart"] for entry in entries], color="black", lw=1, ls=":", label="can be told apart"
        )
        for key, colour in (("pixels", MAIN), ("summaries", ACCENT)):
            axes.plot(
                hidden, [entry[key]["of_all"] for entry in entries], "o-", color=colour, ms=3.5, lw=1,
                label=f"recalled by {key}",
            )  # fmt: skip
        axes.axvline(0.5, color=GREY, lw=0.7)
        axes.set(xlabel=f"share hidden: {label}", ylim=(-0.03, 1.05))
    figure.axes[0].set_ylabel(f"share of images, {record['patterns'][0]} stored")
    figure.axes[0].legend(loc="lower left")
    return figure


@styled
def denoising_figure(record: Mapping[str, Any]) -> Figure:
    """Errors of denoised images, stored and unseen, in units of the noise."""
    cases = record["denoising"]
    figure = new_figure(DOUBLE, 3.2)
    for axes, (where, found) in zip(figure.subplots(1, len(cases)), cases.items()):
        labels = []
        for column, (case, which) in enumerate((c, w) for c in ("whole", "half hidden") for w in ("stored", "unseen")):
            labels.append(f"{case},\n{which}")
            for offset, (name, colour) in enumerate(ESTIMATES.items()):
                value = max(found[case][which][name], 1e-3)
                label = {"posterior": r"memory, $\beta=1$", "memory": r"memory, best $\beta$"}.get(name, name)
                axes.bar(
                    column + 0.19 * (offset - 1.5), value, 0.18, color=colour, label=label if column == 0 else None
                )
        axes.axhline(1.0, color="black", lw=0.8, ls=":")
        axes.set_xticks(range(4), labels, fontsize=7)
        axes.set(yscale="log", ylim=(8e-4, None), ylabel="rms error / noise", title=f"lenses from the {where}")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


@styled
def outliers_figure(record: Mapping[str, Any]) -> Figure:
    """ROC curves of every score for every artefact, and areas below them against its signal to noise."""
    found = record["outliers"]
    kinds = list(found["curves"])
    figure = new_figure(DOUBLE, 4.6)
    curves, areas = figure.subplots(2, len(kinds))
    for upper, lower, kind in zip(curves, areas, kinds):
        for name, colour in SCORES.items():
            upper.plot(
                *(found["curves"][kind][name][key] for key in ("false", "true")),
                color=colour,
                lw=1.2,
                ls=STYLES.get(name, "-"),
                label=name,
            )
            lower.plot(
                found["signal_to_noise"],
                found["areas"][kind][name],
                "o",
                ls=STYLES.get(name, "-"),
                color=colour,
                ms=3,
                lw=1,
            )
        upper.plot([0, 1], [0, 1], color=GREY, lw=0.6)
        upper.set(
            xlabel="false positives", title=f"{kind}, S/N {found['shown']:.0f}", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02)
        )
        lower.set(xlabel="S/N of the artefact", xscale="log", ylim=(0.45, 1.02))
        lower.set_xticks(found["signal_to_noise"], [f"{level:.0f}" for level in found["signal_to_noise"]])
        lower.minorticks_off()
        lower.axhline(0.5, color=GREY, lw=0.6)
    curves[0].set_ylabel("true positives")
    areas[0].set_ylabel("area under the curve")
    figure.legend(*curves[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


FIGURES: dict[str, Callable[[Mapping[str, Any]], Figure]] = {
    "gallery": gallery_figure,
    "retrieval": retrieval_figure,
    "denoising": denoising_figure,
    "outliers": outliers_figure,
}
