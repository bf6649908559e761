"""Figures of the comparison with likelihood-based inference: marginals, costs and chains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from darksieve.figures.style import ACCENT, DOUBLE, GOLD, GREEN, GREY, MAIN, PURPLE, SKY, new_figure, styled

__all__ = ["chains_figure", "comparison_figure"]

COLOURS = {
    "TMNRE": MAIN, "exact": "#000000", "nested": ACCENT, "nuts": SKY, "sghmc": PURPLE, "vi": GOLD,
    "flow": GREEN,
}  # fmt: skip
TITLES = {"nuts": "NUTS", "sghmc": "SGHMC", "vi": "VI"}


@styled
def comparison_figure(record: Mapping[str, Any], energy: Mapping[str, Any], titles: Mapping[str, str]) -> Figure:
    """Means and central 68% of TMNRE and of every method, relative to the best method's; and what each cost.

    Parameters
    ----------
    record : mapping
        The record of `darksieve.diagnostics.comparison.compare`.
    energy : mapping
        That of `darksieve.diagnostics.energy.account`.
    titles : mapping of str to str
        Label of each parameter.
    """
    best = record["methods"][record["reference"]]["marginals"]
    found = {"TMNRE": record["tmnre"]["marginals"]}
    found |= {method: entry["marginals"] for method, entry in record["methods"].items()}
    figure = new_figure(DOUBLE, max(2.4, 1.1 + 0.1 * len(best) * len(found)))
    marginals, calls, energies = figure.subplots(1, 3, width_ratios=(5, 2.5, 2.5))
    marginals.axvspan(-0.25, 0.25, color=GREY, alpha=0.25, lw=0)
    for edge in (-1, 0, 1):
        marginals.axvline(edge, color=GREY, lw=0.6, ls="-" if edge == 0 else ":")
    offsets = 0.7 * ((np.arange(len(found)) + 0.5) / len(found) - 0.5)
    for offset, (method, parameters) in zip(offsets, found.items()):
        mean, low, high = np.array([
            (np.array([parameters[name]["mean"], *parameters[name]["interval_68"]]) - best[name]["mean"])
            / best[name]["standard_deviation"] for name in best
        ]).T  # fmt: skip
        rows = np.arange(len(best)) + offset
        marginals.hlines(rows, low, high, color=COLOURS[method], lw=1.4)
        marginals.plot(mean, rows, "o", color=COLOURS[method], ms=3, label=TITLES.get(method, method))
    marginals.set(yticks=range(len(best)), ylim=(len(best) - 0.5, -0.5))
    marginals.set_yticklabels([titles.get(name, name) for name in best])
    marginals.tick_params(axis="y", length=0)
    name = TITLES.get(record["reference"], record["reference"])
    marginals.set_xlabel(f"difference from the mean by {name} [its s.d.]")
    verdict = "agrees" if record["passed"] else "undecided" if record["undecided"] else "differs"
    figure.suptitle(f"TMNRE {verdict}: largest deviation {record['statistic']:.2g} times what is allowed", fontsize=8)
    simulations = {"TMNRE": record["tmnre"]["simulations"]}
    likelihoods = {method: entry["likelihood_calls"] for method, entry in record["methods"].items()}
    _draw_costs(calls, simulations | likelihoods, "simulations or likelihoods")
    by_method = {"TMNRE": energy["posterior"]} | {method: energy["reference"][method] for method in record["methods"]}
    _draw_costs(energies, {method: cost["kwh"] for method, cost in by_method.items()}, "energy [kWh]")
    figure.legend(*marginals.get_legend_handles_labels(), loc="outside lower center", ncols=len(found))
    return figure


@styled
def chains_figure(record: Mapping[str, Any], titles: Mapping[str, str]) -> Figure:
    """Autocorrelation of the chains of each method that has some, a line a parameter."""
    methods = {method: entry["chains"] for method, entry in record["methods"].items() if "chains" in entry}
    figure = new_figure(DOUBLE, 3.0)
    panels = figure.subplots(1, len(methods), squeeze=False, sharey=True)[0]
    for axes, (method, chains) in zip(panels, methods.items()):
        r_hat, ess = (max(chains["r_hat"].items(), key=_value), min(chains["ess_bulk"].items(), key=_value))
        for name, correlation in chains["autocorrelation"].items():
            special = name in (r_hat[0], ess[0])
            axes.plot(correlation, color=ACCENT if special else MAIN, lw=1.2 if special else 0.8, zorder=2 + special)
        axes.axhline(0, color=GREY, lw=0.7)
        axes.set(xlabel="lag [samples of a chain]", xlim=(0, None))
        verdict = "converged" if chains["converged"] else "not converged"
        axes.set_title(f"{TITLES[method]}: {chains['chains']} chains of {chains['samples']}, {verdict}")
        lines = [
            rf"largest $\hat{{R}}$: {r_hat[1]:.3f} ({titles.get(r_hat[0], r_hat[0])})",
            f"smallest bulk ESS: {ess[1]:.0f} ({titles.get(ess[0], ess[0])})",
        ]
        if "divergences" in record["methods"][method]:
            lines.append(f"divergences: {record['methods'][method]['divergences']:.0f}")
        lines.append("red: these parameters")
        axes.text(0.97, 0.95, "\n".join(lines), transform=axes.transAxes, ha="right", va="top", fontsize=8)
    panels[0].set_ylabel("autocorrelation, mean of the chains")
    return figure


def _draw_costs(axes: Axes, costs: Mapping[str, float], label: str) -> None:
    """A bar a method, on a logarithmic axis, with its number."""
    least = 0.3 * min([cost for cost in costs.values() if cost > 0], default=1.0)
    for row, (method, cost) in enumerate(costs.items()):
        axes.barh(row, max(cost - least, 0), left=least, height=0.6, color=COLOURS[method])
        number = f"{cost:,.0f}" if cost >= 1000 else f"{cost:.3g}"
        axes.text(1.15 * max(cost, least), row, number, va="center", fontsize=7)
    axes.set(xscale="log", xlim=(least, 50 * max(least, *costs.values())), ylim=(len(costs) - 0.5, -0.5), xlabel=label)
    axes.set(yticks=range(len(costs)))
    axes.set_yticklabels([TITLES.get(method, method) for method in costs])
    axes.tick_params(axis="y", length=0)


def _value(item: tuple[str, float]) -> float:
    return item[1]
