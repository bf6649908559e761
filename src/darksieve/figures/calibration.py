"""Figures of the calibration: expected coverage and ranks of the truths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from darksieve.figures.style import ACCENT, GREY, MAIN, grid_of_panels, styled

__all__ = ["coverage_figure", "ranks_figure"]

RANK_BINS = 20


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
    figure.supxlabel("nominal credibility", fontsize=9)
    figure.supylabel(f"expected coverage ({coverage['simulations']} simulations)", fontsize=9)
    return figure


@styled
def ranks_figure(ranks: Mapping[str, Any], titles: Mapping[str, str]) -> Figure:
    """Histogram of the truth's rank in each marginal; grey is where 95% of the bars of a right posterior lie."""
    from scipy.stats import binom  # 0.4 s, which no other figure needs

    n = ranks["simulations"]
    low, high = binom.ppf([0.025, 0.975], n, 1 / RANK_BINS)
    figure, panels = grid_of_panels(len(ranks["marginals"]), sharex=True, sharey=True)
    for axes, (name, marginal) in zip(panels, ranks["marginals"].items()):
        axes.axhspan(low, high, color=GREY, alpha=0.3, lw=0)
        axes.hist(marginal["ranks"], bins=RANK_BINS, range=(0, 1), histtype="step", color=MAIN)
        axes.set(xlim=(0, 1), title=titles.get(name, name))
        axes.text(0.97, 0.06, f"$p={marginal['p_value']:.2g}$", transform=axes.transAxes, ha="right", fontsize=7)
    figure.supxlabel("rank of the truth (posterior probability below it)", fontsize=9)
    figure.supylabel(f"simulations of {n}", fontsize=9)
    return figure
