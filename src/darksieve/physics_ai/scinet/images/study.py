"""The analysis `scinet/images`: SciNet sees a noisy image and is asked how bright any place is without noise.

Nobody tells it the parameters of the simulator. Afterwards its latent variables are compared with them: by probes of
held-out simulations, linear and not, and by canonical correlations, which say in which combinations it holds them.

Brightness s is in units of each experiment's noise, as arsinh(s), so that faint arcs count beside a bright lens.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from darksieve.diagnostics.bars import bar, rounded, summarise_bars
from darksieve.interpret.images import image_name, noise_level, observe_images
from darksieve.interpret.summary_space import canonical_correlations, probe
from darksieve.physics_ai.scinet.latents import ACTIVE, correlations, latent_means
from darksieve.physics_ai.scinet.network import QuestionDecoder, SciNet, perceptron, seeded
from darksieve.physics_ai.scinet.training import Batch, Draw, Recipe, train
from darksieve.problem.errors import DarksieveError
from darksieve.problem.experiment import Experiment
from darksieve.problem.provenance import derive_seed
from darksieve.problem.scinet import ImagesConfig

if TYPE_CHECKING:
    from darksieve.store.shard import Simulations

__all__ = ["average", "features", "study"]

Floats = NDArray[np.floating]

ENCODER, DECODER = (200, 100), (128, 128)
OCTAVES = 4  # of the sines in which places are given
QUESTIONS = 64  # about each image in training
BETA = 1e-3
BATCH = 64
HELD_OUT = 0.2  # share of the simulations
CALIBRATED = 512  # simulations that show the noise
SHOWN = 3  # images in the figure
PROBED = 1000  # simulations: non-linear probes take the third power of them
DIGITS = 4


def study(settings: ImagesConfig, experiment: Experiment, simulations: Simulations) -> dict[str, Any]:
    """All of it.

    Raises
    ------
    DarksieveError
        If the data are not one image, or its pixels cannot be averaged to as many as the settings say.
    """
    name = image_name(experiment, simulations)
    images, seed = simulations.x[name], derive_seed("images", experiment.config.seed, settings.seed)
    if images.shape[1] % settings.pixels or images.shape[1] != images.shape[2]:
        raise DarksieveError(
            f"images of {images.shape[1]} x {images.shape[2]} cannot be averaged to {settings.pixels} x "
            f"{settings.pixels}", where=experiment.name, mend="choose analyses.scinet.images.pixels that divides them",
        )  # fmt: skip
    noise = float(np.sqrt((noise_level(experiment, name, images[:CALIBRATED], seed) ** 2).mean()))
    seen = _prepare(observe_images(experiment, name, images, derive_seed("noise", seed)), noise, settings.pixels)
    clean = _prepare(images, noise, settings.pixels)
    learned = len(images) - int(HELD_OUT * len(images))
    with seeded(seed):
        encoder = nn.Sequential(nn.Flatten(), perceptron(settings.pixels**2, ENCODER, 2 * settings.latents))
        network = SciNet(encoder, QuestionDecoder(settings.latents, 2 + 4 * OCTAVES, DECODER, 1))
    everywhere = features(_places(settings.pixels))
    test = Batch(seen[learned:], *_ask_everywhere(clean[learned:], everywhere))
    recipe = Recipe(settings.steps, BETA, batch=BATCH)
    scores = train(network, _draw(seen[:learned], clean[:learned], everywhere), test, recipe, seed)
    latents = latent_means(network, seen)
    z = experiment.prior.to_unit(simulations.z)
    held = slice(learned, learned + PROBED)
    canonical, loadings = canonical_correlations(latents, z, learned)
    final = scores[-1]
    answer = network(seen[learned : learned + SHOWN], test.question[:SHOWN]).answer.detach()
    return summarise_bars(
        {
            "image": bar(
                final.error / float(test.answer.std()), None, 0.3, "error of held-out brightness over its scatter"
            )
        },
        experiment=experiment.name,
        simulations=[learned, len(images) - learned],
        scores=[asdict(score) for score in scores],
        active=int(sum(kl >= ACTIVE for kl in final.divergence)),
        threshold=ACTIVE,
        parameters=list(experiment.prior.names),
        labels=[parameter.label or parameter.name for parameter in experiment.prior],
        probes={
            name: dict(zip(("linear", "non_linear"), probe(latents[held], z[held, column], seed)))
            for column, name in enumerate(experiment.prior.names)
        },
        correlations=rounded(correlations(latents[learned:], z[learned:]), DIGITS),
        canonical={"correlations": rounded(canonical, DIGITS), "loadings": rounded(loadings, DIGITS)},
        pictures=[
            {
                "seen": rounded(seen[learned + i], DIGITS),
                "answer": rounded(answer[i].reshape(settings.pixels, -1), DIGITS),
                "truth": rounded(clean[learned + i], DIGITS),
            }
            for i in range(SHOWN)
        ],
    )


def average(images: Floats, pixels: int) -> Floats:
    """Images (n, H, H) as means over squares, (n, pixels, pixels)."""
    side = images.shape[1] // pixels
    return images.reshape(len(images), pixels, side, pixels, side).mean(axis=(2, 4))


def features(places: Tensor) -> Tensor:
    """Places (..., 2) between -1 and 1, and their sines and cosines over `OCTAVES`, (..., 2 + 4 OCTAVES)."""
    angles = [math.pi / 2 * 2**octave * places for octave in range(OCTAVES)]
    return torch.cat([places, *(f(angle) for angle in angles for f in (torch.sin, torch.cos))], dim=-1)


def _prepare(images: Floats, noise: float, pixels: int) -> Tensor:
    """arsinh of averaged images in units of the noise that a pixel had."""
    return torch.from_numpy(np.arcsinh(average(images, pixels) / noise)).float()


def _places(pixels: int) -> Tensor:
    """Centres (pixels^2, 2) of the pixels, row by row."""
    edge = (torch.arange(pixels) + 0.5) * 2 / pixels - 1
    y, x = torch.meshgrid(edge, edge, indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], dim=-1)


def _ask_everywhere(clean: Tensor, everywhere: Tensor) -> tuple[Tensor, Tensor]:
    return everywhere.expand(len(clean), -1, -1), clean.flatten(1).unsqueeze(-1)


def _draw(seen: Tensor, clean: Tensor, everywhere: Tensor) -> Draw:
    """Images, each asked about at places drawn at random."""
    flat = clean.flatten(1)

    def draw(number: int, generator: torch.Generator) -> Batch:
        rows = torch.randint(len(seen), (number, 1), generator=generator)
        places = torch.randint(len(everywhere), (number, QUESTIONS), generator=generator)
        return Batch(seen[rows[:, 0]], everywhere[places], flat[rows, places].unsqueeze(-1))

    return draw
