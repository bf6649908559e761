"""Other reconstructions of a lensed source: one Sersic profile, and smooth pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from darksieve.simulators.lens.light import sersic_brightness, sersic_coefficients
from darksieve.simulators.lens.pixel_source import PixelGrid

__all__ = ["fit_sersic", "invert_smoothly"]

Floats = NDArray[np.float64]

STRENGTHS = np.geomspace(1e-2, 1e4, 13)  # of the regularisation, in units of the data's mean precision
BOUNDS = ((-0.7, -0.7, math.log(0.03), math.log(0.5), -0.6, -0.6, -8.0), (0.7, 0.7, 0.0, math.log(5.0), 0.6, 0.6, 4.0))
STEP = 1e-4  # of numerical derivatives
SUPERSAMPLING = 2


def invert_smoothly(operator: Tensor, y: Tensor, noise: float) -> tuple[Tensor, float]:
    """The most probable source (n,) under a Gaussian prior of its gradients, and the strength of this prior.

    The strength is the one of greatest evidence; outside of the grid the source is dark.

    Parameters
    ----------
    operator : Tensor
        (m, n), n pixels of a square grid, in float64.
    y : Tensor
        Data (m,) with white noise of standard deviation `noise`.

    References: Suyu et al. 2006, MNRAS 371, 983, with their gradient form of the regularisation.
    """
    side = math.isqrt(operator.shape[1])
    steps = torch.diag(torch.full((side,), 2.0, dtype=operator.dtype))
    steps -= torch.diag(torch.ones(side - 1, dtype=operator.dtype), 1)
    steps -= torch.diag(torch.ones(side - 1, dtype=operator.dtype), -1)
    one = torch.eye(side, dtype=operator.dtype)
    prior = torch.kron(steps, one) + torch.kron(one, steps)
    precision, projected = operator.T @ operator / noise**2, operator.T @ y / noise**2
    unit = float(precision.diagonal().mean())
    best, source, chosen = -math.inf, torch.zeros_like(projected), 0.0
    for strength in STRENGTHS * unit:
        factor = torch.linalg.cholesky(precision + strength * prior)
        found = torch.cholesky_solve(projected[:, None], factor)[:, 0]
        log_determinant = 2.0 * float(factor.diagonal().log().sum())
        evidence = 0.5 * (float(projected @ found) - log_determinant + len(found) * math.log(strength))
        if evidence > best:
            best, source, chosen = evidence, found, float(strength)
    return source, chosen


@dataclass(frozen=True)
class _Profile:
    """A Sersic profile on a grid of P x P pixels and side 2: centre x, y, ln radius, ln index, e1, e2, ln flux."""

    x: Tensor
    y: Tensor
    pixels: int

    @classmethod
    def on(cls, pixels: int) -> _Profile:
        fine = SUPERSAMPLING * pixels
        x, y = PixelGrid(fine, 2.0 / fine).coordinates()
        return cls(x.reshape(1, -1), y.reshape(1, -1), pixels)

    def __call__(self, parameters: Floats) -> Tensor:
        """Images (b, P^2) of parameters (b, 7)."""
        x, y, radius, index, e1, e2, flux = torch.from_numpy(np.atleast_2d(parameters)).split(1, dim=1)
        coefficients = sersic_coefficients(flux.exp(), radius.exp(), index.exp(), e1, e2, x, y)
        fine = SUPERSAMPLING * self.pixels
        bright = sersic_brightness(self.x, self.y, coefficients).reshape(-1, 1, fine, fine)
        return torch.nn.functional.avg_pool2d(bright, SUPERSAMPLING).flatten(1)


def fit_sersic(operator: Tensor, y: Tensor, noise: float, start: Sequence[float] | None = None) -> Tensor:
    """The source (n,) of one Sersic profile that fits best, by least squares.

    Parameters
    ----------
    operator : Tensor
        (m, n), n pixels of a square grid, in float64.
    start : sequence of float, optional
        Centre x and y, in halves of the grid's width, from which the fit begins; by default the middle.
    """
    from scipy.optimize import least_squares

    profile = _Profile.on(math.isqrt(operator.shape[1]))

    def residual(parameters: Floats) -> Floats:
        return ((profile(parameters)[0] @ operator.T - y) / noise).numpy()

    def derivative(parameters: Floats) -> Floats:
        images = profile(parameters + STEP * np.concatenate([np.eye(7), -np.eye(7)])) @ operator.T / noise
        return ((images[:7] - images[7:]) / (2.0 * STEP)).numpy().T

    flux = float(y.sum() / operator.sum(dim=0).mean()) * (2.0 / profile.pixels) ** 2
    first = np.array([*(start or (0.0, 0.0)), math.log(0.25), 0.0, 0.0, 0.0, math.log(max(flux, 1e-3))])
    low, high = np.array(BOUNDS)
    found = least_squares(
        residual, first.clip(low + 1e-3, high - 1e-3), derivative, bounds=(low, high), x_scale=0.1, max_nfev=80
    )
    return profile(found.x)[0]
