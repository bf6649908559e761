"""Figures of the checks: truncations, coverage, ranks, mean posteriors, ensembles, the observation and simulations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from darksieve.figures.style import ACCENT, DOUBLE, GREY, MAIN, SINGLE, grid_of_panels, new_figure, styled

__all__ = [
    "average_figure",
    "coverage_figure",
    "joint_figure",
    "misspecification_figure",
    "ranks_figure",
    "spread_figure",
    "truncation_figure",
]

MEASURES = {"mahalanobis": "squared Mahalanobis distance", "mmd": "maximum mean discrepancy squared"}
FAINTEST = 1e-6  # density that is shown as such where it is less


@styled
def coverage_figure(coverage: Mapping[str, Any], titles: Mapping[str, str]) -> Figure:
    """Empirical against nominal coverage of each marginal, with the Jeffreys band of the number of simulations."""
    marginals = coverage["marginals"]
    figure, panels = grid_of_panels(len(marginals), sharex=True, sharey=True)
    for axes, (name, marginal) in zip(panels, marginals.items()):
        colour = MAIN if marginal["passed"] else ACCENT
        axes.plot([0, 1], [0, 1], color=GREY, lw=0.7)
        axes.fill_between(marginal["nominal"], marginal["low"], marginal["high"], color=colour, alpha=0.3, lw=0)
        axes.plot(marginal["nominal"], marginal["empirical"], color=colour)
        axes.set(xlim=(0, 1), ylim=(0, 1), title=titles.get(name, name))
    figure.supxlabel("nominal credibility", fontsize=8)
    figure.supylabel(f"expected coverage ({coverage['simulations']} simulations)", fontsize=8)
    return figure


@styled
def joint_figure(joint: Mapping[str, Any]) -> Figure:
    """Share of test simulations whose truth lies nearer to a random point than a fraction of the joint posterior."""
    figure = new_figure(SINGLE, 3.2)
    axes = figure.subplots()
    axes.fill_between(joint["nominal"], joint["low"], joint["high"], color=GREY, alpha=0.3, lw=0)
    axes.plot(joint["nominal"], joint["empirical"], color=MAIN if joint["passed"] else ACCENT)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="mass of the joint posterior")
    axes.set_ylabel(f"coverage ({joint['simulations']} simulations)")
    axes.set_title(f"$p={joint['statistic']:.2g}$")
    return figure


@styled
def ranks_figure(ranks: Mapping[str, Any], titles: Mapping[str, str]) -> Figure:
    """Distribution of the truth's rank in each marginal less the uniform one, in the band of right posteriors."""
    nominal, low, high = (np.array(ranks[key]) for key in ("nominal", "low", "high"))
    figure, panels = grid_of_panels(len(ranks["marginals"]), sharex=True, sharey=True)
    for axes, (name, marginal) in zip(panels, ranks["marginals"].items()):
        empirical = np.array(marginal["empirical"])
        colour = MAIN if np.all((empirical >= low) & (empirical <= high)) else ACCENT
        axes.fill_between(nominal, low - nominal, high - nominal, color=GREY, alpha=0.3, lw=0)
        axes.plot(nominal, empirical - nominal, color=colour)
        axes.set(xlim=(0, 1), title=titles.get(name, name))
        axes.text(0.97, 0.06, f"$p={marginal['p_value']:.2g}$", transform=axes.transAxes, ha="right", fontsize=7)
    figure.supxlabel("rank of the truth (posterior probability below it)", fontsize=8)
    figure.supylabel(f"excess below ({ranks['simulations']} simulations)", fontsize=8)
    return figure


@styled
def average_figure(average: Mapping[str, Any], titles: Mapping[str, str]) -> Figure:
    """Mean posterior of test simulations across the box, with twice its standard error, beside the prior."""
    figure, panels = grid_of_panels(len(average["marginals"]), sharex=True, sharey=True)
    for axes, (name, marginal) in zip(panels, average["marginals"].items()):
        density, error = np.array(marginal["density"]), np.array(marginal["standard_error"])
        position = (np.arange(len(density)) + 0.5) / len(density)
        wrong = len(average["marginals"]) * marginal["p_value"] < average["expected_range"][0]
        colour = ACCENT if wrong else MAIN
        axes.axhline(1.0, color=GREY, lw=0.7)
        axes.fill_between(position, density - 2 * error, density + 2 * error, color=colour, alpha=0.3, lw=0)
        axes.plot(position, density, color=colour)
        axes.set(xlim=(0, 1), title=titles.get(name, name))
    figure.supxlabel("place in the box [its prior probability]", fontsize=8)
    figure.supylabel(f"mean of {average['simulations']} posteriors", fontsize=8)
    return figure


