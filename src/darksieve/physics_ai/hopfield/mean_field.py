"""Mean-field theory of the Hopfield network with extensive load alpha = P / N, replica symmetric.

References: Amit, Gutfreund & Sompolinsky 1985, Phys. Rev. Lett. 55, 1530; 1987, Ann. Phys. 173, 30 (AGS).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "critical_load",
    "glass_temperature",
    "load_of_field",
    "overlap_at_zero_temperature",
    "retrieval_temperature",
    "solve_overlap",
]

Floats = NDArray[np.float64]

NODES = 64  # of Gauss-Hermite quadrature
ITERATIONS = 4000


def load_of_field(y: Floats) -> Floats:
    """The load alpha at which the signal-to-noise ratio is y = m / sqrt(2 alpha r), at zero temperature; m = erf(y)."""
    from scipy.special import erf

    return 0.5 * (erf(y) / y - 2.0 / np.sqrt(np.pi) * np.exp(-(y**2))) ** 2


def critical_load() -> tuple[float, float]:
    """The largest load with retrieval states at zero temperature, and their overlap there."""
    from scipy.optimize import minimize_scalar
    from scipy.special import erf

    best = minimize_scalar(lambda y: -load_of_field(y), bounds=(0.5, 4.0), method="bounded", options={"xatol": 1e-12})
    return float(-best.fun), float(erf(best.x))


def overlap_at_zero_temperature(load: float) -> float:
    """Overlap m of the retrieval states with their pattern; 0 above the critical load."""
    from scipy.optimize import brentq
    from scipy.special import erf

    critical, overlap = critical_load()
    if load > critical:
        return 0.0
    from scipy.special import erfinv

    lowest = float(erfinv(overlap))
    return float(erf(brentq(lambda y: load_of_field(y) - load, lowest, 10.0)))


def solve_overlap(load: float, temperature: float, damping: float = 0.5) -> float:
    """Overlap m of the retrieval state at a temperature above zero, by iteration from m = q = 1; 0 where there is none.

    m = <tanh b(sqrt(alpha r) z + m)>, q = <tanh^2>, r = q / (1 - b(1 - q))^2, with b = 1 / T and z standard normal.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    weights = weights / weights.sum()
    m = q = 1.0
    for _ in range(ITERATIONS):
        remaining = 1.0 - (1.0 - q) / temperature
        if remaining <= 0.0:  # a glass of its own, where the iteration would run away
            return 0.0
        noise = np.sqrt(load * q) / remaining
        response = np.tanh((noise * nodes + m) / temperature)
        m_next, q_next = float(weights @ response), float(weights @ response**2)
        change = max(abs(m_next - m), abs(q_next - q))
        m, q = (1 - damping) * m + damping * m_next, (1 - damping) * q + damping * q_next
        if change < 1e-10 or m < 1e-3:
            break
    return m if m > 1e-2 else 0.0


def retrieval_temperature(load: float, tolerance: float = 1e-4) -> float:
    """T_M: the largest temperature with retrieval states at a load below the critical one, by bisection."""
    low, high = 0.02, 1.0
    while high - low > tolerance:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if solve_overlap(load, middle) > 0 else (low, middle)
    return 0.5 * (low + high)


def glass_temperature(load: Floats) -> Floats:
    """T_g = 1 + sqrt(alpha), below which the spins freeze."""
    return 1.0 + np.sqrt(load)
