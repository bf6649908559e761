"""The coordinates in which networks see parameters, and the density of the truncated prior in them."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from darksieve.problem.box import Box
from darksieve.problem.prior import LogUniform, Normal, Prior

__all__ = ["Coordinates", "log_normal_mass"]

FAR = 30.0  # standard deviations: where the edge of a prior without one is put
TAIL = 30.0  # standard deviations, beyond which the asymptotic series is exact to 2e-8
LOG_ROOT_TWO_PI = 0.5 * math.log(2 * math.pi)


def log_normal_mass(low: Tensor, high: Tensor) -> Tensor:
    """Logarithm of the probability of a standard normal between low and high (...), precise in both tails."""
    right = low + high > 0  # then mirrored: the left tail is where the logarithm of the probability is precise
    low, high = torch.where(right, -high, low), torch.where(right, -low, high)
    above, below = _log_ndtr(high), _log_ndtr(low)
    return above + torch.log(-torch.expm1((below - above).clamp(max=-torch.finfo(low.dtype).eps)))


def _log_ndtr(x: Tensor) -> Tensor:
    """Logarithm of the standard normal distribution function; far out by its asymptotic series.

    The gradient of torch's own (2.13) is not finite for some single-precision x below -1e4: it takes the difference of
    two large numbers to a power.

    References: Abramowitz & Stegun 1964, equation 26.2.12.
    """
    tail = x.clamp(max=-TAIL)
    series = torch.log1p(-1 / tail**2 + 3 / tail**4)
    far = -0.5 * tail**2 - torch.log(-tail) - LOG_ROOT_TWO_PI + series
    return torch.where(x < -TAIL, far, torch.special.log_ndtr(x.clamp(-TAIL, TAIL)))


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
