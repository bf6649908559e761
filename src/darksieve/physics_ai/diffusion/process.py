"""Noise that is added to data and taken away again, by diffusion and by Poisson flow.

x_t = x + sigma z with sigma(t) growing exponentially from t = 0 to 1 (azula's `VESchedule`). What a model knows is its
denoiser D(x_t, sigma) = E[x | x_t]. For Gaussian z the score is (D - x_t) / sigma^2 (Tweedie's formula), and states
that move by the probability flow dx / d ln sigma = x - D have at each sigma the distribution of x_t. The same flow is
that of PFGM++, electric field lines of data that are charges in D further dimensions; there z has Student's t
distribution with D degrees of freedom, and is Gaussian for infinite D.

References: Song et al. 2021, ICLR (arXiv 2011.13456), eq. 13; Karras et al. 2022, NeurIPS (arXiv 2206.00364), eq. 1
and 3; Xu et al. 2023, ICML (arXiv 2302.04265); Stam 1959, Inf. Control 2, 101 (de Bruijn's identity).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from azula.denoise import Denoiser
from azula.noise import VESchedule
from torch import Tensor

__all__ = ["Noise", "draw_start", "entropy_production", "log_likelihood"]


@dataclass(frozen=True)
class Noise:
    """The distribution of z: Gaussian, or Student's t where there is a number of `extra_dimensions`."""

    extra_dimensions: int | None = None

    def draw(self, number: int, size: int, generator: torch.Generator) -> Tensor:
        """So many z (n, d)."""
        z = torch.randn(number, size, generator=generator)
        if self.extra_dimensions is None:
            return z
        square = torch.randn(number, self.extra_dimensions, generator=generator).square().mean(dim=1, keepdim=True)
        return z / square.sqrt()

    def log_density(self, z: Tensor) -> Tensor:
        """ln p (n,) of z (n, d)."""
        size, square = z.shape[1], z.square().sum(dim=1)
        if self.extra_dimensions is None:
            return -0.5 * square - 0.5 * size * math.log(2.0 * math.pi)
        extra = self.extra_dimensions
        constant = math.lgamma(0.5 * (extra + size)) - math.lgamma(0.5 * extra) - 0.5 * size * math.log(extra * math.pi)
        return constant - 0.5 * (extra + size) * torch.log1p(square / extra)


def draw_start(
    noise: Noise, schedule: VESchedule, mean: Tensor, variance: float, number: int, generator: torch.Generator
) -> Tensor:
    """States (n, d) at t = 1, where data with this mean (d,) and variance of an element matter little."""
    scale = math.sqrt(schedule.sigma_max**2 + variance)
    return mean + scale * noise.draw(number, len(mean), generator).to(mean)


def log_likelihood(
    denoiser: Denoiser, x: Tensor, noise: Noise, mean: Tensor, variance: float, steps: int
) -> tuple[Tensor, Tensor]:
    """ln p (n,) of x (n, d) at t = 0 by the probability flow, and the states (n, d) to which it carries x at t = 1.

    The flow is integrated by the Runge-Kutta method of fourth order, its divergence with d derivatives. At t = 1 the
    density is that of the noise, widened by the data's `variance` of an element around their `mean` (d,).
    """
    schedule = denoiser.schedule
    step = math.log(schedule.sigma_max / schedule.sigma_min) / steps
    total, last = torch.zeros(len(x), dtype=x.dtype), torch.linspace(0.0, 1.0, 2 * steps + 1, dtype=x.dtype)
    for number in range(steps):
        start, middle, end = last[2 * number : 2 * number + 3]
        first, a = _velocity(denoiser, x, start)
        second, b = _velocity(denoiser, x + 0.5 * step * first, middle)
        third, c = _velocity(denoiser, x + 0.5 * step * second, middle)
        fourth, d = _velocity(denoiser, x + step * third, end)
        x = x + step / 6.0 * (first + 2.0 * second + 2.0 * third + fourth)
        total = total + step / 6.0 * (a + 2.0 * b + 2.0 * c + d)
    scale = math.sqrt(schedule.sigma_max**2 + variance)
    return noise.log_density((x - mean) / scale) - x.shape[1] * math.log(scale) + total, x


def _velocity(denoiser: Denoiser, x: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
    """dx / d ln sigma (n, d) and its divergence (n,)."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        mean = denoiser(x, time).mean
        slopes = [
            torch.autograd.grad(mean[:, axis].sum(), x, retain_graph=True)[0][:, axis] for axis in range(x.shape[1])
        ]
    return (x - mean).detach(), x.shape[1] - torch.stack(slopes).sum(dim=0)


@torch.no_grad()
def entropy_production(
    denoiser: Denoiser, draw: Callable[[torch.Generator], Tensor], times: Tensor, seed: int
) -> Tensor:
    """Entropy (T,) [nat] that Gaussian noise produces a unit of ln sigma, sigma^2 E|score|^2, at times (T,).

    By de Bruijn's identity it is the rate at which the entropy of x_t grows; free diffusion gives off no heat. It is
    found as d - E|x - D|^2 / sigma^2 (Guo, Shamai & Verdu 2005, IEEE Trans. Inf. Theory 51, 1261, eq. 1), which falls
    short by what the denoiser does worse than the best.
    """
    generator = torch.Generator().manual_seed(seed)
    rates = []
    for time in times:
        x, sigma = draw(generator), denoiser.schedule(time)[1]
        z = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        error = (denoiser(x + sigma * z, time).mean - x) / sigma
        rates.append(x.shape[1] * (1.0 - error.square().mean() / z.square().mean()))  # both scatter alike
    return torch.stack(rates)
