"""The truncation audit: did a box cut off what should have been kept?

Coverage inside a box cannot see what the box cut off. These checks can: whether held-out truths would have survived the
truncation that their own data ask for, whether the posterior leans against an edge that an earlier round cut,
whether it moved by more than the round before allowed, and, with an ensemble, whether networks that were trained from
other starts ask for the same box. A box follows from densities on a grid, so that no number of prior samples matters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from darksieve.diagnostics.records import FALSE_ALARM
from darksieve.inference.profiles import Marginals, profile_moments
from darksieve.inference.truncation import truncate
from darksieve.problem.box import Box

__all__ = ["Audit", "audit_round", "summarise_audits", "widen"]

Floats = NDArray[np.float64]
Profiles = Mapping[str, Floats]

EDGE_DENSITY = 0.01  # of the peak: a Gaussian has it at three standard deviations
LARGEST_SHIFT = 5.0  # standard deviations of the round before, for any parameter of any round
LARGEST_SCATTER = 0.1  # of the next box's width: a standard deviation, where a Gaussian is cut at 1e-6 of its peak
WIDENING = 0.5  # of the width of the box, at an edge that cut something off


@dataclass(frozen=True)
class Audit:
    """Verdict on a round's box and truncation.

    Attributes
    ----------
    record : dict
        Statistic, expected range and `passed` of every check, as JSON holds it.
    cut : mapping of str to (bool, bool)
        Whether the lower and the upper edge of the round's box cut into the posterior of a parameter.
    """

    record: dict[str, Any]
    cut: Mapping[str, tuple[bool, bool]]

    @property
    def passed(self) -> bool:
        """Whether all checks say yes."""
        return all(check["passed"] for check in self.record.values())

    @property
    def failures(self) -> str:
        """The checks that say no, in words."""
        failed = [check for check in self.record.values() if not check["passed"]]
        return "; ".join(f"{check['meaning']} {check['statistic']:.3g}" for check in failed)


def audit_round(box: Box, marginals: Marginals, threshold: float, before: tuple[Box, Marginals] | None = None) -> Audit:
    """Audit one round.

    Parameters
    ----------
    box : Box
        The box from which the round drew its simulations.
    marginals : Marginals
        Of the observation and of held-out simulations from the box.
    threshold : float
        Fraction epsilon of the peak density above which truncation keeps a value.
    before : Box and Marginals, optional
        Those of the round before.
    """
    profiles = marginals.log_ratios
    cut = {name: _edges_cut(box, name, profile) for name, profile in profiles.items()}
    checks = {"held_out": _check_held_out(marginals.levels, threshold), "edges": _check_edges(box, profiles)}
    if before is not None:
        checks["shift"] = _check_shift(box, profiles, before[0], before[1].log_ratios)
    if marginals.members:
        checks["stability"] = _check_stability(box, marginals, threshold)
    return Audit(checks, cut)


def widen(new: Box, box: Box, audit: Audit) -> Box:
    """The next box `new`, made wider than the truncation of `box` asks for.

    Edges of the round's box that cut something move beyond it; where none did and the audit still says no, all edges
    move outward, at most to those of the round's box.
    """
    lower, upper = np.array(new.lower), np.array(new.upper)
    reach = WIDENING * np.subtract(box.upper, box.lower)
    if any(any(edges) for edges in audit.cut.values()):
        for name, (low, high) in audit.cut.items():
            column = box.names.index(name)
            if low:
                lower[column] = max(0.0, box.lower[column] - reach[column])
            if high:
                upper[column] = min(1.0, box.upper[column] + reach[column])
    else:
        reach = WIDENING * (upper - lower)
        lower, upper = np.maximum(lower - reach, box.lower), np.minimum(upper + reach, box.upper)
    return Box(box.names, tuple(lower), tuple(upper))


def _check_held_out(levels: Mapping[str, Floats], threshold: float) -> dict[str, Any]:
    """Truths that the truncation asked for by their own data would lose.

    A posterior has less than epsilon of its mass where its density is below epsilon of the peak, if it falls as a
    Gaussian does or faster; of n truths with P parameters at most a binomial number with probability P epsilon is lost.
    """
    from scipy.special import bdtrc

    lost = np.any([values < np.log(threshold) for values in levels.values()] or np.zeros((1, 0), bool), axis=0)
    rate = min(1.0, threshold * len(levels))
    p_value = float(bdtrc(lost.sum() - 1, len(lost), rate)) if lost.any() else 1.0
    return {
        "statistic": p_value,
        "meaning": "probability of losing as many held-out truths to truncation if it loses epsilon a parameter",
        "expected_range": [FALSE_ALARM, 1.0],
        "passed": p_value >= FALSE_ALARM,
        "lost": int(lost.sum()),
        "truths": len(lost),
        "lost_by_parameter": {name: int((values < np.log(threshold)).sum()) for name, values in levels.items()},
    }


def _check_edges(box: Box, profiles: Profiles) -> dict[str, Any]:
    """Density at the edges that an earlier round cut: it was negligible, and must still be."""
    found = {name: _edge_densities(box, name, profile) for name, profile in profiles.items()}
    largest = max((max(densities) for densities in found.values()), default=0.0)
    return {
        "statistic": largest,
        "meaning": "largest posterior density at an edge of the box that is no edge of the prior, of the peak",
        "expected_range": [0.0, EDGE_DENSITY],
        "passed": largest <= EDGE_DENSITY,
        "densities": found,
    }


def _check_shift(box: Box, profiles: Profiles, box_before: Box, profiles_before: Profiles) -> dict[str, Any]:
    """How far each marginal's mean moved, in standard deviations of the round before, inside the new box."""
    shifts = {}
    for name in profiles:
        column = box.names.index(name)
        low, high = box.lower[column], box.upper[column]
        mean, _ = profile_moments(profiles[name], low, high)
        edges_before = box_before.lower[column], box_before.upper[column]
        mean_before, deviation_before = profile_moments(profiles_before[name], *edges_before, inside=(low, high))
        shifts[name] = (mean - mean_before) / deviation_before
    largest = max((abs(shift) for shift in shifts.values()), default=0.0)
    return {
        "statistic": largest,
        "meaning": "largest shift of a marginal's mean since the round before, in its standard deviations there",
        "expected_range": [0.0, LARGEST_SHIFT],
        "passed": largest <= LARGEST_SHIFT,
        "shifts": shifts,
    }


