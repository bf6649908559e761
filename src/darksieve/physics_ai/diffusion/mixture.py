"""Mixtures of Gaussians: all that diffusion learns of them is known."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from azula.denoise import Denoiser, DiracPosterior
from azula.noise import VESchedule
from torch import Tensor

from darksieve.physics_ai.diffusion.process import Noise

__all__ = ["Mixture", "MixtureDenoiser", "ring"]

NODES = 32  # of the quadrature over the width of Student's t distribution


@dataclass(frozen=True)
class Mixture:
    """Spherical Gaussians of one standard `deviation`, with means (K, d) and `weight` (K,)."""

    weight: Tensor
    mean: Tensor
    deviation: float

    @property
    def centre(self) -> Tensor:
        """Mean (d,)."""
        return self.weight @ self.mean

    @property
    def variance(self) -> float:
        """Variance of an element, mean of all."""
        return self.deviation**2 + float((self.weight[:, None] * (self.mean - self.centre) ** 2).sum(dim=0).mean())

    def draw(self, number: int, generator: torch.Generator) -> Tensor:
        """So many x (n, d)."""
        mode = torch.multinomial(self.weight, number, replacement=True, generator=generator)
        z = torch.randn(number, self.mean.shape[1], generator=generator, dtype=self.mean.dtype)
        return self.mean[mode] + self.deviation * z

    def log_joint(self, x: Tensor, sigma: Tensor) -> Tensor:
        """ln of weight times density (n, S, K) of each Gaussian at x (n, d), with noise of the scales `sigma` (S,)."""
        variance = (self.deviation**2 + sigma**2)[:, None]
        square = (x[:, None] - self.mean).square().sum(dim=2)  # (n, K)
        constant = torch.log(self.weight) - 0.5 * x.shape[1] * torch.log(2.0 * math.pi * variance)
        return constant - 0.5 * square[:, None] / variance

    def nearest(self, x: Tensor) -> Tensor:
        """Fraction (K,) of x (n, d) that is nearest to each mean."""
        return torch.bincount(torch.cdist(x, self.mean).argmin(dim=1), minlength=len(self.mean)) / len(x)


class MixtureDenoiser(Denoiser):
    """The exact E[x | x_t] of a mixture.

    Student's t distribution is one of Gaussians whose inverse variance has a gamma distribution: it is a Gauss-Laguerre
    sum of them.
    """

    def __init__(self, mixture: Mixture, schedule: VESchedule, noise: Noise | None = None) -> None:
        super().__init__()
        self.mixture, self.schedule = mixture, schedule
        extra = None if noise is None else noise.extra_dimensions
        if extra is None:
            self.widths, self.log_shares = torch.ones(1), torch.zeros(1)
        else:
            from scipy.special import roots_genlaguerre

            node, share = roots_genlaguerre(NODES, 0.5 * extra - 1.0)
            self.widths = torch.from_numpy(np.sqrt(0.5 * extra / node))
            self.log_shares = torch.from_numpy(np.log(share / share.sum()))

    def forward(self, x_t: Tensor, t: Tensor) -> DiracPosterior:
        """Of x_t (n, d) at one time."""
        sigma, parts = self.schedule(t)[1], self._parts(x_t, t)
        share = torch.softmax(parts.flatten(1), dim=1).reshape(parts.shape)
        variance = self.mixture.deviation**2
        gain = variance / (variance + (sigma * self.widths.to(x_t)) ** 2)
        return DiracPosterior(
            x_t * (share.sum(dim=2) @ gain)[:, None] + torch.einsum("nsk,s->nk", share, 1.0 - gain) @ self.mixture.mean
        )

    def log_density(self, x_t: Tensor, t: Tensor) -> Tensor:
        """ln p_t (n,) of x_t (n, d)."""
        return torch.logsumexp(self._parts(x_t, t).flatten(1), dim=1)

    def _parts(self, x_t: Tensor, t: Tensor) -> Tensor:
        """ln of the parts (n, S, K) of which p_t is the sum, one a width of the noise and Gaussian."""
        sigma = self.schedule(t)[1] * self.widths.to(x_t)
        return self.log_shares.to(x_t)[:, None] + self.mixture.log_joint(x_t, sigma)


def ring(weight: list[float], deviation: float) -> Mixture:
    """Gaussians on a circle in the plane, whose radius gives every coordinate of their means a variance near one."""
    angle = torch.arange(len(weight), dtype=torch.float64) * (2.0 * math.pi / len(weight))
    mean = math.sqrt(2.0) * torch.stack([angle.cos(), angle.sin()], dim=1)
    share = torch.tensor(weight, dtype=torch.float64)
    return Mixture(share / share.sum(), mean, deviation)
