"""The memory itself: stored keys in units of their noise, squared distances to them, energies, and masked images.

With keys s_i in units of Gaussian noise, exp(-beta |x - s_i|^2 / 2) are the weights of a modern Hopfield network whose
patterns differ in length: beta = 1 gives the posterior over what is stored.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["PrincipalPrior", "Whitening", "energies", "hide", "masks", "recall", "squares", "told_apart"]

Floats = NDArray[np.floating]
Mask = NDArray[np.bool_]

RIDGE = 1e-3  # of the mean variance of the noise, so that no direction counts without bound


def squares(queries: Floats, keys: Floats) -> Floats:
    """Squared distances (n, N) of queries (n, F) from keys (N, F)."""
    found = (queries**2).sum(axis=1)[:, None] - 2.0 * queries @ keys.T + (keys**2).sum(axis=1)
    return np.maximum(found, 0.0)


def recall(distances: Floats, patterns: Floats, beta: float) -> Floats:
    """One step of the network (n, D): patterns (N, D) weighted by squared distances (n, N), at a beta."""
    from scipy.special import softmax

    return softmax(-0.5 * beta * distances, axis=1).astype(patterns.dtype) @ patterns


def energies(distances: Floats, beta: float) -> Floats:
    """Energy (n,): -lse of -|x - s_i|^2 / 2, the modern Hopfield energy up to a constant."""
    from scipy.special import logsumexp

    return -logsumexp(-0.5 * beta * distances, axis=1) / beta


def told_apart(keys: Floats, rows: NDArray[np.int64], risk: float) -> Mask:
    """For some keys (N, D) in units of the noise: whether the best of all tests takes them for another with less risk.

    The risk is bounded by the sum over all others of Q(d / 2), d the distance between the two.
    """
    from scipy.stats import norm

    distance = np.sqrt(squares(keys[rows], keys).astype(np.float64))
    distance[np.arange(len(rows)), rows] = np.inf
    return norm.sf(0.5 * distance).sum(axis=1) < risk


def masks(kind: str, hidden: float, shape: tuple[int, ...], number: int, generator: np.random.Generator) -> Mask:
    """Masks (number, H, W), true where a pixel is seen: `pixels` hides a share at random, `part` one side of a line."""
    if kind == "pixels":
        values = generator.random((number, *shape))
    else:
        angle = generator.uniform(0, 2 * np.pi, (number, 1, 1))
        y, x = np.indices(shape) - (np.array(shape)[:, None, None] - 1) / 2
        values = np.cos(angle) * x + np.sin(angle) * y + 1e-6 * generator.random((number, *shape))
    edge = np.quantile(values, hidden, axis=(1, 2), keepdims=True)
    return values >= edge


def hide(images: Floats, mask: Mask, fill: Floats) -> Floats:
    """Images (n, H, W) whose hidden pixels hold those of `fill` (H, W)."""
    return np.where(mask, images, fill).astype(images.dtype)


@dataclass(frozen=True)
class Whitening:
    """Keys in units of the noise that they have: `shift` (F,) is its mean, `axes` (F, F) scale it to one."""

    shift: Floats
    axes: Floats

    @classmethod
    def find(cls, noise: Floats) -> Whitening:
        """From what noise added to keys (n, F)."""
        covariance = np.cov(noise.T)
        covariance += RIDGE * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
        size, directions = np.linalg.eigh(covariance)
        return cls(noise.mean(axis=0), directions / np.sqrt(size))

    def __call__(self, keys: Floats) -> Floats:
        """Keys (n, F) in these units."""
        return keys @ self.axes


@dataclass(frozen=True)
class PrincipalPrior:
    """A Gaussian prior of noise-free images in units of the noise: the baseline that a memory has to beat."""

    mean: Floats  # (D,)
    components: Floats  # (k, D), orthonormal
    variance: Floats  # (k,)

    @classmethod
    def find(cls, images: Floats, number: int) -> PrincipalPrior:
        """The leading principal components of images (n, D)."""
        from sklearn.decomposition import PCA

        number = min(number, *images.shape)
        found = PCA(number, svd_solver="randomized", random_state=0).fit(images)
        return cls(found.mean_, found.components_, found.explained_variance_)

    def denoise(self, images: Floats, mask: Mask) -> Floats:
        """Posterior means (n, D) of images (n, D) with unit noise, of which a mask (D,) says what is seen."""
        seen = self.components[:, mask]
        precision = np.diag(1.0 / self.variance) + seen @ seen.T
        coefficients = np.linalg.solve(precision, seen @ (images - self.mean)[:, mask].T)
        return self.mean + coefficients.T @ self.components
