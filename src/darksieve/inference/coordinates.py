"""The coordinates in which networks see parameters, and the density of the truncated prior in them."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from darksieve.problem.box import Box
from darksieve.problem.prior import LogUniform, Normal, Prior

__all__ = ["Coordinates", "log_normal_mass"]

FAR = 30.0  # standard deviations: where the edge of a prior without one is put
TAIL = 30.0  # standard deviations, beyond which the asymptotic series is exact to 2e-8
LOG_ROOT_TWO_PI = 0.5 * math.log(2 * math.pi)


def log_normal_mass(low: Tensor, high: Tensor) -> Tensor:
    """Logarithm of the probability of a standard normal between low and high (...), precise in both tails."""
    return _LogNormalMass.apply(low, high)


class _LogNormalMass(torch.autograd.Function):
    """Its gradient is written out: torch's own for log_ndtr (2.13) is slow, and not finite far out."""

    @staticmethod
    def forward(ctx: Any, low: Tensor, high: Tensor) -> Tensor:
        below, above = low.double(), high.double()
        right = below + above > 0  # then mirrored: in the left tail small probabilities keep their precision
        below, above = torch.where(right, -above, below), torch.where(right, -below, above)
        root_half = math.sqrt(0.5)
        log_mass = torch.log(0.5 * (torch.erfc(-root_half * above) - torch.erfc(-root_half * below)))
        far = above < -TAIL
        if far.any():
            end, start = _log_tail(above[far]), _log_tail(below[far])
            log_mass[far] = end + torch.log(-torch.expm1((start - end).clamp(max=-torch.finfo(end.dtype).eps)))
        ctx.save_for_backward(low, high, log_mass)
        return log_mass.to(low.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        low, high, log_mass = ctx.saved_tensors
        at_low, at_high = (torch.exp(-0.5 * edge.double() ** 2 - LOG_ROOT_TWO_PI - log_mass) for edge in (low, high))
        return (-gradient * at_low).to(low.dtype), (gradient * at_high).to(low.dtype)


def _log_tail(x: Tensor) -> Tensor:
    """Logarithm of the standard normal distribution function far on the left.

    References: Abramowitz & Stegun 1964, equation 26.2.12.
    """
    return -0.5 * x**2 - torch.log(-x) - LOG_ROOT_TWO_PI + torch.log1p(-1 / x**2 + 3 / x**4)


class Coordinates(nn.Module):
    """Parameters z (..., P) in physical units as t (..., P): of mean 0 and standard deviation 1 over the box.

    A parameter with a log-uniform prior is seen by its logarithm, so that every prior is uniform or normal in t.
    """

    logarithmic: Tensor
    normal: Tensor
    mean: Tensor
    scale: Tensor
    prior_mean: Tensor
    prior_scale: Tensor
    edges: Tensor

    def __init__(self, prior: Prior) -> None:
        super().__init__()
        number = len(prior)
        normals = [p.prior if isinstance(p.prior, Normal) else Normal(0.0, 1.0) for p in prior]
        self.prior = prior
        self.register_buffer("logarithmic", torch.tensor([isinstance(p.prior, LogUniform) for p in prior]))
        self.register_buffer("normal", torch.tensor([isinstance(p.prior, Normal) for p in prior]))
        self.register_buffer("prior_mean", torch.tensor([p.mean for p in normals], dtype=torch.float64))
        self.register_buffer("prior_scale", torch.tensor([p.standard_deviation for p in normals], dtype=torch.float64))
        self.register_buffer("mean", torch.zeros(number, dtype=torch.float64))
        self.register_buffer("scale", torch.ones(number, dtype=torch.float64))
        self.register_buffer("edges", torch.tensor([[-1.0], [1.0]], dtype=torch.float64).repeat(1, number))

    def fit(self, z: Tensor, box: Box) -> None:
        """Take mean and standard deviation from simulations z (n, P) of a box, and its edges."""
        natural = self._natural(z.double())
        self.mean, self.scale = natural.mean(dim=0), natural.std(dim=0)
        corners = torch.from_numpy(self.prior.from_unit([box.lower, box.upper])).to(z.device)
        self.edges = self(corners).clamp(-FAR, FAR)

    def forward(self, z: Tensor) -> Tensor:
        """Coordinates t of parameters z, in the dtype of z."""
        return ((self._natural(z.double()) - self.mean) / self.scale).to(z.dtype)

    def inverse(self, t: Tensor) -> Tensor:
        """Parameters z of coordinates t."""
        natural = self.mean + self.scale * t
        return torch.where(self.logarithmic, natural.exp(), natural)

    def log_prior(self, t: Tensor) -> Tensor:
        """Logarithm of the density in t of each parameter's truncated prior, (..., P), for t inside the box."""
        low, high = self.edges
        mean, scale = (self.prior_mean - self.mean) / self.scale, self.prior_scale / self.scale
        mass = log_normal_mass((low - mean) / scale, (high - mean) / scale)
        normal = -0.5 * ((t - mean) / scale) ** 2 - LOG_ROOT_TWO_PI - torch.log(scale) - mass
        return torch.where(self.normal, normal, -torch.log(high - low)).to(t.dtype)

    def _natural(self, z: Tensor) -> Tensor:
        return torch.where(self.logarithmic, z.clamp_min(torch.finfo(z.dtype).tiny).log(), z)
