"""The one style of all figures: widths of a journal with two columns, and colours that differ in grey as well."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from darksieve.problem.simulator import Description

__all__ = [
    "ACCENT",
    "COLOURS",
    "DOUBLE",
    "GOLD",
    "GREEN",
    "GREY",
    "MAIN",
    "PURPLE",
    "SINGLE",
    "SKY",
    "grid_of_panels",
    "new_figure",
    "save",
    "show_array",
    "styled",
]

SINGLE = 3.4  # inches: one column of a journal of two
DOUBLE = 7.0  # inches: both columns
MAIN = "#17375e"
ACCENT = "#c8553d"
GOLD = "#e9bb52"
PURPLE = "#6b458b"
SKY = "#4b93c4"
GREEN = "#74b08a"
MANY = 8  # panels, beyond which they are small
GREY = "#8a8a8a"  # of what is no data: references, bands, grids
COLOURS = (MAIN, ACCENT, GOLD, PURPLE, SKY, GREEN)  # of lines, in this order: of six lightnesses

_STYLE: Any = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "figure.titlesize": 8,
    "legend.frameon": False,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "axes.prop_cycle": cycler(color=COLOURS),
    "image.cmap": "magma",
    "image.origin": "lower",
    "mathtext.fontset": "cm",
    "savefig.dpi": 200,
    "pdf.fonttype": 42,
}


Arguments = ParamSpec("Arguments")


def styled(draw: Callable[Arguments, Figure]) -> Callable[Arguments, Figure]:
    """Decorate a function that draws a figure: the style holds inside it and nowhere else."""

    @wraps(draw)
    def draw_styled(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Figure:
        with mpl.rc_context(_STYLE):
            return draw(*args, **kwargs)

    return draw_styled


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, sizes in inches; its width is `SINGLE` or `DOUBLE`."""
    return Figure(figsize=(width, height), layout="constrained")


@mpl.rc_context(_STYLE)
def save(figure: Figure, path: Path) -> None:
    """Write a figure as its suffix says, without the time of day, so that equal figures are equal files.

    Its panels keep the places that they have now, so that another format costs no second layout and looks the same.
    """
    figure.savefig(path, metadata={"CreationDate": None} if path.suffix == ".pdf" else None)
    figure.set_layout_engine("none")


def grid_of_panels(panels: int, *, narrow: int = 0, **kwargs: Any) -> tuple[Figure, list[Axes]]:
    """A figure with a grid of panels, smaller ones where there are many; unused places stay empty.

    Up to `narrow` panels fill one column of a page, two abreast.
    """
    columns, height = (min(4, panels), 1.6) if panels <= MANY else (7, 1.1)
    if panels <= narrow:
        columns = min(2, panels)
    rows = -(-panels // columns)
    figure = new_figure(SINGLE if panels <= narrow else DOUBLE, 0.5 + height * rows)
    axes = figure.subplots(rows, columns, squeeze=False, **kwargs).ravel()
    for extra in axes[panels:]:
        extra.remove()
    for lowest in axes[max(0, panels - columns) : panels]:
        lowest.tick_params(labelbottom=True)
    if panels > MANY:
        for small in axes:
            small.tick_params(labelsize=6)
            small.title.set_fontsize(6)
            small.xaxis.set_major_locator(MaxNLocator(2))
    return figure, list(axes[:panels])


def show_array(
    axes: Axes,
    array: NDArray[np.float32],
    description: Description,
    *,
    label: str,
    limits: tuple[float, float] | None = None,
    cmap: str | None = None,
) -> None:
    """Draw an image with a colour bar, a vector as a curve, or as points where it has a coordinate; axes have units."""
    figure = axes.get_figure()
    assert figure is not None
    if array.ndim == 2:
        height, width = array.shape
        scale = description.pixel_scale or 1.0
        extent = (-0.5 * width * scale, 0.5 * width * scale, -0.5 * height * scale, 0.5 * height * scale)
        low, high = limits if limits is not None else (None, None)
        image = axes.imshow(array, extent=extent, vmin=low, vmax=high, cmap=cmap, origin="lower")
        unit = "arcsec" if description.pixel_scale else "pixel"
        axes.set(xlabel=f"$x$ [{unit}]", ylabel=f"$y$ [{unit}]")
        figure.colorbar(image, ax=axes, label=label, shrink=0.65)
    elif description.coordinate is not None:
        axes.plot(description.coordinate, array, "o", color=MAIN, ms=3)
        axes.set(xlabel=description.coordinate_label, ylabel=label)
    else:
        axes.plot(array.ravel(), color=MAIN, lw=1)
        axes.set(xlabel="element", ylabel=label)
