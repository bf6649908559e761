"""Ensembles of random networks of finite width, drawn layer by layer.

Given the activations of the layer below, a layer's pre-activations are independent from neuron to neuron and Gaussian,
exactly, at every width; so they are drawn from their covariance instead of from weights. The output, Gaussian too, is
not drawn at all: its moments given the last layer are known, which spares most of the scatter (Rao-Blackwell).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from darksieve.physics_ai.wide_networks.kernels import ACTIVATIONS, Prior

__all__ = ["output_kernels"]

Floats = NDArray[np.floating]
NUMBERS_AT_ONCE = 4_000_000
JITTER = 1e-12  # of a covariance's diagonal: points on a line have a singular one


def output_kernels(inputs: Floats, widths: Sequence[int], networks: int, prior: Prior, seed: int) -> Floats:
    """Covariance (networks, P, P) of each network's output at inputs (P, d), given its hidden layers."""
    generator = np.random.default_rng(seed)
    points = len(inputs)
    batch = max(1, NUMBERS_AT_ONCE // (points * max(widths)))
    return np.concatenate(list(_batches(inputs, widths, networks, batch, prior, generator)))


def _batches(
    inputs: Floats, widths: Sequence[int], networks: int, batch: int, prior: Prior, generator: np.random.Generator
) -> Iterator[Floats]:
    first = prior.first_kernel(inputs)
    for start in range(0, networks, batch):
        kernel = np.broadcast_to(first, (min(batch, networks - start), *first.shape))
        for width in widths:
            phi = ACTIVATIONS[prior.activation](_draw(kernel, width, generator))
            kernel = prior.bias + prior.weight / width * phi @ phi.transpose(0, 2, 1)
        yield kernel


def _draw(kernel: Floats, width: int, generator: np.random.Generator) -> Floats:
    """Pre-activations (n, P, width) with covariances (n, P, P)."""
    white = generator.standard_normal((*kernel.shape[:2], width))
    if kernel.shape[1] == 1:
        return np.sqrt(kernel) * white
    diagonal = np.einsum("npp->np", kernel)
    size, axes = np.linalg.eigh(kernel)
    return axes @ (np.sqrt(np.clip(size, JITTER * diagonal.max(axis=1, keepdims=True), None))[..., None] * white)
