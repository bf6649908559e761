"""The analysis `diffusion/field`: posterior samples of a lensed Gaussian random field beside its exact posterior.

For a Gaussian field the learned denoiser has to find the covariance, and a correction of zero.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from azula.denoise import Denoiser, GaussianDenoiser
from azula.linalg.covariance import FullCovariance
from azula.noise import VESchedule
from torch import Tensor

from darksieve.diagnostics.bars import bar, rounded, summarise_bars
from darksieve.physics_ai.diffusion.inverse import gaussian_posterior, sample_posterior
from darksieve.physics_ai.diffusion.layers import Layers
from darksieve.physics_ai.diffusion.network import LearnedDenoiser, denoising_error, train
from darksieve.physics_ai.hopfield.modern import gaussian_weights
from darksieve.problem.diffusion import FieldConfig
from darksieve.problem.provenance import derive_seed
from darksieve.simulators.lens.pixel_source import PixelGrid, lens_operator
from darksieve.simulators.lens.strong_lens import StrongLens

__all__ = ["field_covariance", "study"]

GRID = PixelGrid(pixels=16, scale=0.1)
MASS = 0.6  # inverse correlation length of the field, in pixels
LENS = StrongLens(pixels=24, pixel_scale=0.15, supersampling=3, psf={"gaussian": 0.2})
VALUES = {
    "einstein_radius": 1.0, "slope": 2.0, "lens_x": 0.0, "lens_y": 0.0, "lens_e1": 0.1, "lens_e2": 0.05,
    "shear_1": 0.03, "shear_2": -0.02,
}  # fmt: skip
NOISE = 0.3  # of a pixel, in units of the field's standard deviation
SCHEDULE = VESchedule(1e-2, 50.0)
SHAPE, BATCH, LEARNING_RATE = Layers(width=384, blocks=2), 256, 5e-4
STEPS, ITERATIONS = 64, 16  # of the posterior sampler
MOCKS = 64  # sources whose residuals are averaged
HELD_OUT = 512
SIGMAS = (0.1, 0.3, 1.0, 3.0)  # at which denoisers are compared


@dataclass(frozen=True)
class _Problem:
    """The field's covariance (n, n), the lens's operator (m, n) from brightness to brightness, and one mock."""

    covariance: Tensor
    operator: Tensor
    truth: Tensor
    y: Tensor
    mean: Tensor
    posterior_covariance: Tensor


def field_covariance(side: int, mass: float) -> Tensor:
    """Covariance (side^2, side^2) of a periodic field of unit variance with power 1 / (k^2 + mass^2)^2.

    k^2 is that of the lattice, 4 sum sin^2(k / 2), as for the free field of `lattice_field`.
    """
    k = 2.0 - 2.0 * np.cos(2.0 * math.pi * np.arange(side) / side)
    power = 1.0 / (k[:, None] + k + mass**2) ** 2
    correlation = np.fft.ifft2(power / power.mean()).real
    index = np.arange(side)
    difference = (index[:, None] - index) % side
    blocks = correlation[difference[:, None, :, None], difference[None, :, None, :]]
    return torch.from_numpy(blocks.reshape(side**2, side**2))


def study(settings: FieldConfig) -> dict[str, Any]:
    """All of it; the record says what is expected of each number."""
    problem = _draw(settings)
    power, axes = torch.linalg.eigh(problem.covariance)
    root = axes * power.clamp(min=0).sqrt()
    exact = GaussianDenoiser(
        torch.zeros(len(power)), FullCovariance(axes.float(), power.clamp(min=1e-6).float()), SCHEDULE
    )
    generator = torch.Generator().manual_seed(_seed(settings, "fields"))

    def draw(number: int) -> Tensor:
        return (torch.randn(number, len(power), generator=generator, dtype=torch.float64) @ root.T).float()

    fields, held_out, mocks = draw(settings.fields), draw(HELD_OUT), draw(MOCKS)
    torch.manual_seed(_seed(settings, "start"))
    learned, _, seconds = train(
        LearnedDenoiser.of(fields, SHAPE, SCHEDULE),
        lambda number, g: fields[torch.randint(len(fields), (number,), generator=g)],
        settings.steps, BATCH, _seed(settings, "train"), learning_rate=LEARNING_RATE,
    )  # fmt: skip
    denoising = _denoising(exact, learned, fields, held_out, settings)
    samples = {
        "exact": _posterior(problem, exact, settings, settings.samples),
        "learned": _posterior(problem, learned, settings, settings.samples // 2),
    }
    chi_squared = _chi_squared(problem, exact, mocks, settings)
    bars = {
        "mean, exact denoiser": bar(
            samples["exact"]["error"], None, 0.12, "posterior mean off the Wiener filter's, sd, rms of pixels"
        ),
        "mean, learned denoiser": bar(
            samples["learned"]["error"], None, 0.3, "the same with the learned denoiser"
        ),
        "chi-squared": bar(
            chi_squared, 0.9, 1.1, f"chi-squared of residuals a pixel, posterior samples of {MOCKS} sources"
        ),
        "denoising": bar(
            max(entry["learned"] / entry["Wiener"] for entry in denoising), None, 1.05,
            "error of the learned denoiser over Wiener's on new fields, largest of all noise levels",
        ),
        "memory": bar(
            max(entry["learned"] / entry["memory"] for entry in denoising), None, 1.0,
            "error of the learned denoiser over that of a Hopfield memory of what it learned from, largest",
        ),
    }  # fmt: skip
    shape = (GRID.pixels, GRID.pixels)
    return summarise_bars(
        bars,
        denoising=denoising,
        samples=samples,
        training_seconds=seconds,
        truth=rounded(problem.truth.reshape(shape), 4),
        image=rounded(problem.y.reshape(LENS.pixels, LENS.pixels), 4),
        wiener={
            "mean": rounded(problem.mean.reshape(shape), 4),
            "deviation": rounded(problem.posterior_covariance.diagonal().sqrt().reshape(shape), 4),
        },
        scales={"source": GRID.scale, "image": LENS.instrument.weights.sum().sqrt().item()},
    )


def _draw(settings: FieldConfig) -> _Problem:
    covariance = field_covariance(GRID.pixels, MASS)
    values = {name: torch.full((1, 1), value, dtype=torch.float64) for name, value in VALUES.items()}
    operator = lens_operator(LENS, values, GRID) / LENS.instrument.weights.sum()
    generator = torch.Generator().manual_seed(_seed(settings, "mock"))
    power, axes = torch.linalg.eigh(covariance)
    white = torch.randn(len(power), generator=generator, dtype=torch.float64)
    truth = axes @ (power.clamp(min=0).sqrt() * white)
    y = operator @ truth + NOISE * torch.randn(len(operator), generator=generator, dtype=torch.float64)
    return _Problem(
        covariance, operator, truth, y, *gaussian_posterior(torch.zeros_like(truth), covariance, operator, y, NOISE)
    )


@torch.no_grad()
def _denoising(
    exact: Denoiser, learned: Denoiser, fields: Tensor, held_out: Tensor, settings: FieldConfig
) -> list[dict[str, float]]:
    """Mean square errors of three denoisers on fields that none has seen, and of a memory of all that were learned."""
    generator = torch.Generator().manual_seed(_seed(settings, "denoising"))
    found = []
    for sigma in SIGMAS:
        t = torch.tensor(math.log(sigma / SCHEDULE.sigma_min) / math.log(SCHEDULE.sigma_max / SCHEDULE.sigma_min))
        z = torch.randn(held_out.shape, generator=generator)
        squares = torch.cdist(held_out + sigma * z, fields).square() / sigma**2
        memory = torch.from_numpy(gaussian_weights(squares.numpy())) @ fields
        found.append(
            {
                "sigma": sigma,
                "Wiener": float(denoising_error(exact, held_out, t, z).mean()),
                "learned": float(denoising_error(learned, held_out, t, z).mean()),
                "memory": float((memory - held_out).square().mean()),
            }
        )
    return found


def _posterior(problem: _Problem, denoiser: Denoiser, settings: FieldConfig, number: int) -> dict[str, Any]:
    """Samples of the mock's source, beside the Wiener filter."""
    begin = time.process_time()
    samples = sample_posterior(
        denoiser, problem.operator.float(), problem.y.float().expand(number, -1), NOISE, STEPS, ITERATIONS,
        _seed(settings, "posterior"),
    ).double()  # fmt: skip
    deviation = problem.posterior_covariance.diagonal().sqrt()
    error = (samples.mean(dim=0) - problem.mean) / deviation
    shape = (GRID.pixels, GRID.pixels)
    return {
        "error": float(error.square().mean().sqrt()),
        "sampling_error": number**-0.5,
        "deviation_ratio": float((samples.std(dim=0) / deviation).mean()),
        "seconds": time.process_time() - begin,
        "mean": rounded(samples.mean(dim=0).reshape(shape), 4),
        "deviation": rounded(samples.std(dim=0).reshape(shape), 4),
        "first": rounded(samples[0].reshape(shape), 4),
    }


def _chi_squared(problem: _Problem, exact: Denoiser, mocks: Tensor, settings: FieldConfig) -> float:
    """Of a posterior sample of each mock, a pixel: one on average, as for the truth."""
    generator = torch.Generator().manual_seed(_seed(settings, "mocks"))
    operator = problem.operator.float()
    y = mocks @ operator.T
    y = y + NOISE * torch.randn(y.shape, generator=generator)
    samples = sample_posterior(exact, operator, y, NOISE, STEPS, ITERATIONS, _seed(settings, "residuals"))
    return float(((y - samples @ operator.T) / NOISE).square().mean())


def _seed(settings: FieldConfig, *parts: object) -> int:
    return derive_seed("diffusion/field", settings.seed, *parts)
