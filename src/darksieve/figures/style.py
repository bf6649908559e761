"""The one style of all figures."""

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
from numpy.typing import NDArray

from darksieve.problem.simulator import Description

__all__ = ["ACCENT", "GREY", "MAIN", "grid_of_panels", "new_figure", "save", "show_array", "styled"]

MAIN = "#1f4e79"
ACCENT = "#c8553d"
GREY = "#8a8a8a"
WIDTH = 7.0

_STYLE: Any = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "axes.prop_cycle": cycler(color=[MAIN, ACCENT, "#5b8e7d", "#8268a8", "#d9a441", GREY]),
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


def new_figure(width: float = WIDTH, height: float = 4.0) -> Figure:
    """An empty figure, sizes in inches."""
    return Figure(figsize=(width, height), layout="constrained")


@mpl.rc_context(_STYLE)
def save(figure: Figure, path: Path) -> None:
    """Write a figure as its suffix says, without the time of day, so that equal figures are equal files.

    Its panels keep the places that they have now, so that another format costs no second layout and looks the same.
    """
    figure.savefig(path, metadata={"CreationDate": None} if path.suffix == ".pdf" else None)
    figure.set_layout_engine("none")


def grid_of_panels(panels: int, columns: int = 4, height: float = 1.7, **kwargs: Any) -> tuple[Figure, list[Axes]]:
    """A figure with a grid of panels; unused places stay empty."""
    columns = min(columns, panels)
    rows = -(-panels // columns)
    figure = new_figure(WIDTH, 0.5 + height * rows)
    axes = figure.subplots(rows, columns, squeeze=False, **kwargs).ravel()
    for extra in axes[panels:]:
        extra.remove()
    for lowest in axes[max(0, panels - columns) : panels]:
        lowest.tick_params(labelbottom=True)
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
        figure.colorbar(image, ax=axes, label=label, shrink=0.8)
    elif description.coordinate is not None:
        axes.plot(description.coordinate, array, "o", color=MAIN, ms=3)
        axes.set(xlabel=description.coordinate_label, ylabel=label)
    else:
        axes.plot(array.ravel(), color=MAIN, lw=1)
        axes.set(xlabel="element", ylabel=label)
