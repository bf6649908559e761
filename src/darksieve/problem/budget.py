"""How many simulations each round asks for: a number a round, or a budget for all of them together.

The first rounds may do with fewer, for they only look where the posterior lies: where the box settles in one of them, a
round with all simulations follows.

A budget counts new simulations. What earlier rounds hold inside the box of the next one is used again, so that nothing
is lost by looking first where the posterior lies: the rounds that search spend a share each, and once the box has
settled, what is left is spent in it (Miller et al. 2021, arXiv 2107.01214, section 4: 30% in the first round).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from darksieve.problem.box import Box
from darksieve.problem.config import RoundsConfig

__all__ = ["Request", "first_request", "next_request"]

FIRST_SHARE = 0.3  # of the budget
NEGLIGIBLE = 0.01  # of the budget


@dataclass(frozen=True)
class Request:
    """Simulations, on average, that a round asked for in its box."""

    box: Box
    simulations: int

    def to_record(self) -> dict[str, Any]:
        """The request as JSON holds it."""
        return {
            "names": list(self.box.names),
            "lower": list(self.box.lower),
            "upper": list(self.box.upper),
            "simulations": self.simulations,
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Request:
        """What `to_record` wrote."""
        return cls(Box.from_record(dict(record)), record["simulations"])


def first_request(rounds: RoundsConfig) -> int:
    """Simulations of the first round."""
    if rounds.budget is None:
        return rounds.early_simulations[0] if rounds.early_simulations else rounds.simulations
    return rounds.budget if rounds.maximum == 1 else max(1, round(FIRST_SHARE * rounds.budget))


def next_request(rounds: RoundsConfig, requests: Sequence[Request], box: Box, settled: bool) -> int:
    """Simulations of the round that follows; 0 where none does.

    Parameters
    ----------
    rounds : RoundsConfig
    requests : sequence of Request
        Those of all rounds so far.
    box : Box
        Where the next round would draw its simulations.
    settled : bool
        Whether the box no longer shrinks.
    """
    done = len(requests)
    if done == rounds.maximum:
        return 0
    if rounds.budget is None:
        if settled:
            return rounds.simulations if requests[-1].simulations < rounds.simulations else 0
        return rounds.early_simulations[done] if done < len(rounds.early_simulations) else rounds.simulations
    spent = sum(r.simulations - _held(requests[:i], r.box, r.simulations) for i, r in enumerate(requests))
    left = rounds.budget - spent
    if left < NEGLIGIBLE * rounds.budget:
        return 0
    search = (1 - FIRST_SHARE) * rounds.budget / (rounds.maximum - 1)
    new = left if settled or done + 1 == rounds.maximum else min(left, search)
    return round(_held(requests, box) + new)


def _held(requests: Sequence[Request], box: Box, at_most: float = np.inf) -> float:
    """Simulations, on average, that a new request for a box finds; at least, where earlier boxes hold parts of it.

    A request for N simulations in a box of prior volume V holds all points of a Poisson process with marks below N / V.
    """
    found = 0.0
    for request in requests:
        lower, upper = (np.array([request.box.lower, box.lower]), np.array([request.box.upper, box.upper]))
        shared = np.prod(np.clip(upper.min(axis=0) - lower.max(axis=0), 0.0, None))
        density = min(request.simulations / request.box.volume, at_most / box.volume)
        found = max(found, float(density * shared))
    return found
