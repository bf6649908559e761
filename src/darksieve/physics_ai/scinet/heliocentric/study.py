"""The analysis `scinet/heliocentric`: latent variables that move at constant rates are angles as seen from the Sun."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import torch

from darksieve.diagnostics.bars import bar, rounded, summarise_bars
from darksieve.physics_ai.scinet.heliocentric.sky import INTERVAL, RATES, STEPS, draw_skies, heliocentric
from darksieve.physics_ai.scinet.latents import fit_linear, latent_means
from darksieve.physics_ai.scinet.network import SciNet, SteppingDecoder, perceptron, seeded
from darksieve.physics_ai.scinet.training import Recipe, train
from darksieve.problem.provenance import derive_seed
from darksieve.problem.scinet import HeliocentricConfig

__all__ = ["study"]

HIDDEN = (100, 100)  # the authors' widths, of encoder and decoder
PRIOR_SCALE = 0.1
BETA = 1e-4
QUESTIONS = 8  # numbers of steps after which each sky is asked about in training
TESTED = 2000  # skies
SHOWN = 800  # of them in the figure
TURN = 2 * math.pi
DIGITS = 4


def study(settings: HeliocentricConfig) -> dict[str, Any]:
    """All of it; the record says what is expected of each number."""
    seed = derive_seed("heliocentric", settings.seed)
    with seeded(seed):
        decoder = SteppingDecoder(2, HIDDEN, 2)
        network = SciNet(perceptron(2, HIDDEN, 4), decoder, PRIOR_SCALE)
    test = draw_skies(None)(TESTED, torch.Generator().manual_seed(derive_seed("test", seed)))
    scores = train(network, draw_skies(QUESTIONS), test, Recipe(settings.steps, BETA), seed)
    latents = latent_means(network, test.observation)
    angles = torch.stack(heliocentric(*test.observation.unbind(dim=1)), dim=1).numpy()
    fit = fit_linear(latents, angles)
    rates = fit.coefficients @ decoder.rate.detach().double().numpy()
    error = scores[-1].error / math.sqrt(2) / TURN
    bars = {
        f"{planet} angle": bar(value, 0.98, None, f"R^2 of the heliocentric angle of {planet}, linear in the latents")
        for planet, value in zip(("Earth", "Mars"), fit.explained)
    } | {
        f"{planet} speed": bar(rate / true, 0.95, 1.05, f"speed of {planet} that the latents imply, over the true one")
        for planet, rate, true in zip(("Earth", "Mars"), rates, RATES)
    } | {
        "error": bar(
            error, None, 0.004, f"root-mean-square error of an angle over {STEPS} steps of {INTERVAL:g} days, in turns"
        )
    }  # fmt: skip
    return summarise_bars(
        bars,
        scores=[asdict(score) for score in scores],
        published=0.0031,
        rates={"implied": rates.tolist(), "true": list(RATES)},
        angles=rounded(angles[:SHOWN], DIGITS),
        predicted=rounded(fit(latents)[:SHOWN], DIGITS),
        latents=rounded(latents[:SHOWN], DIGITS),
        series=_series(network),
    )


@torch.no_grad()
def _series(network: SciNet) -> dict[str, Any]:
    """One sky as it moved and as it was predicted, of those that come where Mars turns back the farthest."""
    batch = draw_skies(None)(200, torch.Generator().manual_seed(1))
    back = (batch.answer[..., 1].diff(dim=1).clamp_max(0.0)).sum(dim=1).argmin()
    answer = network(batch.observation[back : back + 1], batch.question[back : back + 1]).answer[0]
    return {"truth": rounded(batch.answer[back], DIGITS), "answer": rounded(answer, DIGITS)}
