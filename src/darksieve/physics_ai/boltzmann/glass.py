"""An Edwards-Anderson spin glass in the plane: its ground state exactly, and by simulated annealing.

References: Edwards & Anderson 1975, J. Phys. F 5, 965; Kirkpatrick, Gelatt & Vecchi 1983, Science 220, 671.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["Glass", "anneal", "ground_energy"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Glass:
    """Couplings of a square lattice with open edges: `right` (L, L - 1) and `down` (L - 1, L); H = -sum J s s'."""

    right: Floats
    down: Floats

    @classmethod
    def draw(cls, side: int, seed: int) -> Glass:
        """Couplings from a standard normal distribution."""
        generator = np.random.default_rng(seed)
        return cls(generator.normal(size=(side, side - 1)), generator.normal(size=(side - 1, side)))

    def energy(self, spins: NDArray[np.int8]) -> float:
        """Energy of one state (L, L)."""
        s = spins.astype(float)
        return float(-(self.right * s[:, :-1] * s[:, 1:]).sum() - (self.down * s[:-1] * s[1:]).sum())


def ground_energy(glass: Glass) -> float:
    """Lowest energy, exactly: the minimum over all states of the sites passed, for each state of the frontier of L.

    Site after site one spin of the frontier is replaced by the one below it.
    """
    side = len(glass.right)
    bits = 1.0 - 2.0 * ((np.arange(2**side)[:, None] >> np.arange(side)) & 1)  # (2^L, L)
    lowest = -(bits[:, :-1] * bits[:, 1:]) @ glass.right[0]
    for row in range(1, side):
        for column in range(side):
            pairs = np.moveaxis(lowest.reshape(2 ** (side - column - 1), 2, 2**column), 1, 0)
            coupling = glass.down[row - 1, column]  # equal spins cost -J
            up, down = (np.minimum(pairs[0] - sign * coupling, pairs[1] + sign * coupling) for sign in (1, -1))
            lowest = np.stack([up, down], axis=1).ravel()
            if column > 0:
                lowest = lowest - glass.right[row, column - 1] * bits[:, column - 1] * bits[:, column]
    return float(lowest.min())


def anneal(glass: Glass, sweeps: int, runs: int, seed: int, hot: float = 3.0, cold: float = 0.1) -> Floats:
    """Lowest energy (runs,) that Metropolis sweeps met, while the temperature fell geometrically."""
    return _anneal(glass.right, glass.down, np.geomspace(hot, cold, sweeps).astype(float), runs, seed % 2**32)


@njit(cache=True)
def _anneal(right: Floats, down: Floats, temperatures: Floats, runs: int, seed: int) -> Floats:
    np.random.seed(seed)
    side = len(right)
    best = np.empty(runs)
    for run in range(runs):
        s = 2.0 * np.random.randint(0, 2, (side, side)) - 1.0
        energy = -(right * s[:, :-1] * s[:, 1:]).sum() - (down * s[:-1] * s[1:]).sum()
        best[run] = energy
        for temperature in temperatures:
            for i in range(side):
                for j in range(side):
                    field = 0.0
                    if i > 0:
                        field += down[i - 1, j] * s[i - 1, j]
                    if i < side - 1:
                        field += down[i, j] * s[i + 1, j]
                    if j > 0:
                        field += right[i, j - 1] * s[i, j - 1]
                    if j < side - 1:
                        field += right[i, j] * s[i, j + 1]
                    cost = 2.0 * s[i, j] * field
                    if cost <= 0.0 or np.random.random() < np.exp(-cost / temperature):
                        s[i, j] = -s[i, j]
                        energy += cost
            best[run] = min(best[run], energy)
    return best
