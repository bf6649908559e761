"""Figure of the analysis `scinet/collision`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from matplotlib.figure import Figure

from darksieve.figures.scinet.training import draw_error
from darksieve.figures.style import DOUBLE, GREY, MAIN, new_figure, styled

__all__ = ["FIGURES", "momentum_figure"]


@styled
def momentum_figure(record: Mapping[str, Any]) -> Figure:
    """The latent variable against angular momentum, how it goes with what was seen, and the error in training."""
    figure = new_figure(DOUBLE, 2.5)
    scatter, bars, error = figure.subplots(1, 3)
    points = scatter.scatter(record["angular_momentum"], record["latent"], c=record["spin"], s=3, cmap="viridis")
    figure.colorbar(points, ax=scatter, label="spin before")
    known = record["correlations"]
    scatter.set(xlabel="angular momentum", ylabel="latent variable", title=f"$|r|={known['angular momentum']:.4f}$")
    bars.barh(list(known), list(known.values()), color=[MAIN, *[GREY] * (len(known) - 1)])
    bars.invert_yaxis()
    bars.set(xlabel="$|r|$ with the latent variable", xlim=(0, 1))
    draw_error(error, record["scores"], record["bars"]["error"]["expected_range"][1], "rms distance / radius")
    return figure


FIGURES: dict[str, Callable[[Mapping[str, Any]], Figure]] = {"momentum": momentum_figure}
