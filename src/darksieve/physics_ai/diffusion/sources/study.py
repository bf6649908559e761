"""The analysis `diffusion/sources`: sources of mock lenses, sampled by the learned prior of galaxies."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from darksieve.diagnostics.bars import bar, rounded, summarise_bars
from darksieve.diagnostics.joint import random_point_coverage
from darksieve.physics_ai.diffusion.galaxies.prior import GalaxyPrior, unseen_images
from darksieve.physics_ai.diffusion.inverse import sample_posterior
from darksieve.physics_ai.diffusion.sources.peers import fit_sersic, invert_smoothly
from darksieve.problem.diffusion import SourcesConfig
from darksieve.problem.provenance import derive_seed
from darksieve.simulators.lens.pixel_source import PixelGrid, lens_operator
from darksieve.simulators.lens.strong_lens import StrongLens

__all__ = ["Mock", "draw_mocks", "study"]

LENS = StrongLens(pixels=40, pixel_scale=0.1, supersampling=2, psf={"gaussian": 0.15})
SCALE = 0.05  # arcsec, of a source's pixel
NOISE = 0.15  # of a pixel, in units of the root-mean-square brightness of a galaxy's image
ITERATIONS = 12
AT_ONCE = 10  # mocks
FALSE_ALARM = 0.05
MINUTES = 5.0  # of 100 posterior samples
SHOWN = 4


@dataclass(frozen=True)
class Mock:
    """A source (n,), the operator (m, n) of its lens from brightness to mean brightness of pixels, and data (m,)."""

    truth: Tensor
    operator: Tensor
    y: Tensor


def draw_mocks(truths: Tensor, generator: torch.Generator) -> list[Mock]:
    """Noisy images of galaxies (M, P, P) behind lenses that are drawn at random, in float64."""
    mocks = []
    for truth in truths.double().flatten(1):
        theta, slope = 0.9 + 0.4 * torch.rand(1, generator=generator), 2.0 + 0.05 * torch.randn(1, generator=generator)
        e1, e2, shear_1, shear_2, x, y = torch.tensor([0.1, 0.1, 0.03, 0.03, 0.1, 0.1]) * torch.randn(
            6, generator=generator
        )
        values = {
            "einstein_radius": theta, "slope": slope, "lens_x": torch.zeros(1), "lens_y": torch.zeros(1),
            "lens_e1": e1, "lens_e2": e2, "shear_1": shear_1, "shear_2": shear_2,
        }  # fmt: skip
        grid = PixelGrid(int(len(truth) ** 0.5), SCALE, float(x), float(y))
        operator = lens_operator(LENS, {name: value.double().reshape(1, 1) for name, value in values.items()}, grid)
        operator /= LENS.instrument.weights.sum()
        noise = NOISE * torch.randn(len(operator), generator=generator, dtype=torch.float64)
        mocks.append(Mock(truth, operator, operator @ truth + noise))
    return mocks


def study(settings: SourcesConfig, prior_file: Path) -> dict[str, Any]:
    """All of it; the record says what is expected of each number."""
    prior = GalaxyPrior.load(prior_file)
    generator = torch.Generator().manual_seed(_seed(settings, "mocks"))
    truth = unseen_images(prior.settings, settings.mocks, "mocks", settings.seed).double().flatten(1)
    points = unseen_images(prior.settings, settings.mocks, "points", settings.seed).double().flatten(1)
    errors: dict[str, list[float]] = {"diffusion": [], "smooth pixels": [], "Sersic": []}
    samples, chi_squared, seconds = [], [], 0.0
    gallery: list[dict[str, Any]] = []
    for start in range(0, settings.mocks, AT_ONCE):
        mocks = draw_mocks(truth[start : start + AT_ONCE].unflatten(1, (prior.pixels, -1)), generator)
        begin = time.process_time()
        drawn = _sample(prior, mocks, settings, start)  # (mocks, samples, n)
        seconds += time.process_time() - begin
        samples.append(drawn)
        for mock, each in zip(mocks, drawn):
            residual = (mock.y - each @ mock.operator.T) / NOISE
            chi_squared.append(float(residual.square().mean()))
            smooth, _ = invert_smoothly(mock.operator, mock.y, NOISE)
            found = {
                "diffusion": each.mean(dim=0),
                "smooth pixels": smooth,
                "Sersic": fit_sersic(mock.operator, mock.y, NOISE, _brightest(smooth)),
            }
            scale = mock.truth.square().mean().sqrt()
            for name, source in found.items():
                errors[name].append(float((source - mock.truth).square().mean().sqrt() / scale))
            if len(gallery) < SHOWN:
                gallery.append(_shown(prior, mock, each, found))
    coverage = random_point_coverage(
        torch.cat(samples).numpy(), truth.numpy(), points.numpy(), _seed(settings, "coverage")
    )
    median = {name: float(np.median(values)) for name, values in errors.items()}
    minutes = seconds / 60.0 * 100.0 / (settings.mocks * settings.samples)
    bars = {
        "coverage": bar(
            coverage["statistic"], FALSE_ALARM, None, "p-value of TARP, with galaxies of the prior as random points"
        ),
        "chi-squared": bar(
            float(np.mean(chi_squared)), 0.9, 1.1, "chi-squared of residuals a pixel, posterior samples of all mocks"
        ),
        "Sersic": bar(
            median["diffusion"] / median["Sersic"], None, 1.0, "error of the posterior mean over that of a Sersic fit"
        ),
        "smooth pixels": bar(
            median["diffusion"] / median["smooth pixels"], None, 1.0,
            "error of the posterior mean over that of an inversion regularised by gradients, medians",
        ),
        "time": bar(minutes, None, MINUTES, "CPU minutes of 100 posterior samples", timed=True),
    }  # fmt: skip
    return summarise_bars(
        bars,
        coverage=coverage,
        errors={name: rounded(values, 4) for name, values in errors.items()},
        medians=median,
        chi_squared=rounded(chi_squared, 4),
        gallery=gallery,
        scales={"source": SCALE, "image": 0.1},
    )


def _sample(prior: GalaxyPrior, mocks: list[Mock], settings: SourcesConfig, start: int) -> Tensor:
    """Posterior samples (M, S, n) of the sources of mocks."""
    operators = torch.stack([mock.operator for mock in mocks]).float()
    y = torch.stack([mock.y for mock in mocks]).float().repeat_interleave(settings.samples, dim=0)
    drawn = sample_posterior(
        prior.denoiser, operators, y, NOISE, settings.steps, ITERATIONS, _seed(settings, "posterior", start)
    )
    return drawn.double().unflatten(0, (len(mocks), settings.samples))


def _brightest(source: Tensor) -> tuple[float, float]:
    """Where a source (n,) is brightest, in halves of its grid's width."""
    side = int(len(source) ** 0.5)
    row, column = divmod(int(source.argmax()), side)
    middle = 0.5 * (side - 1)
    return (column - middle) * 2.0 / side, (row - middle) * 2.0 / side


def _shown(prior: GalaxyPrior, mock: Mock, samples: Tensor, found: dict[str, Tensor]) -> dict[str, Any]:
    """What the figure shows of a mock."""

    def square(values: Tensor) -> Any:
        side = int(len(values) ** 0.5)
        return rounded(values.reshape(side, side), 4)

    return {
        "image": square(mock.y),
        "truth": square(mock.truth),
        "mean": square(found["diffusion"]),
        "sample": square(samples[0]),
        "deviation": square(samples.std(dim=0)),
        "smooth pixels": square(found["smooth pixels"]),
        "Sersic": square(found["Sersic"]),
        "residual": square((mock.y - mock.operator @ samples[0]) / NOISE),
    }


def _seed(settings: SourcesConfig, *parts: object) -> int:
    return derive_seed("diffusion/sources", settings.seed, *parts)
