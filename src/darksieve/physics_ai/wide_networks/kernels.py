"""What is exact of a network with random weights: its kernel at infinite width, its interactions at any width.

A layer is h = W phi + b with W ~ N(0, sw^2 / n) for n inputs and b ~ N(0, sb^2). As all n grow without bound, the
output is a Gaussian process with kernel K. At finite widths of the hidden layers it is not: a neuron to which four legs
are joined connects them, and the sum over the neurons of a layer leaves 1 / n.

References: Neal 1996, Bayesian Learning for Neural Networks, section 2.1; Cho & Saul 2009, NeurIPS 22, eq. 6 (ReLU);
Williams 1998, Neural Computation 10, 1203, eq. 11 (erf); Lee et al. 2018, ICLR (arXiv 1711.00165), eq. 5;
Yaida 2020, MSML (arXiv 1910.00019), section 2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

__all__ = [
    "ACTIVATIONS",
    "Prior",
    "connect",
    "excess_kurtosis",
    "infinite_kernel",
    "pair_products",
    "vertex",
]

Floats = NDArray[np.floating]
NODES = 200  # of the quadrature, in each of two dimensions


@dataclass(frozen=True)
class Prior:
    """Weights of a network: its `activation`, and the variances sw^2 and sb^2 of weights (times inputs) and biases."""

    activation: str
    weight: float = 1.0
    bias: float = 0.0

    def first_kernel(self, inputs: Floats) -> Floats:
        """Covariance (P, P) of the first layer's pre-activations at inputs (P, d)."""
        return self.bias + self.weight * inputs @ inputs.T / inputs.shape[1]

    def next_kernel(self, kernel: Floats) -> Floats:
        """Covariance (P, P) of the next layer's pre-activations, for infinitely many neurons with covariance (P, P)."""
        return self.bias + self.weight * pair_products(self.activation, kernel)


ACTIVATIONS: Mapping[str, Callable[[Floats], Floats]] = {
    "relu": lambda h: np.maximum(h, 0.0),
    "erf": erf,
    "linear": lambda h: h,
}


def pair_products(activation: str, kernel: Floats) -> Floats:
    """<phi(h) phi(h')> (P, P) for Gaussian h of covariance (P, P), in closed form."""
    variance = np.diag(kernel)
    if activation == "relu":
        norm = np.sqrt(np.outer(variance, variance))
        angle = np.arccos(np.clip(kernel / norm, -1.0, 1.0))
        return norm / (2.0 * math.pi) * (np.sin(angle) + (math.pi - angle) * np.cos(angle))
    if activation == "erf":
        return 2.0 / math.pi * np.arcsin(2.0 * kernel / np.sqrt(np.outer(1.0 + 2.0 * variance, 1.0 + 2.0 * variance)))
    return kernel


def infinite_kernel(inputs: Floats, depth: int, prior: Prior) -> Floats:
    """Covariance (P, P) of the output at inputs (P, d) of a network with `depth` infinitely wide hidden layers."""
    kernel = prior.first_kernel(inputs)
    for _ in range(depth):
        kernel = prior.next_kernel(kernel)
    return kernel


def vertex(inputs: Floats, prior: Prior) -> Floats:
    """Width times the connected four-point function (P, P, P, P) at inputs (P, 2), for one hidden layer without biases.

    It is exact at every width: sw^4 sum over pairings of <phi phi phi phi> - <phi phi> <phi phi>, the one diagram in
    which two pairs of legs meet at one neuron. Averages over that neuron's two weights are by Gauss-Hermite quadrature.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    weights /= weights.sum()
    points = np.stack(np.meshgrid(nodes, nodes), axis=-1).reshape(-1, 2)
    h = points @ inputs.T * math.sqrt(prior.weight / 2.0)
    phi = ACTIVATIONS[prior.activation](h)
    pairs = phi[:, :, None] * phi[:, None, :]
    return connect(prior.weight * pairs, np.outer(weights, weights).ravel())


def connect(kernels: Floats, weights: Floats) -> Floats:
    """Connected four-point function (P, P, P, P) of outputs that are Gaussian given their kernel.

    That is Cov(K_12, K_34) + Cov(K_13, K_24) + Cov(K_14, K_23), over kernels (n, P, P) of weights (n,) that sum to one.
    """
    deviation = kernels - np.einsum("n,nab->ab", weights, kernels)
    covariance = np.einsum("n,nab,ncd->abcd", weights, deviation, deviation, optimize=True)
    return covariance + covariance.transpose(0, 2, 1, 3) + covariance.transpose(0, 2, 3, 1)


def excess_kurtosis(activation: str, widths: Sequence[int]) -> float:
    """<f^4> / <f^2>^2 - 3 at one input for hidden layers of these widths, exact for `relu` and `linear`, no biases.

    Layers multiply, for these activations only scale: 3 prod_l (1 + v / n_l) - 3, where v = <phi^4> / <phi^2>^2 - 1 of
    a neuron is 5 for `relu` and 2 for `linear`.
    """
    return 3.0 * math.prod(1.0 + {"relu": 5.0, "linear": 2.0}[activation] / width for width in widths) - 3.0
