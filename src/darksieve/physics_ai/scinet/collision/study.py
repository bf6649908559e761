"""The analysis `scinet/collision`: the one number that a collision conserves and its prediction needs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch

from darksieve.diagnostics.bars import bar, rounded, summarise_bars
from darksieve.physics_ai.scinet.collision.motion import (
    OBSERVATION,
    QUESTION,
    angular_momentum,
    draw_collisions,
    observe,
    sample_approaches,
)
from darksieve.physics_ai.scinet.latents import correlations, latent_means
from darksieve.physics_ai.scinet.network import QuestionDecoder, SciNet, perceptron, seeded
from darksieve.physics_ai.scinet.training import Recipe, train
from darksieve.problem.provenance import derive_seed
from darksieve.problem.scinet import CollisionConfig

__all__ = ["study"]

ENCODER, DECODER = (150, 100), (100, 150)  # the authors' widths
QUESTIONS = 4  # about each collision in training
TESTED = 2000  # collisions
SHOWN = 600  # of them in the figure
DIGITS = 4


def study(settings: CollisionConfig) -> dict[str, Any]:
    """All of it; the record says what is expected of each number."""
    seed = derive_seed("collision", settings.seed)
    with seeded(seed):
        network = SciNet(perceptron(OBSERVATION, ENCODER, 2), QuestionDecoder(1, QUESTION, DECODER, 2))
    generator = torch.Generator().manual_seed(derive_seed("test", seed))
    test = draw_collisions(10, exact=True)(TESTED, generator)
    scores = train(network, draw_collisions(QUESTIONS), test, Recipe(settings.steps, beta=0.0), seed)
    approaches = sample_approaches(TESTED, generator)
    latents = latent_means(network, observe(approaches, generator))
    momentum = angular_momentum(approaches)
    quantities = {
        "angular momentum": momentum, "spin": approaches.spin, "$v_x$": approaches.v_x, "$v_y$": approaches.v_y,
        "duration": approaches.duration,
    }  # fmt: skip
    known = correlations(latents, torch.cat(list(quantities.values()), dim=1))[0]
    bars = {
        "angular momentum": bar(known[0], 0.99, None, "|r| of the latent variable with the conserved angular momentum"),
        "error": bar(
            scores[-1].error, None, 0.04, "root-mean-square distance of the answer from the bound particle, in radii"
        ),
    }  # fmt: skip
    return summarise_bars(
        bars,
        scores=[asdict(score) for score in scores],
        correlations=dict(zip(quantities, rounded(known, DIGITS))),
        latent=rounded(latents[:SHOWN, 0], DIGITS),
        angular_momentum=rounded(momentum[:SHOWN, 0], DIGITS),
        spin=rounded(approaches.spin[:SHOWN, 0], DIGITS),
    )
