"""Data whose theory is known or wanted: a teacher network, a quartic action, handwritten digits."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from darksieve.physics_ai.interacting_theory.network import InvertibleNetwork

__all__ = ["QuarticAction", "digits", "make_teacher"]

GRAIN = 1.0  # standard deviation of the noise on digits, whose pixels hold 0 to 16


def make_teacher(size: int, layers: int, rank: int, strength: float, seed: int) -> InvertibleNetwork:
    """A network with random weights: rotations that also stretch, and quadratic parts of a given strength."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    teacher = InvertibleNetwork(size, layers, rank)
    with torch.no_grad():
        for layer in teacher.layers:
            stretch = 0.7 + 0.6 * torch.rand(size, generator=generator, dtype=torch.float64)
            layer.weight.copy_(torch.linalg.qr(draw(size, size))[0] * stretch)  # type: ignore[operator]
            layer.into.copy_(draw(rank, size // 2) / math.sqrt(size // 2))  # type: ignore[operator]
            layer.out.copy_(strength * draw(size - size // 2, rank))  # type: ignore[operator]
    return teacher


class QuarticAction:
    """S = |x|^2 / 2 + A_ijk x_i x_j x_k / 6 + g sum_i x_i^4 / 24 of d components, with random symmetric A."""

    def __init__(self, size: int, cubic: float, quartic: float, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        draw = cubic * torch.randn(size, size, size, generator=generator, dtype=torch.float64)
        orders = ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
        self.cubic = sum((draw.permute(order) for order in orders), torch.zeros(())) / 6.0
        self.quartic = quartic

    def __call__(self, x: Tensor) -> Tensor:
        """S (n,) of x (n, d)."""
        third = torch.einsum("ijk,ni,nj,nk->n", self.cubic, x, x, x)
        return 0.5 * (x**2).sum(dim=1) + third / 6.0 + self.quartic * (x**4).sum(dim=1) / 24.0

    def gradient(self, x: Tensor) -> Tensor:
        """Its derivative (n, d)."""
        return x + 0.5 * torch.einsum("ijk,nj,nk->ni", self.cubic, x, x) + self.quartic * x**3 / 6.0


def digits(side: int, copies: int, seed: int) -> tuple[Tensor, Tensor]:
    """Handwritten digits as vectors (n, side^2): `copies` of most of them to learn from, and the rest once.

    scikit-learn's 8 x 8 images, enlarged by linear interpolation, each with noise of its own on every pixel.
    """
    from scipy.ndimage import zoom
    from sklearn.datasets import load_digits

    images = load_digits().images
    generator = np.random.default_rng(seed)
    images = generator.permutation(images)
    enlarged = zoom(images, (1.0, side / 8, side / 8), order=1).reshape(len(images), -1)
    known, new = enlarged[: len(images) * 5 // 6], enlarged[len(images) * 5 // 6 :]
    return _grained(np.tile(known, (copies, 1)), generator), _grained(new, generator)


def _grained(images: NDArray[np.float64], generator: np.random.Generator) -> Tensor:
    return torch.from_numpy(images + GRAIN * generator.normal(size=images.shape))
