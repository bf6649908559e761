"""The analysis `arcs`: which pixels of a lensed image are bright together, learned by a restricted Boltzmann machine.

Images are averaged to few pixels, and a pixel is on where it is brighter than a share of the image's brightest.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from darksieve.diagnostics.bars import bar, rounded, summarise_bars
from darksieve.interpret.images import image_name, observe_images
from darksieve.physics_ai.boltzmann.machine import Machine, annealed_log_partition, sample_visible, train
from darksieve.problem.errors import DarksieveError
from darksieve.problem.experiment import Experiment
from darksieve.problem.provenance import derive_seed
from darksieve.problem.spins import ArcsConfig
from darksieve.store.shard import Simulations

__all__ = ["binarise", "study"]

Floats = NDArray[np.float64]

BRIGHT = 0.25  # of the brightest pixel
HELD_OUT = 0.2
GIBBS = 5
RATE = 0.05
TEMPERATURES, CHAINS = 2000, 200
SAMPLES, SAMPLE_STEPS = 500, 1000
DIGITS = 4


def study(settings: ArcsConfig, experiment: Experiment, simulations: Simulations) -> dict[str, Any]:
    """All of it, for simulations of the first round: the whole prior.

    Raises
    ------
    DarksieveError
        If the data are not one image, or its pixels cannot be averaged to as many as wanted.
    """
    name = image_name(experiment, simulations)
    noisy = observe_images(experiment, name, simulations.x[name], _seed(settings, experiment, "noise"))
    arcs = binarise(noisy, settings.pixels, experiment.name)
    order = np.random.default_rng(_seed(settings, experiment, "split")).permutation(len(arcs))
    held_out, learned = np.split(arcs[order], [round(HELD_OUT * len(arcs))])
    seed = _seed(settings, experiment, "train")
    machine = train(learned, settings.hidden, settings.steps, GIBBS, True, seed, RATE)
    mean = learned.mean(axis=0)
    smoothed = (learned.sum(axis=0) + 0.5) / (len(learned) + 1.0)
    base = np.log(smoothed / (1.0 - smoothed))
    log_partition, error = annealed_log_partition(
        machine, base, TEMPERATURES, CHAINS, _seed(settings, experiment, "anneal")
    )
    independent = held_out @ np.log(smoothed) + (1.0 - held_out) @ np.log(1.0 - smoothed)
    gain = -machine.free_energy(held_out) - log_partition - independent
    gain_error = float(np.hypot(gain.std(ddof=1) / np.sqrt(len(gain)), error))
    start = learned[np.random.default_rng(seed).integers(len(learned), size=SAMPLES)]
    samples = sample_visible(machine, start, SAMPLE_STEPS, _seed(settings, experiment, "samples"))
    agreement = _pair_agreement(held_out, samples)
    return summarise_bars(
        {
            "gain": bar(
                float(gain.mean()) / gain_error, 5.0, None,
                "log-likelihood of held-out maps above that of independent pixels, in standard errors",
            ),
            "pairs": bar(agreement, 0.9, None, "correlation of the pixels' covariances, held-out maps against samples"),
        },
        experiment=experiment.name,
        gain_nats=float(gain.mean()),
        gain_error=gain_error,
        log_partition=log_partition,
        log_partition_error=error,
        pixels=settings.pixels,
        maps=held_out[:6].tolist(),
        samples=samples[:6].tolist(),
        mean=rounded(mean, DIGITS),
        **_couplings(machine, learned),
    )  # fmt: skip


def binarise(images: NDArray[np.floating], pixels: int, where: str) -> Floats:
    """Maps (n, pixels^2) of 0 and 1 from images (n, H, H).

    Raises
    ------
    DarksieveError
        If H is no multiple of `pixels`.
    """
    side = images.shape[1]
    if images.shape[2] != side or side % pixels:
        raise DarksieveError(
            f"images of {side} x {images.shape[2]} pixels cannot be averaged to {pixels} x {pixels}",
            where=where, mend="choose another analyses.arcs.pixels",
        )  # fmt: skip
    factor = side // pixels
    small = images.reshape(len(images), pixels, factor, pixels, factor).mean(axis=(2, 4)).reshape(len(images), -1)
    return (small > BRIGHT * small.max(axis=1, keepdims=True)).astype(float)


def _pair_agreement(held_out: Floats, samples: Floats) -> float:
    upper = np.triu_indices(held_out.shape[1], 1)
    first, second = (np.cov(maps.T)[upper] for maps in (held_out, samples))
    return float(np.corrcoef(first, second)[0, 1])


def _couplings(machine: Machine, learned: Floats) -> dict[str, Any]:
    """Effective couplings and covariances of some pixels with all others, and the weights of the strongest units."""
    couplings, covariance = machine.curvature(learned), np.cov(learned.T)
    pixels = round(np.sqrt(len(couplings)))
    uncertain = np.diag(covariance)
    middle = (np.arange(pixels) + 0.5) / pixels - 0.5
    angle = np.arctan2(*np.meshgrid(middle, middle, indexing="ij")).ravel()
    chosen = [  # the least certain pixel of three directions
        int(np.argmax(uncertain * (np.cos(angle - direction) > 0.9))) for direction in (0.0, 2.1, -2.1)
    ]
    strongest = np.argsort(-np.linalg.norm(machine.weights, axis=0))[:8]
    return {
        "chosen": chosen,
        "couplings": rounded(couplings[chosen], DIGITS),
        "covariance": rounded(covariance[chosen], DIGITS),
        "weights": rounded(machine.weights.T[strongest], DIGITS),
    }


def _seed(settings: ArcsConfig, experiment: Experiment, label: str) -> int:
    return derive_seed("arcs", experiment.config.seed, settings.seed, label)
