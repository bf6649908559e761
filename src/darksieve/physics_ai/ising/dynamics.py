"""Two Monte Carlo dynamics of the Ising model: Metropolis, spin by spin, and Wolff, cluster by cluster.

References: Metropolis et al. 1953, J. Chem. Phys. 21, 1087; Wolff 1989, Phys. Rev. Lett. 62, 361.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["Chain", "metropolis", "wolff"]

Floats = NDArray[np.float64]
Spins = NDArray[np.int8]


@dataclass(frozen=True)
class Chain:
    """A Markov chain in equilibrium: `energy` and `magnetisation` per spin (n,), CPU `seconds` that the n took.

    `spins` (L, L) is the last state.
    """

    energy: Floats
    magnetisation: Floats
    seconds: float
    spins: Spins


def metropolis(side: int, temperature: float, sweeps: int, warmup: int, seed: int) -> Chain:
    """`sweeps` passes over all spins after `warmup` more, measured after each; it starts with all spins up."""
    return _run(_metropolis, np.ones((side, side), np.int8), temperature, sweeps, 1, warmup, seed)


def wolff(side: int, temperature: float, measurements: int, warmup: int, seed: int) -> Chain:
    """As many clusters between measurements as flip a lattice on average, their number fixed during the warmup."""
    spins = np.ones((side, side), np.int8)
    flipped = _wolff(spins, 1.0 / temperature, warmup, 1, seed)[2]
    clusters = max(1, round(side**2 * warmup / flipped))
    return _run(_wolff, spins, temperature, measurements, clusters, warmup, seed + 1)


def _run(kernel, spins: Spins, temperature: float, measurements: int, steps: int, warmup: int, seed: int) -> Chain:  # type: ignore[no-untyped-def]
    from time import process_time

    beta = 1.0 / temperature
    kernel(spins, beta, warmup, steps, seed)
    start = process_time()
    energy, magnetisation, _ = kernel(spins, beta, measurements, steps, seed + 1)
    return Chain(energy, magnetisation, process_time() - start, spins)


@njit(cache=True)
def _energy(spins: Spins) -> float:
    side = spins.shape[0]
    total = 0
    for i in range(side):
        below = (i + 1) % side
        for j in range(side):
            total -= spins[i, j] * (spins[below, j] + spins[i, (j + 1) % side])
    return float(total)


@njit(cache=True)
def _neighbours(side: int) -> NDArray[np.int64]:
    """Sites (side^2, 4) beside each site of the torus, numbered row by row."""
    found = np.empty((side * side, 4), np.int64)
    for site in range(side * side):
        i, j = site // side, site % side
        found[site, 0], found[site, 1] = (i + 1) % side * side + j, (i - 1) % side * side + j
        found[site, 2], found[site, 3] = i * side + (j + 1) % side, i * side + (j - 1) % side
    return found


@njit(cache=True)
def _metropolis(spins: Spins, beta: float, measurements: int, steps: int, seed: int) -> tuple[Floats, Floats, int]:
    np.random.seed(seed)
    side = spins.shape[0]
    energy, magnetisation = np.empty(measurements), np.empty(measurements)
    accept = np.exp(-2.0 * beta * np.arange(5))  # of s h = 0 ... 4
    e, m, flipped = _energy(spins), float(spins.sum()), 0
    for sample in range(measurements):
        for _ in range(steps):
            for i in range(side):
                up, down = (i - 1) % side, (i + 1) % side
                for j in range(side):
                    field = spins[up, j] + spins[down, j] + spins[i, (j - 1) % side] + spins[i, (j + 1) % side]
                    cost = spins[i, j] * field
                    if cost <= 0 or np.random.random() < accept[cost]:
                        spins[i, j] = -spins[i, j]
                        e += 2.0 * cost
                        m += 2.0 * spins[i, j]
                        flipped += 1
        energy[sample], magnetisation[sample] = e / side**2, m / side**2
    return energy, magnetisation, flipped


@njit(cache=True)
def _wolff(spins: Spins, beta: float, measurements: int, steps: int, seed: int) -> tuple[Floats, Floats, int]:
    np.random.seed(seed)
    side = spins.shape[0]
    energy, magnetisation = np.empty(measurements), np.empty(measurements)
    join = 1.0 - math.exp(-2.0 * beta)
    flat, neighbours = spins.ravel(), _neighbours(side)
    waiting = np.empty(side * side, np.int64)
    m, flipped = float(spins.sum()), 0
    for sample in range(measurements):
        for _ in range(steps):
            site = np.random.randint(side * side)
            old = flat[site]
            flat[site] = -old
            waiting[0] = site
            last, size = 1, 1
            while last > 0:
                last -= 1
                site = waiting[last]
                for direction in range(4):
                    other = neighbours[site, direction]
                    if flat[other] == old and np.random.random() < join:
                        flat[other] = -old
                        waiting[last] = other
                        last += 1
                        size += 1
            m -= 2.0 * old * size
            flipped += size
        energy[sample], magnetisation[sample] = _energy(spins) / side**2, m / side**2
    return energy, magnetisation, flipped
