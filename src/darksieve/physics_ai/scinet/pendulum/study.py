"""The analysis `scinet/pendulum`: where a damped pendulum will be, and what the network remembers of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from darksieve.diagnostics.bars import bar, rounded, summarise_bars
from darksieve.physics_ai.scinet.latents import ACTIVE, correlations, latent_means, match
from darksieve.physics_ai.scinet.network import QuestionDecoder, SciNet, perceptron, seeded
from darksieve.physics_ai.scinet.pendulum.motion import (
    DAMPING,
    LATEST,
    STIFFNESS,
    TIMES,
    draw_pendulums,
    frequency,
    position,
)
from darksieve.physics_ai.scinet.training import Recipe, train
from darksieve.problem.provenance import derive_seed
from darksieve.problem.scinet import PendulumConfig

__all__ = ["study"]

ENCODER, DECODER = (500, 100), (100, 100)  # the authors' widths
BETA = 1e-3
QUESTIONS = 4  # about each pendulum in training
TESTED = 2000  # pendulums
SIDE = 25  # of the grid on which latent variables are shown
SHOWN = ((5.0, 0.5), (7.5, 0.75), (10.0, 1.0))  # stiffness and damping
DIGITS = 4


def study(settings: PendulumConfig) -> dict[str, Any]:
    """All of it; the record says what is expected of each number."""
    seed = derive_seed("pendulum", settings.seed)
    with seeded(seed):
        decoder = QuestionDecoder(settings.latents, 1, DECODER, 1)
        network = SciNet(perceptron(len(TIMES), ENCODER, 2 * settings.latents), decoder)
    test = draw_pendulums(20, widened=False)(TESTED, torch.Generator().manual_seed(derive_seed("test", seed)))
    recipe = Recipe(settings.steps, BETA, learning_rate=0.04)
    scores = train(network, draw_pendulums(QUESTIONS, widened=True), test, recipe, seed)
    final = scores[-1]
    stiffness, damping = (values.reshape(-1, 1) for values in _grid())
    latents = latent_means(network, position(stiffness, damping, TIMES))
    quantities = torch.cat([frequency(stiffness, damping), damping], dim=1).numpy()
    table = correlations(latents, quantities)
    known = match(table)
    divergences = sorted(final.divergence, reverse=True)
    bars = {
        "error": bar(final.error, None, 0.02, "root-mean-square error of the position, in amplitudes"),
        "frequency": bar(known[0], 0.98, None, "|r| of a latent variable with the angular frequency"),
        "damping": bar(known[1], 0.98, None, "|r| of another latent variable with the damping factor"),
        "active latents": bar(
            sum(kl >= ACTIVE for kl in divergences), 2, 2, f"latent variables that diverge by {ACTIVE} nats or more"
        ),
    }  # fmt: skip
    if settings.latents > 2:
        bars["unused latents"] = bar(divergences[2], None, ACTIVE, "divergence of the third latent variable, nats")
    return summarise_bars(
        bars,
        scores=[asdict(score) for score in scores],
        correlations=rounded(table, DIGITS),
        grid={
            "stiffness": list(STIFFNESS),
            "damping": list(DAMPING),
            "latents": rounded(latents.T.reshape(-1, SIDE, SIDE), DIGITS),
        },
        divergence=final.divergence,
        active=ACTIVE,
        examples=[_example(network, *values) for values in SHOWN],
    )


def _grid() -> tuple[torch.Tensor, torch.Tensor]:
    """Stiffness and damping (SIDE, SIDE), the damping along rows."""
    stiffness, damping = torch.meshgrid(torch.linspace(*STIFFNESS, SIDE), torch.linspace(*DAMPING, SIDE), indexing="ij")
    return stiffness, damping


@torch.no_grad()
def _example(network: SciNet, stiffness: float, damping: float) -> dict[str, Any]:
    """Motion of one pendulum: what was seen, the truth, and the answers."""
    kappa, b, time = torch.tensor([[stiffness]]), torch.tensor([[damping]]), torch.linspace(0.0, LATEST, 201)
    seen = position(kappa, b, TIMES)
    answer = network(seen, time.reshape(1, -1, 1)).answer
    return {
        "stiffness": stiffness,
        "damping": damping,
        "seen": {"time": rounded(TIMES, DIGITS), "position": rounded(seen[0], DIGITS)},
        "time": rounded(time, DIGITS),
        "truth": rounded(position(kappa, b, time)[0], DIGITS),
        "answer": rounded(np.asarray(answer[0, :, 0]), DIGITS),
    }
