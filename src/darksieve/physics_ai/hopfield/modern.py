"""Memories with steeper energies: polynomial (dense associative memory) and exponential (modern Hopfield network).

A modern network stores patterns x_i (N, d) in the energy E(xi) = -lse(beta, X xi) + xi xi / 2 + const, where lse is the
logarithm of a sum of exponentials over beta; one step of its dynamics, X^T softmax(beta X xi), is attention.

References: Krotov & Hopfield 2016, NeurIPS (arXiv 1606.01164); Ramsauer et al. 2021, ICLR (arXiv 2008.02217).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "capacity_base",
    "dense_bit_error",
    "dense_bit_error_theory",
    "gaussian_weights",
    "modern_energy",
    "modern_step",
    "sphere_patterns",
]

Floats = NDArray[np.floating]


def modern_energy(patterns: Floats, states: Floats, beta: float) -> Floats:
    """E (n,) of states (n, d), with the constants that make it not negative (Ramsauer et al., eq. 2)."""
    from scipy.special import logsumexp

    number, largest = len(patterns), (patterns**2).sum(axis=1).max()
    free = logsumexp(beta * states @ patterns.T, axis=1) / beta
    return -free + 0.5 * (states**2).sum(axis=1) + math.log(number) / beta + 0.5 * largest


def modern_step(patterns: Floats, states: Floats, beta: float) -> Floats:
    """One step of the dynamics (Ramsauer et al., eq. 3) from states (n, d)."""
    from scipy.special import softmax

    return softmax(beta * states @ patterns.T, axis=1) @ patterns


def gaussian_weights(squares: Floats) -> Floats:
    """Weight (n, N) of each stored pattern in the mean of what a state was before unit Gaussian noise came upon it.

    `squares` (n, N) are squared distances in units of the noise. For patterns of one length this is the softmax of
    `modern_step` with beta = 1 in these units: the optimal denoiser of the stored set is one step of the network.
    """
    from scipy.special import softmax

    return softmax(-0.5 * squares, axis=1)


def sphere_patterns(number: int, dimension: int, radius: float, generator: np.random.Generator) -> Floats:
    """Patterns (N, d), uniform on a sphere."""
    points = generator.standard_normal((number, dimension), dtype=np.float32)
    return points * (radius / np.linalg.norm(points, axis=1, keepdims=True))


def capacity_base(beta: float, factor: float, dimension: int, failure: float) -> float:
    """c of the lower bound sqrt(p) c^((d-1)/4) on the patterns that are stored with failure probability p.

    They are random on a sphere of radius `factor` sqrt(d - 1) (Ramsauer et al., theorem 3).
    """
    from scipy.special import lambertw

    a = 2.0 / (dimension - 1) * (1.0 + math.log(2.0 * beta * factor**2 * failure * (dimension - 1)))
    b = 2.0 * factor**2 * beta / 5.0
    return b / float(np.real(lambertw(math.exp(a + math.log(b)))))


def dense_bit_error(patterns: Floats, power: int, rows: int) -> float:
    """Fraction of bits that flip at the first of `rows` patterns (K, N) of +-1 in a dense memory of F(x) = x^power."""
    neurons = patterns.shape[1]
    others = np.arange(-neurons, neurons + 1.0)  # overlap without the bit
    gains = (others + 1) ** power - (others - 1) ** power
    wrong = 0
    for row in range(rows):
        aligned = (patterns * patterns[row]).astype(np.int64)  # (K, N): of pattern and state, bit by bit
        without = aligned.sum(axis=1, keepdims=True) - aligned
        wrong += int(((aligned * gains[without + neurons]).sum(axis=0) < 0).sum())
    return wrong / (rows * neurons)


def dense_bit_error_theory(neurons: int, patterns: int, power: int) -> float:
    """The same for random patterns and many neurons (Krotov & Hopfield 2016): crosstalk is Gaussian.

    Its variance relative to the signal is K (2n - 3)!! / N^(n-1).
    """
    from scipy.special import factorial2
    from scipy.stats import norm

    return float(norm.sf(math.sqrt(neurons ** (power - 1) / (patterns * factorial2(2 * power - 3)))))
