"""The analysis `scinet/qubits`: the error against the number of latent variables, and where it stops to fall.

A pure state of one qubit is a point on a sphere, which no continuous encoder lays out flat: two numbers say which
state it is, but two latent variables leave a seam of wrong answers that only long training makes narrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from darksieve.diagnostics.bars import bar, rounded, summarise_bars
from darksieve.physics_ai.scinet.network import QuestionDecoder, SciNet, perceptron, seeded
from darksieve.physics_ai.scinet.qubits.states import MEASUREMENTS, degrees_of_freedom, draw_states
from darksieve.physics_ai.scinet.training import Recipe, Score, train
from darksieve.problem.provenance import derive_seed
from darksieve.problem.scinet import QubitsConfig

__all__ = ["elbow", "study"]

ENCODER = {1: (100, 100), 2: (300, 100)}  # the authors' widths
DECODER = (100, 100)
CASES = {"complete": True, "incomplete": False}
PRIOR_SCALE = 0.1
BETA = {1: 1e-4, 2: 1e-5}
QUESTIONS = 4  # about each state in training
TESTED = 2000  # states
ENOUGH = 1.25  # times the least error: what a number of latent variables that suffices may leave
DIGITS = 5


def study(settings: QubitsConfig) -> dict[str, Any]:
    """All of it; the record says what is expected of each number."""
    curves = {
        f"{qubits}, {case}": _curve(qubits, complete, settings)
        for qubits in MEASUREMENTS
        for case, complete in CASES.items()
    }
    whole, part = (dict(zip(curves[f"1, {case}"]["latents"], curves[f"1, {case}"]["error"])) for case in CASES)
    bars = {
        "three latents": bar(whole[3], None, 0.02, "error of a probability, one qubit, complete tomography"),
        "second latent": bar(whole[2] / whole[1], None, 0.6, "error with two latent variables over that with one"),
        "incomplete": bar(part[3] / part[2], 0.97, 1.03, "error with three latent variables over that with two, "
                          "one qubit, incomplete tomography"),
        "floor": bar(min(part.values()), 0.1, None, "least error, one qubit, incomplete tomography"),
    }  # fmt: skip
    return summarise_bars(bars, curves=curves, published={"1": 2, "2": 6}, enough=ENOUGH)


def elbow(latents: Sequence[int], errors: Sequence[float]) -> int:
    """The least number of latent variables that leaves no more than `ENOUGH` times the least error."""
    return next(number for number, error in zip(latents, errors) if error <= ENOUGH * min(errors))


def _curve(qubits: int, complete: bool, settings: QubitsConfig) -> dict[str, Any]:
    """Errors against the number of latent variables."""
    latents = settings.one_qubit if qubits == 1 else settings.two_qubits
    scores = [_train(qubits, complete, number, settings) for number in latents]
    errors = [score.error for score in scores]
    return {
        "latents": latents,
        "error": rounded(errors, DIGITS),
        "divergence": [rounded(score.divergence, DIGITS) for score in scores],
        "settled": elbow(latents, errors),
        "degrees_of_freedom": degrees_of_freedom(qubits, complete),
    }


def _train(qubits: int, complete: bool, latents: int, settings: QubitsConfig) -> Score:
    """How well a network does with so many latent variables, on measurements that all such networks share."""
    shared = derive_seed("qubits", settings.seed, qubits, complete)
    generator = torch.Generator().manual_seed(shared)
    draw = draw_states(qubits, QUESTIONS, complete, generator)
    test = draw(TESTED, generator)
    inputs, seed = MEASUREMENTS[qubits], derive_seed("network", shared, latents)
    with seeded(seed):
        encoder = perceptron(inputs, ENCODER[qubits], 2 * latents) if latents else None
        network = SciNet(encoder, QuestionDecoder(latents, inputs, DECODER, 1), PRIOR_SCALE)
    return train(network, draw, test, Recipe(settings.steps, BETA[qubits]), seed)[-1]
