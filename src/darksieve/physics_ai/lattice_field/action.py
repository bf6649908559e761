"""The action of lattice phi^4, its observables, and what is known exactly of it.

S = sum_x [ sum_mu (phi(x + mu) - phi(x))^2 + m^2 phi(x)^2 + lambda phi(x)^4 ] on a periodic square lattice, without the
factors 1/2 and 1/4! of other conventions.

References: Albergo, Kanwar & Shanahan 2019, Phys. Rev. D 100, 034515 (arXiv 1904.12072), eq. 28 and table I;
Albergo et al. 2021 (arXiv 2101.08176).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

__all__ = ["Action", "correlator", "exact_two_by_two", "free_square", "observables", "pole_mass"]


@dataclass(frozen=True)
class Action:
    """The action of fields (n, side, side) with squared mass `mass` and coupling `coupling`, lambda."""

    side: int
    mass: float
    coupling: float

    def __call__(self, field: Tensor) -> Tensor:
        """S (n,)."""
        square = field**2
        kinetic = 4.0 * square - 2.0 * field * (torch.roll(field, 1, 1) + torch.roll(field, 1, 2))
        return (kinetic + (self.mass + self.coupling * square) * square).sum(dim=(1, 2))

    def gradient(self, field: Tensor) -> Tensor:
        """Derivative of S by the field (n, side, side)."""
        neighbours = sum((torch.roll(field, s, axis) for axis in (1, 2) for s in (1, -1)), torch.zeros_like(field))
        return (8.0 + 2.0 * self.mass) * field - 2.0 * neighbours + 4.0 * self.coupling * field**3


def observables(field: Tensor) -> dict[str, Tensor]:
    """Of fields (n, L, L), each (n,): |M| and V M^2 of the mean field M, and site averages of phi^2 and phi phi'."""
    mean = field.mean(dim=(1, 2))
    beside = 0.5 * field * (torch.roll(field, 1, 1) + torch.roll(field, 1, 2))
    return {
        "magnetisation": mean.abs(),
        "susceptibility": mean**2 * field[0].numel(),
        "square": (field**2).mean(dim=(1, 2)),
        "neighbours": beside.mean(dim=(1, 2)),
    }


def correlator(field: Tensor) -> Tensor:
    """Two-point function (n, L) of line averages, of distance along either axis, for fields (n, L, L)."""
    lines = torch.stack([field.mean(dim=1), field.mean(dim=2)], dim=1)  # (n, 2, L)
    shifted = torch.stack([torch.roll(lines, -distance, 2) for distance in range(lines.shape[2])], dim=1)
    return (lines[:, None] * shifted).mean(dim=(2, 3))


def pole_mass(two_point: np.ndarray) -> float:
    """Mass in units of the inverse spacing from a correlator (L,), mean of arcosh over all distances but the ends.

    Albergo et al. 2019, eq. 33: cosh m = (G(t - 1) + G(t + 1)) / 2 G(t).
    """
    ratio = (two_point[:-2] + two_point[2:]) / (2.0 * two_point[1:-1])
    return float(np.arccosh(np.maximum(ratio, 1.0)).mean())


def free_square(side: int, mass: float) -> float:
    """<phi^2> of the free field, coupling zero and squared mass above zero: the mean of 1 / 2 (k^2 + m^2)."""
    k = 2.0 - 2.0 * np.cos(2.0 * math.pi * np.arange(side) / side)
    return float((0.5 / (k[:, None] + k + mass)).mean())


def exact_two_by_two(mass: float, coupling: float, nodes: int = 48) -> dict[str, float]:
    """ln Z, <M^2> V and <phi^2> of the 2 x 2 lattice by Gauss-Legendre quadrature over all four sites.

    Integrals end where the quartic part of a site's action is 100, far above what a mass of order one takes from it.
    """
    reach = (100.0 / coupling) ** 0.25
    position, weight = (reach * torch.from_numpy(values) for values in np.polynomial.legendre.leggauss(nodes))
    action = Action(2, mass, coupling)
    total, mean_square, square = 0.0, 0.0, 0.0
    rest = torch.cartesian_prod(position, position, position)
    rest_weight = torch.cartesian_prod(weight, weight, weight).prod(dim=1)
    for first, first_weight in zip(position, weight):
        field = torch.cat([first.expand(len(rest), 1), rest], dim=1).reshape(-1, 2, 2)
        density = first_weight * rest_weight * torch.exp(-action(field))
        found = observables(field)
        total += float(density.sum())
        mean_square += float(density @ found["susceptibility"])
        square += float(density @ found["square"])
    return {"log_partition": math.log(total), "susceptibility": mean_square / total, "square": square / total}
