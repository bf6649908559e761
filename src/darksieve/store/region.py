"""Where simulations lie: parts of one Poisson process over the prior.

Give every simulation a mark beside its place in the prior's unit cube. All simulations that could ever be made are
then the points of a Poisson process of unit intensity in cube x marks, and a request for N draws from a box of prior
volume V is its part inside the box with marks below N / V. What is stored is a cache of parts of the process, so that
a request takes what is there, simulates the rest, and is an exact draw, whatever was asked before.

References: Miller et al. 2020 (arXiv 2011.13951), section 2.3 (intensity-based reuse); Kingman 1993, Poisson Processes,
chapter 2 (superposition, restriction, marking).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from darksieve.problem.box import Box
from darksieve.problem.provenance import derive_seed

__all__ = ["Points", "Region", "draw_points", "is_covered"]


@dataclass(frozen=True)
class Region:
    """A box of the unit cube with the marks from `low` (inclusive) to `high` (exclusive)."""

    box: Box
    low: float
    high: float

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Region:
        """The region that `to_record` wrote."""
        return cls(Box.from_record(record), record["low"], record["high"])

    def to_record(self) -> dict[str, Any]:
        """The region as JSON holds it."""
        box = self.box
        return {"names": list(box.names), "lower": list(box.lower), "upper": list(box.upper),
                "low": self.low, "high": self.high}  # fmt: skip

    @property
    def mean(self) -> float:
        """Expected number of points."""
        return self.box.volume * (self.high - self.low)

    def contains(self, points: Points) -> NDArray[np.bool_]:
        """Which points lie in the region."""
        return (points.mark >= self.low) & (points.mark < self.high) & self.box.contains(points.unit)

    def overlaps(self, other: Region) -> bool:
        """Whether the two regions share more than an edge."""
        a, b = self.box, other.box
        apart = any(max(low) >= min(high) for low, high in zip(zip(a.lower, b.lower), zip(a.upper, b.upper)))
        return not apart and max(self.low, other.low) < min(self.high, other.high)


@dataclass(frozen=True)
class Points:
    """Points of the process: places `unit` (n, P) in the cube, marks (n,), and numbers `index` (n,) in their draw."""

    unit: NDArray[np.float64]
    mark: NDArray[np.float64]
    index: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.mark)

    def __getitem__(self, rows: NDArray[Any]) -> Points:
        return Points(self.unit[rows], self.mark[rows], self.index[rows])


def draw_points(region: Region, stream: str) -> Points:
    """The points of the process in a region, as the random numbers named by `stream` give them."""
    names = [*map(repr, (*region.box.lower, *region.box.upper, region.low, region.high))]
    generator = np.random.Generator(np.random.Philox(derive_seed("points", stream, *names)))
    n = int(generator.poisson(region.mean))
    numbers = generator.random((n, len(region.box.names) + 1))
    mark = region.low + (region.high - region.low) * numbers[:, -1]
    inside = np.nextafter(region.high, region.low)  # rounding may reach the upper edge
    return Points(region.box.scale(numbers[:, :-1]), np.minimum(mark, inside), np.arange(n, dtype=np.uint64))


def is_covered(region: Region, others: Iterable[Region]) -> bool:
    """Whether regions whose boxes hold the whole box cover all its marks; False also where only their union would."""
    edge = region.low
    holding = [o for o in others if _holds(o.box, region.box)]
    for low, high in sorted((other.low, other.high) for other in holding):
        if low > edge:
            break
        edge = max(edge, high)
    return edge >= region.high


def _holds(outer: Box, inner: Box) -> bool:
    return all(a <= b for a, b in zip(outer.lower, inner.lower)) and all(
        a >= b for a, b in zip(outer.upper, inner.upper)
    )
