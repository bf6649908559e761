"""One-dimensional priors and their product, mapped to the unit cube by their cumulative distributions.

In the cube every prior is uniform, so that a truncated prior is a box, its mass is the box's volume, and a
posterior density is the ratio that the networks estimate.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["LogUniform", "Normal", "OneDimensionalPrior", "Parameter", "Prior", "Uniform", "one_dimensional_prior"]

Floats = NDArray[np.float64]


class OneDimensionalPrior(ABC):
    """A distribution p(z) of one parameter with an invertible cumulative distribution."""

    @abstractmethod
    def cumulative(self, z: ArrayLike) -> Floats:
        """Probability below `z` (any shape), in [0, 1]."""

    @abstractmethod
    def quantile(self, u: ArrayLike) -> Floats:
        """Value below which lies the probability `u` (any shape, in [0, 1])."""

    @abstractmethod
    def specification(self) -> dict[str, object]:
        """Key and values as an experiment file writes them."""


@dataclass(frozen=True)
class Uniform(OneDimensionalPrior):
    """Constant density between `low` and `high`."""

    low: float
    high: float

    def cumulative(self, z: ArrayLike) -> Floats:  # noqa: D102
        return np.clip((np.asarray(z, float) - self.low) / (self.high - self.low), 0.0, 1.0)

    def quantile(self, u: ArrayLike) -> Floats:  # noqa: D102
        return self.low + (self.high - self.low) * np.asarray(u, float)

    def specification(self) -> dict[str, object]:  # noqa: D102
        return {"uniform": [self.low, self.high]}


@dataclass(frozen=True)
class LogUniform(OneDimensionalPrior):
    """Constant density in ln z between `low` and `high`, both above zero."""

    low: float
    high: float

    def cumulative(self, z: ArrayLike) -> Floats:  # noqa: D102
        z = np.clip(np.asarray(z, float), self.low, self.high)
        return np.log(z / self.low) / np.log(self.high / self.low)

    def quantile(self, u: ArrayLike) -> Floats:  # noqa: D102
        return self.low * (self.high / self.low) ** np.asarray(u, float)

    def specification(self) -> dict[str, object]:  # noqa: D102
        return {"log_uniform": [self.low, self.high]}


@dataclass(frozen=True)
class Normal(OneDimensionalPrior):
    """Gaussian of the given mean and standard deviation, cut at `low` and `high`."""

    mean: float
    standard_deviation: float
    low: float = -np.inf
    high: float = np.inf

    def _edges(self) -> tuple[float, float]:
        from scipy.special import ndtr

        low, high = ndtr((np.array([self.low, self.high]) - self.mean) / self.standard_deviation)
        return float(low), float(high)

    def cumulative(self, z: ArrayLike) -> Floats:  # noqa: D102
        from scipy.special import ndtr

        low, high = self._edges()
        below = ndtr((np.asarray(z, float) - self.mean) / self.standard_deviation)
        return np.clip((below - low) / (high - low), 0.0, 1.0)

    def quantile(self, u: ArrayLike) -> Floats:  # noqa: D102
        from scipy.special import ndtri

        low, high = self._edges()
        z = self.mean + self.standard_deviation * ndtri(low + (high - low) * np.asarray(u, float))
        return np.clip(z, self.low, self.high)

    def specification(self) -> dict[str, object]:  # noqa: D102
        bounded = np.isfinite(self.low) or np.isfinite(self.high)
        spec: dict[str, object] = {"normal": [self.mean, self.standard_deviation]}
        return spec | ({"bounds": [self.low, self.high]} if bounded else {})


def one_dimensional_prior(specification: Mapping[str, Any]) -> OneDimensionalPrior:
    """The prior that a specification, as an experiment file writes it, describes."""
    if specification.get("uniform") is not None:
        return Uniform(*specification["uniform"])
    if specification.get("log_uniform") is not None:
        return LogUniform(*specification["log_uniform"])
    return Normal(*specification["normal"], *(specification.get("bounds") or ()))


@dataclass(frozen=True)
class Parameter:
    """One parameter z: its name, prior, unit (a string, empty if none) and LaTeX label (without dollars)."""

    name: str
    prior: OneDimensionalPrior
    unit: str = ""
    label: str = ""


@dataclass(frozen=True)
class Prior:
    """The product of independent one-dimensional priors, in the order of the columns of z."""

    parameters: tuple[Parameter, ...]
    names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(p.name for p in self.parameters))

    def __len__(self) -> int:
        return len(self.parameters)

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self.parameters)

    def columns(self, marginal: Sequence[str]) -> list[int]:
        """Columns of z that hold the parameters of `marginal`."""
        return [self.names.index(name) for name in marginal]

    def to_unit(self, z: ArrayLike) -> Floats:
        """Map z (..., P) in physical units to the unit cube."""
        z = np.asarray(z, float)
        return np.stack([p.prior.cumulative(z[..., i]) for i, p in enumerate(self)], axis=-1)

    def from_unit(self, u: ArrayLike) -> Floats:
        """Map points u (..., P) of the unit cube to physical units."""
        u = np.asarray(u, float)
        return np.stack([p.prior.quantile(u[..., i]) for i, p in enumerate(self)], axis=-1)

    def specification(self) -> dict[str, dict[str, object]]:
        """What identifies this prior: a key a parameter, in order, as an experiment file writes it."""
        return {p.name: {**p.prior.specification(), "unit": p.unit} for p in self}

    def to_record(self) -> list[dict[str, object]]:
        """The prior as JSON holds it: an entry a parameter, in order, with units and labels."""
        return [{"name": p.name, **p.prior.specification(), "unit": p.unit, "label": p.label} for p in self]

    @classmethod
    def from_record(cls, record: Sequence[Mapping[str, Any]]) -> Prior:
        """The prior that `to_record` wrote."""
        return cls(tuple(Parameter(p["name"], one_dimensional_prior(p), p["unit"], p["label"]) for p in record))
