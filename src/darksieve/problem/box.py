"""The truncated prior of a round: an axis-aligned box in the unit cube of the prior."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from darksieve.problem.errors import DarksieveError
from darksieve.problem.prior import Prior
from darksieve.problem.provenance import digest

__all__ = ["Box"]


@dataclass(frozen=True)
class Box:
    """An axis-aligned box in the unit cube; `lower` and `upper` hold an edge a parameter, in [0, 1]."""

    names: tuple[str, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]

    def __post_init__(self) -> None:
        for edges in ("lower", "upper"):
            object.__setattr__(self, edges, tuple(float(edge) for edge in getattr(self, edges)))
        for name, low, high in zip(self.names, self.lower, self.upper, strict=True):
            if not 0.0 <= low < high <= 1.0:
                raise DarksieveError(f"box edges [{low}, {high}] of {name} are not an interval inside [0, 1]")

    @classmethod
    def full(cls, names: Sequence[str]) -> Box:
        """The whole prior of the parameters `names`."""
        return cls(tuple(names), (0.0,) * len(names), (1.0,) * len(names))

    @classmethod
    def from_record(cls, record: dict) -> Box:
        """The box that `to_record` wrote."""
        return cls(tuple(record["names"]), tuple(record["lower"]), tuple(record["upper"]))

    def to_record(self, prior: Prior) -> dict[str, object]:
        """The box as JSON holds it, with its edges in physical units beside those in the cube."""
        return {
            "names": list(self.names),
            "lower": list(self.lower),
            "upper": list(self.upper),
            "volume": self.volume,
            "bounds": {
                p.name: {"low": float(low), "high": float(high), "unit": p.unit}
                for p, low, high in zip(prior, prior.from_unit(self.lower), prior.from_unit(self.upper), strict=True)
            },
        }

    @property
    def volume(self) -> float:
        """Prior mass inside the box."""
        return float(np.prod(np.subtract(self.upper, self.lower)))

    @property
    def digest(self) -> str:
        """A short name for exactly this box."""
        return digest({"names": self.names, "lower": self.lower, "upper": self.upper})

    def scale(self, unit: ArrayLike) -> NDArray[np.float64]:
        """Stretch uniform numbers (..., P) of the unit cube over the box."""
        return np.asarray(self.lower) + np.subtract(self.upper, self.lower) * np.asarray(unit, float)

    def contains(self, u: ArrayLike) -> NDArray[np.bool_]:
        """Whether points u (..., P) of the unit cube lie in the box."""
        u = np.asarray(u, float)
        return np.all((u >= self.lower) & (u <= self.upper), axis=-1)
