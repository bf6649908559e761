"""Hopfield's network: N neurons of +-1 with symmetric couplings W, whose energy E = -s W s / 2 has memories as minima.

References: Hopfield 1982, PNAS 79, 2554; Storkey 1997, ICANN (LNCS 1327), 451; Personnaz, Guyon & Dreyfus 1985,
J. Physique Lett. 46, L359 (pseudo-inverse).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = [
    "Relaxation",
    "energy",
    "flip_couplings",
    "flip_neurons",
    "glauber",
    "hebb",
    "overlaps",
    "parallel_step",
    "pseudo_inverse",
    "random_patterns",
    "relax",
    "storkey",
]

Floats = NDArray[np.floating]

SWEEPS = 200  # far more than a relaxation takes


@dataclass(frozen=True)
class Relaxation:
    """Where asynchronous dynamics ended: `states` (n, N), `sweeps` (n,) that it took, and the `largest_rise` in energy.

    The rise is that of the energy a neuron from one sweep to the next, each computed anew from the state.
    """

    states: Floats
    sweeps: NDArray[np.int64]
    largest_rise: float


def random_patterns(patterns: int, neurons: int, generator: np.random.Generator) -> Floats:
    """Independent patterns (P, N) of +-1."""
    return generator.choice(np.array([-1.0, 1.0], np.float32), size=(patterns, neurons))


def hebb(patterns: Floats) -> Floats:
    """Couplings (N, N) by Hebb's rule from patterns (P, N): W = X^T X / N without its diagonal."""
    return _without_diagonal(patterns.T @ patterns / patterns.shape[1])


def pseudo_inverse(patterns: Floats) -> Floats:
    """Couplings that project on the span of linearly independent patterns, without the diagonal."""
    exact = patterns.astype(np.float64)
    correlation = exact @ exact.T
    return _without_diagonal(exact.T @ np.linalg.solve(correlation, exact)).astype(patterns.dtype)


def storkey(patterns: Floats) -> Floats:
    """Couplings by Storkey's rule, pattern after pattern; local fields leave out both neurons of a coupling."""
    neurons = patterns.shape[1]
    couplings = np.zeros((neurons, neurons))
    for pattern in patterns.astype(np.float64):
        field = couplings @ pattern - np.diag(couplings) * pattern
        without = field[:, None] - couplings * pattern  # h_ij, (i, j)
        crossed = pattern[:, None] * without.T
        couplings += (np.outer(pattern, pattern) - crossed - crossed.T) / neurons
    return _without_diagonal(couplings).astype(patterns.dtype)


def energy(couplings: Floats, states: Floats) -> Floats:
    """E = -s W s / 2 of states (n, N)."""
    return -0.5 * np.einsum("ni,ni->n", states @ couplings, states)


def overlaps(states: Floats, patterns: Floats) -> Floats:
    """Overlap (n,) of states (n, N) with the patterns (n, N) of the same rows."""
    return (states * patterns).mean(axis=1)


def flip_neurons(states: Floats, fraction: float, generator: np.random.Generator) -> Floats:
    """States with exactly this fraction of their neurons flipped, others in each."""
    order = generator.random(states.shape).argsort(axis=1)
    return np.where(order < round(fraction * states.shape[1]), -states, states)


def flip_couplings(couplings: Floats, fraction: float, generator: np.random.Generator) -> Floats:
    """Symmetric couplings of which each changes its sign with this probability."""
    upper = np.triu(generator.random(couplings.shape) < fraction, 1)
    return np.where(upper | upper.T, -couplings, couplings)


def relax(couplings: Floats, states: Floats, seed: int) -> Relaxation:
    """Asynchronous dynamics at zero temperature: neurons in random order align with their field until none moves."""
    return Relaxation(*_relax(couplings, states.astype(couplings.dtype), seed % 2**32))


def parallel_step(couplings: Floats, states: Floats) -> Floats:
    """All neurons align with their fields at once; one whose field is zero stays. Energy may rise, in cycles of two."""
    field = states @ couplings
    return np.where(field == 0, states, np.sign(field)).astype(states.dtype)


def glauber(couplings: Floats, states: Floats, temperature: float, sweeps: int, seed: int) -> Floats:
    """Mean state (n, N) over the second half of `sweeps` of heat-bath dynamics at a temperature above zero."""
    return _glauber(couplings, states.astype(couplings.dtype), temperature, sweeps, seed % 2**32)


def _without_diagonal(couplings: Floats) -> Floats:
    np.fill_diagonal(couplings, 0.0)
    return couplings


@njit(cache=True)
def _relax(couplings, states, seed):  # type: ignore[no-untyped-def]
    np.random.seed(seed)
    ended, sweeps = states.copy(), np.zeros(len(states), np.int64)
    largest_rise = -np.inf
    for row in range(len(states)):
        s = ended[row]
        field = couplings @ s
        before = -0.5 * np.dot(s, field)
        for sweep in range(SWEEPS):
            moved = False
            for i in np.random.permutation(len(s)):
                if field[i] * s[i] < 0:
                    s[i] = -s[i]
                    field += 2.0 * s[i] * couplings[i]
                    moved = True
            sweeps[row] = sweep
            if not moved:
                break
            field = couplings @ s
            after = -0.5 * np.dot(s, field)
            largest_rise = max(largest_rise, (after - before) / len(s))
            before = after
    return ended, sweeps, largest_rise


@njit(cache=True)
def _glauber(couplings, states, temperature, sweeps, seed):  # type: ignore[no-untyped-def]
    np.random.seed(seed)
    mean = np.zeros_like(states)
    for row in range(len(states)):
        s = states[row].copy()
        field = couplings @ s
        for sweep in range(sweeps):
            for i in np.random.permutation(len(s)):
                new = 1.0 if np.random.random() < 1.0 / (1.0 + np.exp(-2.0 * field[i] / temperature)) else -1.0
                if new != s[i]:
                    s[i] = new
                    field += 2.0 * new * couplings[i]
            if 2 * sweep >= sweeps:
                mean[row] += s / (sweeps // 2)
    return mean
