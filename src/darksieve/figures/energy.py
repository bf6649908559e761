"""Figure of the energy ledger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from darksieve.figures.style import ACCENT, DOUBLE, GOLD, GREY, MAIN, new_figure, styled

__all__ = ["energy_figure"]

STAGES = {"simulate": MAIN, "train": ACCENT, "other": GOLD}
METHODS = {
    "exact": "exact samples",
    "nested": "nested sampling",
    "nuts": "NUTS",
    "sghmc": "SGHMC",
    "flow": "flow",
    "vi": "VI",
}


@styled
def energy_figure(energy: Mapping[str, Any]) -> Figure:
    """Energy of a posterior by round and stage, and that of a posterior and of each further one, beside other methods.

    Parameters
    ----------
    energy : mapping
        The record of `darksieve.diagnostics.energy.account`.
    """
    labels, records, colours = zip(*_points(energy))
    values = [record["kwh"] for record in records]
    figure = new_figure(DOUBLE, max(2.7, 1.1 + 0.26 * len(values)))
    stages, totals = figure.subplots(1, 2, width_ratios=(2, 3))
    _draw_stages(stages, energy)
    totals.scatter(values, range(len(values)), c=colours, s=25)
    for row, value in enumerate(values):
        totals.annotate(_scientific(value), (value, row), (6, 0), textcoords="offset points", va="center", fontsize=8)
    room = max(10.0, max(values) / min(values))  # the numbers take two fifths of it
    totals.set(xscale="log", xlim=(min(values) / room**0.1, max(values) * room**0.4), ylim=(len(values) - 0.4, -0.6))
    totals.set_yticks(range(len(values)), labels)
    totals.grid(axis="x", color=GREY, alpha=0.3, lw=0.5)
    totals.set(xlabel="energy [kWh]", title=_how(energy))
    return figure


def _points(energy: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any], str]]:
    """Label, record and colour of every posterior that can be compared."""
    further = energy["additional_observation"]
    return [
        ("TMNRE, first posterior", energy["posterior"], MAIN),
        ("another, round 1 reused", further["first_round_reused"], MAIN),
        ("another, all rounds reused", further["all_rounds_reused"], MAIN),
        ("another, same estimator", further["same_estimator"], MAIN),
        ("TMNRE, diagnostics", energy["diagnostics"], GREY),
        *((f"{METHODS.get(name, name)}, each", record, ACCENT) for name, record in energy["reference"].items()),
    ]


def _draw_stages(axes: Axes, energy: Mapping[str, Any]) -> None:
    """Bars of all rounds and of what belongs to none, stacked by stage."""
    posterior = energy["posterior"]
    bars = {number: _by_stage(record["stages"]) for number, record in posterior["rounds"].items()}
    whole = _by_stage(posterior["stages"])
    bars["rest"] = {stage: whole[stage] - sum(bar[stage] for bar in bars.values()) for stage in STAGES}
    bottom = dict.fromkeys(bars, 0.0)
    for stage, colour in STAGES.items():
        heights = {label: bar[stage] for label, bar in bars.items()}
        axes.bar(list(bars), list(heights.values()), bottom=list(bottom.values()), color=colour, label=stage, width=0.7)
        bottom = {label: bottom[label] + height for label, height in heights.items()}
    axes.set(xlabel="round", ylabel="energy of the posterior [kWh]", ylim=(0, 1.35 * max(bottom.values())))
    axes.ticklabel_format(axis="y", scilimits=(-2, 3), useMathText=True)
    axes.legend(loc="upper center", ncols=3, columnspacing=0.8, handlelength=1.0, handletextpad=0.4)


def _by_stage(stages: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Energy in kWh of the two large stages and of all others."""
    found = dict.fromkeys(STAGES, 0.0)
    for stage, record in stages.items():
        found[stage if stage in STAGES else "other"] += record["kwh"]
    return found


def _how(energy: Mapping[str, Any]) -> str:
    """How the energy is known, in words."""
    total = energy["total"]
    if total["method"] == "measured":
        return "measured by the processors' counters"
    gpu = f", {energy['watts_per_gpu']:g} W a GPU" if total["gpu_seconds"] else ""
    return f"{total['method']}: {energy['watts_per_core']:g} W a busy core{gpu}"


def _scientific(value: float) -> str:
    """Two significant digits."""
    digits, exponent = f"{value:.1e}".split("e")
    return rf"${digits}\times10^{{{int(exponent)}}}$"