@styled
def misspecification_figure(misspecification: Mapping[str, Any]) -> Figure:
    """How far the observation lies from simulations, among how far these lie from each other, in two measures."""
    figure = new_figure(DOUBLE, 2.8)
    panels = figure.subplots(1, len(MEASURES), sharey=True)
    colour = MAIN if misspecification["passed"] else ACCENT
    for axes, (name, label) in zip(panels, MEASURES.items()):
        measure = misspecification["measures"][name]
        axes.plot(measure["simulations"], np.linspace(0, 1, len(measure["simulations"])), color=GREY)
        axes.axvline(measure["observation"], color=colour)
        axes.set(xlabel=label, ylim=(0, 1), title=f"$p={measure['p_value']:.2g}$")
    panels[0].set_ylabel(f"fraction of {misspecification['simulations']} simulations below")
    return figure


@styled
def spread_figure(spread: Mapping[str, Any], titles: Mapping[str, str]) -> Figure:
    """Marginals of the observation by each network of the ensemble, around their mean, across the last box."""
    figure, panels = grid_of_panels(len(spread["marginals"]), sharex=True)
    for axes, (name, marginal) in zip(panels, spread["marginals"].items()):
        position = (np.arange(len(marginal["ensemble"])) + 0.5) / len(marginal["ensemble"])
        colour = MAIN if marginal["statistic"] <= spread["expected_range"][1] else ACCENT
        for density in marginal["members"]:
            axes.plot(position, density, color=GREY, lw=0.7)
        axes.plot(position, marginal["ensemble"], color=colour)
        axes.set(xlim=(0, 1), ylim=(0, None), yticks=[], title=titles.get(name, name))
    figure.supxlabel("place in the box [its prior probability]", fontsize=8)
    figure.supylabel(f"density by {spread['networks']} networks and their mean", fontsize=8)
    return figure


@styled
def truncation_figure(truncation: Mapping[str, Any]) -> Figure:
    """What the audit saw in each round: truths lost, density at the edges, shifts, and the scatter of an ensemble's
    edges; red where it says no."""
    rounds = truncation["rounds"]
    with_stability = "stability" in rounds[-1]
    figure = new_figure(DOUBLE, 2.4)
    panels = figure.subplots(1, 4 if with_stability else 3)
    lost, edges, shifts = panels[:3]
    numbers = np.arange(1, len(rounds) + 1)
    colours = {name: [MAIN if audit.get(name, {"passed": True})["passed"] else ACCENT for audit in rounds]
               for name in ("held_out", "edges", "shift")}  # fmt: skip
    lost.scatter(numbers, [audit["held_out"]["lost"] for audit in rounds], c=colours["held_out"], s=20, clip_on=False)
    most = max(audit["held_out"]["lost"] for audit in rounds)
    truths = rounds[-1]["held_out"]["truths"]
    lost.set(xlabel="round", ylabel=f"held-out truths lost, of {truths}", ylim=(0, max(5, 1.1 * most)))
    lost.yaxis.set_major_locator(MaxNLocator(integer=True))
    for number, audit, colour in zip(numbers, rounds, colours["edges"]):
        densities = np.maximum(np.ravel(list(audit["edges"]["densities"].values())), FAINTEST)
        edges.semilogy(np.full(densities.size, number), densities, "o", color=colour, ms=3, alpha=0.6, mew=0)
    edges.axhline(rounds[-1]["edges"]["expected_range"][1], color=GREY, lw=0.8, ls="--")
    edges.set(xlabel="round", ylabel="density at cut edges [peak]", ylim=(0.5 * FAINTEST, 2))
    for number, audit, colour in zip(numbers, rounds, colours["shift"]):
        if "shift" in audit:
            found = list(audit["shift"]["shifts"].values())
            shifts.plot([number] * len(found), found, "o", color=colour, ms=3, alpha=0.6, mew=0)
            for sign in (-1, 1):
                shifts.axhline(sign * audit["shift"]["expected_range"][1], color=GREY, lw=0.8, ls="--")
    shifts.set(xlabel="round", ylabel="shift since the round before [s.d.]")
    if with_stability:
        _draw_stability(panels[3], [audit["stability"] for audit in rounds])
    for axes in panels:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlim(0.4, len(rounds) + 0.6)
    return figure


def _draw_stability(axes: Axes, checks: Sequence[Mapping[str, Any]]) -> None:
    for number, check in enumerate(checks, start=1):
        found = list(check["scatters"].values())
        colour = MAIN if check["passed"] else ACCENT
        axes.plot([number] * len(found), found, "o", color=colour, ms=3, alpha=0.6, mew=0)
    axes.axhline(checks[-1]["expected_range"][1], color=GREY, lw=0.8, ls="--")
    axes.set(xlabel="round", ylabel="scatter of an edge [box]", ylim=(0, None))
