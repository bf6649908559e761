"""What no simulation holds, planted in images: cosmic rays, companions, gradients of the sky."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from darksieve.diagnostics.misspecification import BANDWIDTHS

__all__ = ["ARTEFACTS", "discrepancy", "plant"]

Floats = NDArray[np.floating]

ARTEFACTS = ("cosmic ray", "companion", "gradient")
STREAK = 6  # pixels of a cosmic ray
WIDTH = 1.5  # standard deviation of a companion, pixels


def plant(kind: str, images: Floats, noise: Floats, signal_to_noise: float, generator: np.random.Generator) -> Floats:
    """Images (n, H, W) with one artefact each, whose total signal to noise is given; `noise` (H, W) is a pixel's.

    It is that of the matched filter: the root of the sum over pixels of (artefact / noise)^2.
    """
    shape = images.shape[1:]
    shapes = np.stack([_shape(kind, shape, generator) for _ in images])
    total = np.sqrt(((shapes / noise) ** 2).sum(axis=(1, 2), keepdims=True))
    return (images + signal_to_noise * shapes / total).astype(images.dtype)


def discrepancy(points: Floats, reference: Floats) -> Floats:
    """Squared maximum mean discrepancy (n,) of each point (n, k) from a reference (m, k), up to a constant.

    The kernels are those of `darksieve.diagnostics.misspecification`.
    """
    from scipy.spatial.distance import cdist, pdist

    median = np.median(pdist(reference, "sqeuclidean"))
    to_reference = cdist(points, reference, "sqeuclidean")
    kernels = (np.exp(-0.5 * to_reference / (factor**2 * median)).mean(axis=1) for factor in BANDWIDTHS)
    return -2.0 * sum(kernels) / len(BANDWIDTHS)


def _shape(kind: str, shape: tuple[int, ...], generator: np.random.Generator) -> Floats:
    height, width = shape
    y, x = np.indices(shape)
    if kind == "gradient":
        angle = generator.uniform(0, 2 * np.pi)
        return np.cos(angle) * (x / width - 0.5) + np.sin(angle) * (y / height - 0.5)
    row, column = generator.uniform(0.1 * height, 0.9 * height), generator.uniform(0.1 * width, 0.9 * width)
    if kind == "companion":
        return np.exp(-0.5 * ((y - row) ** 2 + (x - column) ** 2) / WIDTH**2)
    angle = generator.uniform(0, np.pi)
    steps = np.arange(STREAK) - (STREAK - 1) / 2
    streak = np.zeros(shape)
    rows = np.clip(np.round(row + steps * np.sin(angle)), 0, height - 1).astype(int)
    columns = np.clip(np.round(column + steps * np.cos(angle)), 0, width - 1).astype(int)
    streak[rows, columns] = 1.0
    return streak
