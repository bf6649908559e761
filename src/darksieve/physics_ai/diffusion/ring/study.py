"""The analysis `diffusion/ring`: the galaxy behind an experiment's lens, which is taken to be its posterior mean."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from darksieve.diagnostics.bars import bar, rounded, summarise_bars
from darksieve.inference.posterior import Posterior
from darksieve.physics_ai.diffusion.galaxies.prior import GalaxyPrior
from darksieve.physics_ai.diffusion.inverse import sample_posterior
from darksieve.problem.diffusion import RingConfig
from darksieve.problem.errors import DarksieveError
from darksieve.problem.experiment import Experiment
from darksieve.problem.observation import Observation
from darksieve.problem.provenance import derive_seed
from darksieve.simulators.lens.pixel_source import PixelGrid, PixelSource, lens_operator
from darksieve.simulators.lens.sources import SersicComponents
from darksieve.simulators.lens.strong_lens import StrongLens

__all__ = ["study"]

RADIUS = 0.25  # effective radius of the Sersic source, in halves of the grid's width, as of galaxies in the prior
ITERATIONS = 12
STANDARD_ERRORS = 3.0


def study(
    settings: RingConfig, experiment: Experiment, observation: Observation, posterior: Posterior, prior_file: Path
) -> dict[str, Any]:
    """All of it; the record says what is expected of each number.

    The noise has the variance of the mean model's image. The source's unit of brightness is the root-mean-square of the
    Sersic source on the grid.

    Raises
    ------
    DarksieveError
        If the experiment is no lens with a Sersic source and without populations of haloes.
    """
    lens = experiment.simulator
    if not isinstance(lens, StrongLens) or lens.populations or not isinstance(lens.source, SersicComponents):
        raise DarksieveError(
            "is no StrongLens with Sersic sources and without populations of haloes", where=experiment.name,
            mend="ask for this analysis of other experiments",
        )  # fmt: skip
    prior = GalaxyPrior.load(prior_file)
    generator = torch.Generator().manual_seed(0)  # of a source and light that are not random
    z = torch.tensor([[posterior.mean(name) for name in lens.parameters]], dtype=torch.float64)
    values = lens.named(z)
    radius, x, y = (float(values[f"source_{key}"]) for key in ("radius", "x", "y"))
    grid = PixelGrid(prior.pixels, 2.0 * radius / RADIUS / prior.pixels, x, y)
    places_x, places_y = (places.reshape(1, -1) for places in grid.coordinates())
    drawn = lens.source.draw(values, generator)
    sersic = drawn.brightness(slice(None), places_x, places_y, torch.empty(2, 1, prior.pixels**2, dtype=z.dtype))[0]
    unit = sersic.square().mean().sqrt()

    image = torch.from_numpy(observation.x["image"]).double()
    used = torch.from_numpy(observation.masks["image"]) if observation.masks else torch.ones_like(image).bool()
    model = lens.simulate(z, generator)["image"][0]
    dark = PixelSource(grid, z.new_zeros(1, prior.pixels, prior.pixels))
    light = lens.render(values, dark, lens.light.draw(values, generator) if lens.light else None)[0]
    deviation = lens.noise.variance(model).sqrt()

    def white(images: Tensor) -> Tensor:
        """Images (B, P, P) as data (B, N) with white noise of standard deviation one."""
        return lens.noise.whiten((images / deviation)[:, used], used)

    operator = unit * lens_operator(lens, values, grid)  # (P^2, S^2)
    data, matrix = white((image - light)[None])[0], white(operator.T.unflatten(1, image.shape)).T
    samples = sample_posterior(
        prior.denoiser, matrix.float().contiguous(), data.float().expand(settings.samples, -1), 1.0, settings.steps,
        ITERATIONS, derive_seed("diffusion/ring", experiment.config.seed, settings.seed),
    ).double()  # fmt: skip
    chi_squared = float((data - samples @ matrix.T).square().mean())
    of_sersic = float(white((image - model)[None]).square().mean())
    side = (prior.pixels, prior.pixels)
    mean = samples.mean(dim=0)
    fitted = light + (operator @ samples[0]).reshape(image.shape)
    bars = {
        "residuals": bar(
            chi_squared / of_sersic,
            None,
            1.0 + STANDARD_ERRORS * math.sqrt(2.0 / len(data)),
            "chi-squared a pixel of posterior samples over that of the Sersic source "
            "(expected: one, and three standard errors of a chi-squared, or less)",
        )
    }
    return summarise_bars(
        bars,
        experiment=experiment.name,
        chi_squared={"diffusion": chi_squared, "Sersic": of_sersic},
        scales={"source": grid.scale, "image": lens.descriptions["image"].pixel_scale},
        image=rounded(torch.where(used, image, 0.0), 4),
        ring=rounded(torch.where(used, image - light, 0.0), 4),
        source={
            "mean": rounded(mean.reshape(side), 4),
            "sample": rounded(samples[0].reshape(side), 4),
            "deviation": rounded(samples.std(dim=0).reshape(side), 4),
            "Sersic": rounded((sersic / unit).reshape(side), 4),
        },
        residuals={
            "diffusion": rounded(torch.where(used, (image - fitted) / deviation, 0.0), 4),
            "Sersic": rounded(torch.where(used, (image - model) / deviation, 0.0), 4),
        },
    )
