"""The restricted Boltzmann machine: binary visible units v and hidden ones h, p(v, h) = exp(a v + b h + v W h) / Z.

Its free energy F(v) = -a v - sum_j softplus(b_j + (v W)_j) is -ln of the sum over h, so that p(v) = exp(-F(v)) / Z.

References: Hinton 2002, Neural Computation 14, 1771 (contrastive divergence); Tieleman 2008, ICML (persistent chains);
Salakhutdinov & Murray 2008, ICML (annealed importance sampling).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Machine",
    "annealed_log_partition",
    "bars_and_stripes",
    "exact_log_partition",
    "sample_visible",
    "train",
]

Floats = NDArray[np.float64]

BATCH = 100
ROWS_AT_ONCE = 4096


@dataclass(frozen=True)
class Machine:
    """`weights` (V, H), and the biases `visible` (V,) and `hidden` (H,)."""

    weights: Floats
    visible: Floats
    hidden: Floats

    def free_energy(self, v: Floats) -> Floats:
        """F (n,) of visible states v (n, V) of 0 and 1."""
        return -v @ self.visible - np.logaddexp(0.0, v @ self.weights + self.hidden).sum(axis=1)

    def curvature(self, v: Floats) -> Floats:
        """Effective couplings (V, V) of the visible units at v (n, V), averaged: -d2F / dv dv without its diagonal."""
        active = _sigmoid(v @ self.weights + self.hidden)
        couplings = (self.weights * (active * (1.0 - active)).mean(axis=0)) @ self.weights.T
        np.fill_diagonal(couplings, 0.0)
        return couplings


def bars_and_stripes(side: int) -> Floats:
    """All patterns (n, side^2) whose rows, or whose columns, are uniform: 2^(side + 1) - 2 of them."""
    bits = (np.arange(2**side)[:, None] >> np.arange(side)) & 1
    rows = np.repeat(bits[:, :, None], side, axis=2).reshape(-1, side**2)
    columns = np.repeat(bits[:, None, :], side, axis=1).reshape(-1, side**2)
    return np.unique(np.concatenate([rows, columns]), axis=0).astype(float)


def train(
    data: Floats, hidden: int, steps: int, gibbs: int, persistent: bool, seed: int, learning_rate: float = 0.1
) -> Machine:
    """A machine that learned visible states (n, V) by (persistent) contrastive divergence.

    Parameters
    ----------
    gibbs : int
        Steps of the chain between gradients.
    persistent : bool
        Whether chains go on where they were, or start at the data each time.
    learning_rate : float
        That of the first step; it falls linearly to zero.
    """
    generator = np.random.default_rng(seed)
    mean = np.clip(data.mean(axis=0), 0.01, 0.99)
    weights = 0.01 * generator.normal(size=(data.shape[1], hidden))
    visible, biases = np.log(mean / (1.0 - mean)), np.zeros(hidden)
    chain = (generator.random((BATCH, data.shape[1])) < mean).astype(float)
    for step in range(steps):
        batch = data[generator.integers(len(data), size=BATCH)]
        if not persistent:
            chain = batch
        for _ in range(gibbs):
            chain = _gibbs(chain, weights, visible, biases, generator)
        positive, negative = (_sigmoid(v @ weights + biases) for v in (batch, chain))
        rate = learning_rate * (1.0 - step / steps) / BATCH
        weights += rate * (batch.T @ positive - chain.T @ negative)
        visible += rate * (batch - chain).sum(axis=0)
        biases += rate * (positive - negative).sum(axis=0)
    return Machine(weights, visible, biases)


def sample_visible(machine: Machine, start: Floats, steps: int, seed: int) -> Floats:
    """Visible states after so many Gibbs steps from `start` (n, V)."""
    generator = np.random.default_rng(seed)
    for _ in range(steps):
        start = _gibbs(start, machine.weights, machine.visible, machine.hidden, generator)
    return start


def exact_log_partition(machine: Machine) -> float:
    """ln Z by summing over all states of the hidden units, of which there may be some twenty."""
    from scipy.special import logsumexp

    hidden = machine.weights.shape[1]
    parts = []
    for start in range(0, 2**hidden, ROWS_AT_ONCE):
        states = np.arange(start, min(start + ROWS_AT_ONCE, 2**hidden))
        h = ((states[:, None] >> np.arange(hidden)) & 1).astype(float)
        fields = h @ machine.weights.T + machine.visible
        parts.append(logsumexp(h @ machine.hidden + np.logaddexp(0.0, fields).sum(axis=1)))
    return float(logsumexp(parts))


def annealed_log_partition(
    machine: Machine, base: Floats, temperatures: int, chains: int, seed: int
) -> tuple[float, float]:
    """ln Z with its standard error, by annealed importance sampling from independent visible units.

    These have the biases `base` (V,), zero or those of the data, and known Z_0; the exponents of both are mixed.
    """
    generator = np.random.default_rng(seed)
    start = np.logaddexp(0.0, base).sum() + len(machine.hidden) * math.log(2.0)
    v = (generator.random((chains, len(base))) < _sigmoid(base)).astype(float)
    log_weight = np.zeros(chains)
    betas = np.linspace(0.0, 1.0, temperatures + 1)
    for before, beta in itertools.pairwise(betas):
        field = v @ machine.weights + machine.hidden
        log_weight += (np.logaddexp(0.0, beta * field) - np.logaddexp(0.0, before * field)).sum(axis=1)
        log_weight += (beta - before) * v @ (machine.visible - base)
        visible = (1.0 - beta) * base + beta * machine.visible
        v = _gibbs(v, beta * machine.weights, visible, beta * machine.hidden, generator)
    largest = log_weight.max()
    weight = np.exp(log_weight - largest)
    error = weight.std(ddof=1) / weight.mean() / math.sqrt(chains)
    return float(start + largest + np.log(weight.mean())), float(error)


def _gibbs(v: Floats, weights: Floats, visible: Floats, hidden: Floats, generator: np.random.Generator) -> Floats:
    """One step of the chain: all hidden units, then all visible ones (n, V)."""
    h = generator.random((len(v), len(hidden))) < _sigmoid(v @ weights + hidden)
    return (generator.random(v.shape) < _sigmoid(h @ weights.T + visible)).astype(float)


def _sigmoid(x: Floats) -> Floats:
    return 0.5 * (1.0 + np.tanh(0.5 * x))