def _check_stability(box: Box, marginals: Marginals, threshold: float) -> dict[str, Any]:
    """How far the edges scatter that the networks of an ensemble, each from another start, would have set."""
    new, *each = (truncate(box, profiles, threshold, 1.0)[0] for profiles in (marginals.log_ratios, *marginals.members))
    scatters = {}
    for name in marginals.log_ratios:
        column = box.names.index(name)
        edges = np.array([(member.lower[column], member.upper[column]) for member in each])
        scatters[name] = float(edges.std(axis=0, ddof=1).max() / (new.upper[column] - new.lower[column]))
    largest = max(scatters.values(), default=0.0)
    return {
        "statistic": largest,
        "meaning": "largest scatter of an edge between the networks of the ensemble, in widths of the next box",
        "expected_range": [0.0, LARGEST_SCATTER],
        "passed": largest <= LARGEST_SCATTER,
        "scatters": scatters,
    }


def _edge_densities(box: Box, name: str, profile: Floats) -> tuple[float, float]:
    """Density at the lower and the upper edge relative to the peak; 0 at an edge of the prior."""
    column = box.names.index(name)
    low, high = np.exp(profile[[0, -1]] - profile.max())
    return (float(low) if box.lower[column] > 0 else 0.0, float(high) if box.upper[column] < 1 else 0.0)


def _edges_cut(box: Box, name: str, profile: Floats) -> tuple[bool, bool]:
    low, high = _edge_densities(box, name, profile)
    return low > EDGE_DENSITY, high > EDGE_DENSITY


def summarise_audits(audits: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The audits of all rounds as one diagnostic; the last round's box is the one that must not have cut anything.

    Earlier violations count where nothing was done about them: a widened box is audited again by the round that
    follows. So the verdict is that of the last round, and `rounds` holds them all.

    Parameters
    ----------
    audits : sequence of mapping
        The key `audit` of every round's `box.json`.
    """
    last = audits[-1]
    failed = [name for name, check in last.items() if not check["passed"]]
    return {
        "statistic": len(failed),
        "meaning": "checks of the last round's truncation that say no, of " + ", ".join(last),
        "expected_range": [0, 0],
        "passed": not failed,
        "false_alarm": FALSE_ALARM,
        "failed": failed,
        "rounds": list(audits),
    }
