"""The analysis `scinet/rotation`: how many numbers does a galaxy's rotation need beyond its visible matter?

Where the velocity follows from the baryons the answer is none, where each has a halo of its own it is two. Both are
learned from mock galaxies, where the answer is known; then networks that know both are trained on SPARC and judged by
galaxies that they have not seen.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.model_selection import KFold

from darksieve.diagnostics.bars import bar, rounded, summarise_bars
from darksieve.physics_ai.scinet.latents import ACTIVE, correlations, fit_linear, latent_means
from darksieve.physics_ai.scinet.network import QuestionDecoder, SciNet, perceptron, seeded
from darksieve.physics_ai.scinet.rotation.curves import (
    OBSERVATION,
    QUESTION,
    TYPICAL,
    UNIVERSES,
    draw_galaxies,
    mixed,
    sample_galaxies,
)
from darksieve.physics_ai.scinet.rotation.sparc import (
    FEWEST,
    Sample,
    Target,
    fit_halo,
    fit_scale,
    predict_velocity,
    read_sample,
    split_galaxies,
)
from darksieve.physics_ai.scinet.training import Batch, Draw, Recipe, Score, train
from darksieve.problem.provenance import derive_seed
from darksieve.problem.scinet import RotationConfig
from darksieve.simulators.rotation_curve import ACCELERATION_UNIT

__all__ = ["study"]

Floats = NDArray[np.float64]

ENCODER, DECODER = (100, 100), (100, 100)
BETA = 3e-5  # dex^2 a nat, for mock galaxies, whose answers are exact
REFINED = Recipe(steps=1, beta=3e-4, batch=128, learning_rate=5e-3, adam_rate=5e-4)  # for SPARC; steps from the config
QUESTIONS = 8  # about each mock galaxy in training
TESTED = 2000  # mock galaxies
FOLDS = 5
EXPLAINED = 2  # latent variables of the network that is looked into
METRES = 1e-10 / ACCELERATION_UNIT  # m / s^2 in (km / s)^2 / kpc
DIGITS = 4


def study(settings: RotationConfig) -> dict[str, Any]:
    """All of it; the record says what is expected of each number.

    Raises
    ------
    DarksieveError
        If a file of SPARC cannot be read.
    """
    sample = read_sample(Path(settings.curves), Path(settings.table))
    radius, velocity, baryons = sample.pooled
    scale, residuals = fit_scale(radius, velocity, baryons)
    relation = {"scale": scale, "scatter": float(residuals.std())} | _relation(radius, velocity, baryons, scale)
    mocks = {universe: _mock(universe, settings) for universe in UNIVERSES}
    return summarise_bars(
        _sample_bars(sample, relation) | _mock_bars(mocks),
        relation=relation,
        mocks=mocks,
        sparc=_sparc([target for target in sample.targets if len(target.radius) >= FEWEST], scale, settings),
    )


def _relation(radius: Floats, velocity: Floats, baryons: Floats, scale: float) -> dict[str, Any]:
    """log10 of accelerations [m / s^2]: of every point, and of the relation."""
    grid = torch.logspace(-12, -8, 81, dtype=torch.float64) / METRES  # (km / s)^2 / kpc
    fitted = predict_velocity(torch.ones_like(grid), grid, scale) ** 2
    return {
        "newtonian": rounded(np.log10(METRES * baryons / radius), DIGITS),
        "observed": rounded(np.log10(METRES * velocity**2 / radius), DIGITS),
        "curve": {
            "newtonian": rounded(np.log10(METRES * grid.numpy()), DIGITS),
            "observed": rounded(np.log10(METRES * fitted.numpy()), DIGITS),
        },
    }


def _sample_bars(sample: Sample, relation: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "galaxies": bar(sample.galaxies, 175, 175, "galaxies of SPARC"),
        "points": bar(sample.points, 3391, 3391, "their points"),
        "fit for dynamics": bar(len(sample.targets), 153, 153, "galaxies left by the cuts of quality and inclination"),
        "acceleration scale": bar(relation["scale"], 1.11, 1.21, "of the radial acceleration relation, 1e-10 m / s^2"),
        "scatter": bar(relation["scatter"], 0.128, 0.138, "of the acceleration about it, dex"),
    }


def _mock_bars(mocks: Mapping[str, Any]) -> dict[str, Any]:
    errors = {
        universe: dict(zip(found["latents"], found["error"])) for universe, found in mocks.items()
    }  # universe: latents: dex
    universal, haloes = (errors[universe] for universe in UNIVERSES)
    used = max(max(divergence, default=0.0) for divergence in mocks[UNIVERSES[0]]["divergence"])
    return {
        "universal error": bar(universal[0], None, 0.003, "error without latents, radial acceleration relation, dex"),
        "universal latents": bar(used, None, ACTIVE, "largest divergence of any latent variable there, nats"),
        "haloes": bar(haloes[0] / haloes[2], 4.0, None, "error without latents over that with two, NFW haloes"),
        "no third": bar(haloes[3] / haloes[2], 0.85, None, "error with three latents over that with two, NFW haloes"),
    }


def _mock(universe: str, settings: RotationConfig) -> dict[str, Any]:
    """Errors against the number of latent variables, and what two of them know of the haloes."""
    generator = torch.Generator().manual_seed(_seed(settings, universe, "test"))
    test, halo = sample_galaxies(universe, TESTED, QUESTIONS, generator)
    found: list[Score] = []
    explained: Floats = np.zeros(2)
    for latents in settings.latents:
        network, score = _learn(latents, draw_galaxies(universe, QUESTIONS), test, settings, universe)
        found.append(score)
        if latents == EXPLAINED:
            explained = fit_linear(latent_means(network, test.observation), halo).explained
    return {
        "latents": settings.latents,
        "error": rounded([score.error for score in found], DIGITS),
        "divergence": [rounded(score.divergence, DIGITS) for score in found],
        "explained": dict(zip(("V200", "c200"), rounded(explained, DIGITS))),
    }


def _learn(latents: int, draw: Draw, test: Batch, settings: RotationConfig, label: str) -> tuple[SciNet, Score]:
    """A network that learned from mock galaxies."""
    seed = _seed(settings, label, latents)
    with seeded(seed):
        encoder = perceptron(OBSERVATION, ENCODER, 2 * latents) if latents else None
        network = SciNet(encoder, QuestionDecoder(latents, QUESTION, DECODER, 1))
    return network, train(network, draw, test, Recipe(settings.steps, BETA), seed)[-1]


def _sparc(targets: Sequence[Target], scale: float, settings: RotationConfig) -> dict[str, Any]:
    """Errors for galaxies that were not learned from, by the number of latent variables, and what two of these know."""
    data = split_galaxies(targets, np.random.default_rng(_seed(settings, "splits")))
    both = mixed([draw_galaxies(universe, QUESTIONS) for universe in UNIVERSES])
    test = both(TESTED, torch.Generator().manual_seed(_seed(settings, "both")))
    starts = {latents: _learn(latents, both, test, settings, "both")[0] for latents in settings.latents}
    errors = {
        latents: [_cross_validate(start, data, settings, repeat) for repeat in range(settings.seeds)]
        for latents, start in starts.items()
    }
    whole = copy.deepcopy(starts[EXPLAINED])
    _refine(whole, data, np.arange(len(targets)), np.arange(len(targets)), settings, "whole")
    latents = latent_means(whole, data.observation.flatten(0, 1)).reshape(len(targets), -1, EXPLAINED).mean(axis=1)
    quantities = _quantities(targets)
    known = correlations(latents, np.column_stack(list(quantities.values())))
    return {
        "galaxies": len(targets),
        "latents": list(errors),
        "error": [rounded(values, DIGITS) for values in errors.values()],
        "relation_error": _relation_error(data, scale),
        "correlations": dict(zip(quantities, rounded(known.T, DIGITS))),
        "sentence": _sentence(errors),
    }


def _cross_validate(start: SciNet, data: Batch, settings: RotationConfig, repeat: int) -> float:
    """Root-mean-square error [dex of the velocity], each galaxy counted once, of those left out of each fold."""
    folds = KFold(FOLDS, shuffle=True, random_state=_seed(settings, "folds", repeat) % 2**32)
    squares = []
    for fold, (learned, left) in enumerate(folds.split(np.arange(len(data.answer)))):
        network = copy.deepcopy(start)
        score = _refine(network, data, learned, left, settings, f"{repeat} {fold}")
        squares += len(left) * [score.error**2]
    return float(np.sqrt(np.mean(squares)))


def _refine(
    network: SciNet,
    data: Batch,
    learned: NDArray[np.int64],
    left: NDArray[np.int64],
    settings: RotationConfig,
    label: str,
) -> Score:
    """Go on training with some galaxies, and judge by others."""
    rows = torch.from_numpy(learned)

    def draw(number: int, generator: torch.Generator) -> Batch:
        galaxies = rows[torch.randint(len(rows), (number,), generator=generator)]
        splits = torch.randint(data.answer.shape[1], (number,), generator=generator)
        return Batch(*(column[galaxies, splits] for column in data))

    test = Batch(*(column[torch.from_numpy(left)].flatten(0, 1) for column in data))
    recipe = dataclasses.replace(REFINED, steps=settings.refining)
    return train(network, draw, test, recipe, _seed(settings, "refine", label))[-1]


def _relation_error(data: Batch, scale: float) -> float:
    """Error [dex of the velocity] that the radial acceleration relation leaves for the same questions."""
    log_radius, log_baryons = data.question.double().unbind(dim=-1)
    predicted = predict_velocity(10**log_radius, 10 ** (2 * (log_baryons + TYPICAL)), scale)
    return float(((predicted.log10() - TYPICAL - data.answer[..., 0]) ** 2).mean().sqrt())


def _quantities(targets: Sequence[Target]) -> dict[str, Floats]:
    """What a physicist would call each galaxy by, (galaxies,) each."""
    haloes = np.array([fit_halo(target) for target in targets])
    scales = [fit_scale(target.radius, target.velocity, target.baryons)[0] for target in targets]
    galaxies = [target.galaxy for target in targets]
    luminosity = np.log10([galaxy.luminosity for galaxy in galaxies])
    return {
        "$V_{200}$": haloes[:, 0],
        "$c_{200}$": haloes[:, 1],
        "acceleration scale": np.log10(scales),
        "luminosity": luminosity,
        "surface brightness": np.log10([galaxy.brightness for galaxy in galaxies]),
        "gas / stars": np.log10([galaxy.hydrogen for galaxy in galaxies]) - luminosity,
        "inclination": np.array([galaxy.inclination for galaxy in galaxies]),
        "distance": np.log10([galaxy.distance for galaxy in galaxies]),
    }


def _sentence(errors: Mapping[int, Sequence[float]]) -> str:
    """What the cross-validation shows, and what it does not."""
    mean = {latents: float(np.mean(values)) for latents, values in errors.items()}
    spread = max(float(np.std(values, ddof=1)) for values in errors.values())
    best = min(mean, key=mean.__getitem__)
    if mean[0] - mean[best] < 2 * spread:
        return (
            f"No number of latent variables does better than none by twice the scatter over seeds, {spread:.4f} dex: "
            "for so few galaxies this neither shows nor excludes that they differ beyond their visible matter."
        )
    return (
        f"With {best} latent variables the error falls from {mean[0]:.4f} to {mean[best]:.4f} dex: points of a curve "
        "tell something about its others that the visible matter does not. Haloes would do that, but so do errors of "
        "distance, inclination and mass-to-light ratio, which shift a whole curve; this does not tell them apart."
    )


def _seed(settings: RotationConfig, *label: object) -> int:
    return derive_seed("rotation", settings.seed, *label)
