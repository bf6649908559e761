"""The analysis `diffusion/galaxies`: galaxies drawn from the learned prior beside those that it has not seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from darksieve.diagnostics.bars import bar, rounded, summarise_bars
from darksieve.physics_ai.diffusion.galaxies.prior import GalaxyPrior, training_images, unseen_images
from darksieve.physics_ai.diffusion.galaxies.statistics import nearest_distance, power_spectrum, statistics
from darksieve.problem.diffusion import GalaxiesConfig
from darksieve.problem.provenance import derive_seed

__all__ = ["study"]

MINUTES = 30.0  # of training, on a core
SHOWN = 16
LARGEST_DISTANCE = 0.2  # of two distributions, by Kolmogorov and Smirnov
LARGEST_POWER_RATIO = 1.5


def study(settings: GalaxiesConfig, prior_file: Path) -> dict[str, Any]:
    """All of it; the record says what is expected of each number."""
    from scipy.stats import ks_2samp

    prior = GalaxyPrior.load(prior_file)
    held_out, others = unseen_images(settings, settings.samples), unseen_images(settings, settings.drawn, "others")
    drawn = prior.draw(settings.samples, derive_seed("diffusion/galaxies", settings.seed, "drawn"))
    known = training_images(settings)
    of_drawn, of_held_out = statistics(drawn), statistics(held_out)
    distance = {name: float(ks_2samp(of_drawn[name].numpy(), of_held_out[name].numpy()).statistic) for name in of_drawn}
    wavenumber, power = power_spectrum(drawn)
    expected = power_spectrum(others)[1]
    (near, match), (near_held_out, _) = nearest_distance(drawn, known), nearest_distance(held_out, known)
    farthest = max(distance, key=lambda name: distance[name])
    nearer = float((near < nearest_distance(drawn, others)[0]).float().mean())
    ratio = float(near.median() / near_held_out.median())
    least = 1.0 - 3.0 * _relative_error(near.numpy(), near_held_out.numpy())
    bars = {
        "training": bar(prior.seconds / 60.0, None, MINUTES, "CPU minutes of training", timed=True),
        "statistics": bar(
            distance[farthest], None, LARGEST_DISTANCE,
            f"Kolmogorov-Smirnov distance of drawn from unseen galaxies, largest of four statistics ({farthest})",
        ),
        "power": bar(
            float(torch.exp(torch.log(power / expected).abs().max())), None, LARGEST_POWER_RATIO,
            "mean power of drawn galaxies over that of unseen ones, or its inverse, largest of all wavenumbers",
        ),
        "memorisation": bar(
            ratio, least, None,
            "distance of drawn galaxies to the nearest they were learned from, over that of unseen ones, medians "
            "(expected: one, less three standard errors, or more)",
        ),
        "nearer_to_learned": bar(
            nearer, None, 0.5 + 3.0 * 0.5 / np.sqrt(len(drawn)),
            "fraction of drawn galaxies that are nearer to one they were learned from than to any of as many unseen "
            "(expected: one half, and at most three standard errors more)",
        ),
    }  # fmt: skip
    return summarise_bars(
        bars,
        losses=rounded(prior.losses, 4),
        statistics={"drawn": _listed(of_drawn), "unseen": _listed(of_held_out)},
        distances=distance,
        power={"wavenumber": rounded(wavenumber), "drawn": rounded(power, 4), "unseen": rounded(expected, 4)},
        nearest={"drawn": rounded(near, 4), "unseen": rounded(near_held_out, 4)},
        images={
            "drawn": rounded(drawn[:SHOWN], 3),
            "nearest": rounded(match[:SHOWN], 3),
            "unseen": rounded(held_out[:SHOWN], 3),
        },
        negative=float(drawn.clamp(max=0).square().sum() / drawn.square().sum()),
    )


def _relative_error(*samples: np.ndarray) -> float:
    """Standard error of the ratio of the medians of samples, from the spread of their quartiles."""
    errors = []
    for values in samples:
        low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
        errors.append(1.2533 * (high - low) / 1.349 / middle / np.sqrt(len(values)))
    return float(np.hypot(*errors))


def _listed(values: dict[str, torch.Tensor]) -> dict[str, Any]:
    return {name: rounded(each, 4) for name, each in values.items()}
