"""Figure of the analysis `scinet/qubits`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from matplotlib.figure import Figure

from darksieve.figures.style import ACCENT, DOUBLE, GREY, MAIN, new_figure, styled

__all__ = ["FIGURES", "tomography_figure"]

NAMES = {"1": "one qubit", "2": "two qubits"}


@styled
def tomography_figure(record: Mapping[str, Any]) -> Figure:
    """Error against the number of latent variables, beside the published counts and where it settled."""
    figure = new_figure(DOUBLE, 2.8)
    for axes, (qubits, title) in zip(figure.subplots(1, 2, sharey=True), NAMES.items()):
        for case, colour in (("complete", MAIN), ("incomplete", ACCENT)):
            curve = record["curves"][f"{qubits}, {case}"]
            axes.semilogy(
                curve["latents"], curve["error"], "o-", color=colour, ms=4, lw=1,
                label=f"{case}, settled at {curve['settled']}",
            )  # fmt: skip
        axes.axvline(record["published"][qubits], color=GREY, lw=0.8, ls="--", label="published, complete")
        axes.set(xlabel="latent variables", title=title, xticks=range(curve["latents"][-1] + 1))
        axes.legend(loc="lower left")
    figure.axes[0].set_ylabel("rms error of a probability")
    return figure


FIGURES: dict[str, Callable[[Mapping[str, Any]], Figure]] = {"tomography": tomography_figure}
