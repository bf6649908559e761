"""Linear data of what a diffusion model knows a priori: y = A x + noise, and samples of x given y.

Moment-matching posterior sampling takes x given x_t as Gaussian, with the covariance sigma^2 dD/dx_t, and solves for
what y then adds to the denoiser with a few iterations of GMRES: exact for Gaussian x. Diffusion posterior sampling
follows the gradient of |y - A D| instead, with a strength that is no probability's.

References: Rozet et al. 2024, NeurIPS (arXiv 2405.13712); Chung et al. 2023, ICLR (arXiv 2209.14687); Lu et al. 2022
(arXiv 2211.01095).
"""

from __future__ import annotations

from typing import Any

import torch
from azula.denoise import Denoiser
from azula.guidance import MMPSDenoiser
from azula.linalg.covariance import IsotropicCovariance
from azula.sample import DDPMSampler, xEABSampler
from torch import Tensor

__all__ = ["apply", "gaussian_posterior", "sample_by_gradient", "sample_posterior"]


def gaussian_posterior(
    mean: Tensor, covariance: Tensor, operator: Tensor, y: Tensor, noise: float
) -> tuple[Tensor, Tensor]:
    """Mean (n,) and covariance (n, n) of Gaussian x given y (m,) = A x + white noise: the Wiener filter."""
    across = covariance @ operator.T
    data = operator @ across + noise**2 * torch.eye(len(y), dtype=y.dtype)
    gain = torch.linalg.solve(data, across.T).T
    return mean + gain @ (y - operator @ mean), covariance - gain @ across.T


def apply(operator: Tensor, x: Tensor) -> Tensor:
    """A x (n, m) of x (n, d): one operator (m, d), or several (k, m, d), each of which sees n / k of the x."""
    if operator.ndim == 2:
        return x @ operator.T
    return torch.einsum("kmd,ksd->ksm", operator, x.unflatten(0, (len(operator), -1))).flatten(0, 1)


@torch.no_grad()
def sample_posterior(
    denoiser: Denoiser, operator: Tensor, y: Tensor, noise: float, steps: int, iterations: int, seed: int
) -> Tensor:
    """One x (n, d) for each y (n, m), by moment-matching posterior sampling along the probability flow.

    Steps are of second order (Lu et al. 2022, DPM-Solver++): three times as many of first order
    with fresh noise leave samples narrower. They begin around what y lets expect of x: noise around zero
    would leave each sample too near to zero, by its mean over the most noise, in standard deviations.

    Parameters
    ----------
    operator : Tensor
        As for `apply`.
    noise : float
        Standard deviation of the data's white noise.
    iterations : int
        Of GMRES, in each of the `steps`; with fewer than four, samples scatter too much or too little.
    """
    torch.manual_seed(seed)
    informed = MMPSDenoiser(
        denoiser, y, lambda x: apply(operator, x), IsotropicCovariance(noise**2), iterations=iterations
    )
    sampler = xEABSampler(informed, steps=steps, silent=True, dtype=y.dtype)
    first, last = sampler.timesteps[[0, -1]]
    z = sampler.init((len(y), operator.shape[-1]))
    x = sampler(informed(z, first).mean + z)
    return informed(x, last).mean


def sample_by_gradient(denoiser: Denoiser, operator: Tensor, y: Tensor, steps: int, seed: int) -> Tensor:
    """One x (n, d) for each y (n, m), by diffusion posterior sampling with the strength one."""
    torch.manual_seed(seed)
    sampler = _GradientSampler(denoiser, operator, y, steps=steps, silent=True, dtype=y.dtype)
    return sampler(sampler.init((len(y), operator.shape[-1])))


class _GradientSampler(DDPMSampler):
    """Chung et al. 2023, algorithm 1; with the norm that azula takes, of the whole batch, its size would matter."""

    def __init__(self, denoiser: Denoiser, operator: Tensor, y: Tensor, **options: Any) -> None:
        super().__init__(denoiser, **options)
        self.operator, self.y = operator, y

    def step(self, x_t: Tensor, t: Tensor, s: Tensor) -> Tensor:
        with torch.enable_grad():
            x = x_t.detach().requires_grad_()
            misfit = torch.linalg.vector_norm(self.y - apply(self.operator, self.denoiser(x, t).mean), dim=1)
            (gradient,) = torch.autograd.grad(misfit.sum(), x)
        return super().step(x_t, t, s) - gradient
