"""Exact answers for the square-lattice Ising model, H = -sum over bonds of s s' with J = k_B = 1.

References: Onsager 1944, Phys. Rev. 65, 117 (infinite lattice); Kaufman 1949, Phys. Rev. 76, 1232 (finite torus);
Yang 1952, Phys. Rev. 85, 808 (spontaneous magnetisation).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "CRITICAL_TEMPERATURE",
    "Thermodynamics",
    "enumerate_torus",
    "onsager_energy",
    "solve_torus",
    "yang_magnetisation",
]

CRITICAL_TEMPERATURE = 2.0 / math.log(1.0 + math.sqrt(2.0))


@dataclass(frozen=True)
class Thermodynamics:
    """Of one lattice at one temperature: `log_partition`, and per spin `energy` and `specific_heat`."""

    log_partition: float
    energy: float
    specific_heat: float


def onsager_energy(temperature: NDArray[np.floating]) -> NDArray[np.float64]:
    """Energy per spin of the infinite lattice at temperatures (n,)."""
    from scipy.special import ellipk

    coupling = 2.0 / np.asarray(temperature)
    modulus = 2.0 * np.sinh(coupling) / np.cosh(coupling) ** 2
    factor = 2.0 * np.tanh(coupling) ** 2 - 1.0  # vanishes where the integral diverges
    integral = ellipk(np.minimum(modulus**2, 1.0 - 1e-16))
    return -(1.0 + 2.0 / np.pi * factor * integral) / np.tanh(coupling)


def yang_magnetisation(temperature: NDArray[np.floating]) -> NDArray[np.float64]:
    """Spontaneous magnetisation per spin of the infinite lattice at temperatures (n,)."""
    inside = 1.0 - np.sinh(2.0 / np.asarray(temperature)) ** -4.0
    return np.maximum(inside, 0.0) ** 0.125


def solve_torus(side: int, temperature: float) -> Thermodynamics:
    """Kaufman's solution for a periodic lattice of side x side spins; derivatives by automatic differentiation."""
    import torch

    beta = torch.tensor(1.0 / temperature, dtype=torch.float64, requires_grad=True)
    log_partition = _kaufman(side, beta)
    (first,) = torch.autograd.grad(log_partition, beta, create_graph=True)
    (second,) = torch.autograd.grad(first, beta)
    spins = side**2
    return Thermodynamics(log_partition.item(), -first.item() / spins, second.item() / temperature**2 / spins)


def _kaufman(n: int, coupling: Tensor) -> Tensor:
    """ln Z of the n x n torus: four products over the modes gamma_r, of which gamma_0 changes sign at T_c."""
    import torch

    mode = torch.arange(2 * n, dtype=torch.float64)
    cosh_gamma = torch.cosh(2 * coupling) / torch.tanh(2 * coupling) - torch.cos(math.pi * mode[1:] / n)
    half = 0.5 * n * torch.arccosh(cosh_gamma)
    odd, even = half[::2], half[1::2]
    zero = 0.5 * n * (2 * coupling + torch.log(torch.tanh(coupling)))

    def log_cosh(x: Tensor) -> Tensor:  # ln 2 cosh x, for x > 0
        return x + torch.log1p(torch.exp(-2 * x))

    def log_sinh(x: Tensor) -> Tensor:
        return x + torch.log(-torch.expm1(-2 * x))

    shared = even.sum()  # keeps the exponentials below overflow
    terms = (
        torch.exp(log_cosh(odd).sum() - shared),
        torch.exp(log_sinh(odd).sum() - shared),
        2 * torch.cosh(zero) * torch.exp(log_cosh(even).sum() - shared),
        2 * torch.sinh(zero) * torch.exp(log_sinh(even).sum() - shared),
    )
    return (
        0.5 * n**2 * torch.log(2 * torch.sinh(2 * coupling))
        - math.log(2.0)
        + shared
        + torch.log(torch.stack(terms).sum())
    )


def enumerate_torus(side: int, temperature: float) -> tuple[Thermodynamics, float, float]:
    """The same by summing over all 2^(side^2) states, with the mean |m| and the Binder cumulant; side at most 4."""
    states = np.arange(2 ** (side**2))
    spins = 1.0 - 2.0 * ((states[:, None] >> np.arange(side**2)) & 1)
    lattice = spins.reshape(-1, side, side)
    energy = -(lattice * (np.roll(lattice, 1, axis=1) + np.roll(lattice, 1, axis=2))).sum(axis=(1, 2))
    lowest = energy.min()
    weight = np.exp(-(energy - lowest) / temperature)
    total = weight.sum()
    probability = weight / total
    mean, square = probability @ energy, probability @ energy**2
    m = np.abs(spins.mean(axis=1))
    found = Thermodynamics(
        math.log(total) - lowest / temperature,
        mean / side**2,
        (square - mean**2) / temperature**2 / side**2,
    )
    binder = 1.0 - (probability @ m**4) / (3.0 * (probability @ m**2) ** 2)
    return found, float(probability @ m), float(binder)
