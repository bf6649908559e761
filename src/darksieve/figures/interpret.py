"""Figures of what the network learned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from darksieve.figures.style import ACCENT, DOUBLE, GREY, MAIN, SKY, new_figure, styled

__all__ = ["attribution_figure", "layers_figure", "localisation_figure", "sensitivity_figure", "summary_space_figure"]

Floats = NDArray[np.float64]
BRIGHTEST = 99.5  # percentile of a map's strengths at which its colours end
COLUMNS = 7


@styled
def summary_space_figure(record: Mapping[str, Any], titles: Mapping[str, str]) -> Figure:
    """What the summaries hold of each parameter, how many directions they use, and where the observation lies."""
    probes = record["probes"]
    figure = new_figure(DOUBLE, 2.0 + 0.19 * len(probes) + 2.2)
    upper, lower = figure.subfigures(2, 1, squeeze=False, height_ratios=(2.0 + 0.19 * len(probes), 2.2)).ravel()
    read, spectrum = upper.subplots(1, 2, width_ratios=(1.2, 1.0))
    _probes(read, probes, titles)
    _spectrum(spectrum, record)
    panels = lower.subplots(1, 2 + len(record["nearest"]), width_ratios=(1.5, *[1.0] * (1 + len(record["nearest"]))))
    points, own = np.array(record["map"]["simulations"]), record["map"]["observation"]
    panels[0].scatter(*points.T, s=4, color=GREY, linewidths=0, alpha=0.6, label="simulations")
    panels[0].scatter(*np.array(record["map"]["nearest"]).T, s=12, color=MAIN, label="nearest")
    panels[0].plot(*own, "*", color=ACCENT, ms=10, label="observation")
    panels[0].set(xlabel="first component", ylabel="second component")
    panels[0].legend(loc="lower left", handletextpad=0.2, borderpad=0.1, fontsize=6)
    name, observed = next(iter(record["observation"].items()))
    shown = [("observation", observed)]
    shown += [(f"distance {near['distance']:.2f}", near["data"][name]) for near in record["nearest"]]
    for axes, (title, data) in zip(panels[1:], shown):
        values = np.array(data)
        if values.ndim == 2:
            axes.imshow(values, vmin=np.min(observed), vmax=np.max(observed))
            axes.set(xticks=[], yticks=[])
        else:
            axes.plot(values.ravel(), color=MAIN, lw=0.8)
            axes.set(ylim=(np.min(observed), np.max(observed)), xlabel=f"element of {name}", yticks=[])
        axes.set_title(title, fontsize=8)
    return figure


def _probes(axes: Axes, probes: Mapping[str, Mapping[str, float]], titles: Mapping[str, str]) -> None:
    places = np.arange(len(probes))[::-1]
    for kind, marker, colour in (("linear", "o", MAIN), ("non_linear", "x", ACCENT)):
        values = [max(probe[kind], 0.0) for probe in probes.values()]
        axes.plot(values, places, marker, color=colour, ms=4, label=f"{kind.replace('_', '-')} probe")
    axes.set_yticks(places, [titles.get(name, name) for name in probes])
    axes.set(xlim=(-0.02, 1.02), xlabel=r"held-out $R^2$ of the parameter, in the last box")
    axes.grid(axis="x", lw=0.4)
    axes.legend(loc="lower left")


def _spectrum(axes: Axes, record: Mapping[str, Any]) -> None:
    spectrum, dimension = np.array(record["spectrum"]), record["dimension"]
    numbers = np.arange(1, len(spectrum) + 1)
    axes.plot(numbers, spectrum / spectrum.sum(), "o-", color=MAIN, ms=2.5, lw=0.8, label="share of the variance")
    correlations = record["canonical_correlations"]
    axes.plot(
        numbers[: len(correlations)], np.clip(correlations, 0, None), "x", color=ACCENT, ms=4,
        label="canonical correlation\nwith the parameters",
    )  # fmt: skip
    axes.axvline(dimension, color=GREY, lw=0.8, ls="--", label=f"effective dimension {dimension:.1f}")
    axes.set(yscale="log", ylim=(1e-4, 2.0), xlabel="direction in the space of summaries")
    axes.legend(loc="lower left")


@styled
def layers_figure(record: Mapping[str, Any], titles: Mapping[str, str]) -> Figure:
    """What a linear regression reads of each parameter from each layer, and what its convolutions see."""
    layers = record["layers"]
    shown = [layer for layer in layers if "maps" in layer]
    if not layers:
        figure = new_figure(DOUBLE, 0.6)
        figure.text(0.5, 0.5, "a network that offers no summaries: its layers are unknown", ha="center", va="center")
        return figure
    names = list(layers[0]["probes"])
    height = 1.2 + 0.19 * len(names)
    figure = new_figure(DOUBLE, height + 0.95 * len(shown))
    heights = [height, 0.95 * len(shown)][: 1 + bool(shown)]
    upper, *lower = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights).ravel()
    axes = upper.subplots()
    explained = np.array([[max(layer["probes"][name], 0.0) for layer in layers] for name in names])
    mesh = axes.imshow(explained, vmin=0, vmax=1, origin="upper", aspect="auto", cmap="viridis")
    axes.set_xticks(range(len(layers)), [layer["name"] for layer in layers], rotation=30, ha="right", fontsize=7)
    axes.set_yticks(range(len(names)), [titles.get(name, name) for name in names])
    upper.colorbar(mesh, ax=axes, label=r"held-out $R^2$ of a linear probe")
    if shown:
        panels = lower[0].subplots(len(shown), max(len(layer["maps"]) for layer in shown), squeeze=False)
        for row, layer in zip(panels, shown):
            for panel in row:
                panel.set_axis_off()
            for panel, values in zip(row, layer["maps"]):
                panel.imshow(values, cmap="RdBu_r", vmin=-np.abs(values).max(), vmax=np.abs(values).max())
            row[0].set_title(f"{layer['name']}: sees {layer['receptive_field']} pixels a side", fontsize=7, loc="left")
    return figure


@styled
def attribution_figure(record: Mapping[str, Any], titles: Mapping[str, str]) -> Figure:
    """The largest array of the observation, and which elements raise (red) and lower (blue) each log-ratio."""
    name = max(record["observation"], key=lambda key: np.size(record["observation"][key]))
    data, scale = np.array(record["observation"][name]), record["pixel_scale"].get(name)
    marginals = record["marginals"]
    columns = min(COLUMNS, len(marginals) + 1)
    rows = -(-(len(marginals) + 1) // columns)
    figure = new_figure(DOUBLE, 0.2 + 1.2 * rows)
    panels = list(figure.subplots(rows, columns, squeeze=False).ravel())
    _show(panels[0], data, scale, None)
    panels[0].set_title(f"observation [{'arcsec' if scale else 'element'}]", fontsize=7)
    for axes, (names, found) in zip(panels[1:], marginals.items()):
        values = np.array(found["attribution"]["integrated gradients"][name])
        largest = np.percentile(np.abs(values), BRIGHTEST) or 1.0
        _show(axes, values, scale, largest, outline=data)
        label = ", ".join(titles.get(part, part) for part in names.split("-"))
        axes.set_title(f"{label}\n{largest:.2g} nat", fontsize=6)
    for axes in panels[: len(marginals) + 1]:
        axes.tick_params(labelsize=5)
    for axes in panels[len(marginals) + 1 :]:
        axes.remove()
    return figure


def _show(
    axes: Axes, values: Floats, pixel_scale: float | None, largest: float | None, outline: Floats | None = None
) -> None:
    """An image, with the outline of what is bright in another, or the bars of a vector; `largest` ends the colours."""
    if values.ndim != 2:
        places = np.arange(values.size)
        axes.bar(places, values.ravel(), color=np.where(values.ravel() > 0, ACCENT, MAIN), width=1.0)
        return
    edges = 0.5 * (pixel_scale or 1.0) * np.array(values.shape)
    extent = (-edges[1], edges[1], -edges[0], edges[0])
    if largest is None:
        axes.imshow(values, extent=extent)
    else:
        axes.imshow(values, extent=extent, cmap="RdBu_r", vmin=-largest, vmax=largest)
    if outline is not None:
        axes.contour(outline, [0.3 * outline.max()], extent=extent, colors="black", linewidths=0.4)


@styled
def localisation_figure(record: Mapping[str, Any]) -> Figure:
    """Mocks with their subhaloes, and what moves the log-ratio of its position, in two networks; hits and chance."""
    found = record["attribution"]
    examples, scale = found["examples"], found["pixel_scale"]
    figure = new_figure(DOUBLE, 0.6 + 1.5 * (1 + len(found["rates"])))
    rows = figure.subplots(1 + len(found["rates"]), len(examples), squeeze=False)
    for column, example in enumerate(examples):
        image = np.array(example["image"])
        _show(rows[0, column], image, scale, None)
        for row, values in zip(rows[1:], example["maps"].values()):
            _show(row[column], np.array(values), scale, np.percentile(np.abs(values), BRIGHTEST) or 1.0, outline=image)
        for axes in rows[:, column]:
            axes.plot(*example["position"], "o", mfc="none", mec=SKY, ms=9, mew=1.2)
            axes.tick_params(labelsize=5)
    rows[0, 0].set_ylabel("mock", fontsize=7)
    for row, (name, rate) in zip(rows[1:], found["rates"].items()):
        row[0].set_ylabel(f"{name}\nhits {rate['hit_rate']:.2f}, chance {rate['chance']:.3f}", fontsize=7)
    figure.supxlabel("arcsec", fontsize=8)
    return figure


@styled
def sensitivity_figure(record: Mapping[str, Any]) -> Figure:
    """The observation, the mass from which a subhalo is noticed at each place, and that recovered beside it."""
    found = record["sensitivity"]
    image, scale = np.array(found["observation"]), found["pixel_scale"]
    noticed, recovered = (np.array(found[key], float) for key in ("noticed", "recovered"))
    figure = new_figure(DOUBLE, 2.6)
    light, mass, both = figure.subplots(1, 3, width_ratios=(1.0, 1.25, 1.0))
    _show(light, image, scale, None)
    light.set(xlabel="$x$ [arcsec]", ylabel="$y$ [arcsec]", title="observation")
    x, y = (np.array(found[key]) for key in ("x", "y"))
    half = 0.5 * (x[1] - x[0])
    extent = (x[0] - half, x[-1] + half, y[0] - half, y[-1] + half)
    mass.set_facecolor(GREY)
    shown = mass.imshow(noticed, extent=extent, cmap="viridis_r", vmin=found["masses"][0], vmax=found["masses"][-1])
    edges = 0.5 * scale * np.array(image.shape)
    mass.contour(
        image, [0.3 * image.max()], extent=(-edges[1], edges[1], -edges[0], edges[0]), colors="black", linewidths=0.6
    )
    mass.set(xlabel="$x$ [arcsec]", xlim=extent[:2], ylim=extent[2:], title="noticed from this mass on")
    figure.colorbar(shown, ax=mass, label=r"$\log_{10} m / \mathrm{M}_\odot$; grey: not in the prior", shrink=0.9)
    step = found["coarse"]
    same = noticed[step // 2 :: step, step // 2 :: step]
    both.plot(same.ravel(), recovered.ravel(), "o", color=MAIN, ms=4)
    limits = (found["masses"][0], found["masses"][-1])
    both.plot(limits, limits, color=GREY, lw=0.8)
    both.set(
        xlim=limits, ylim=limits, aspect="equal", xlabel="noticed from",
        ylabel="half are recovered from", title=f"median difference {found['bars']['agreement']['statistic']:.2f} dex",
    )  # fmt: skip
    return figure
