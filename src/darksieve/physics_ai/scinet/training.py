"""How a SciNet is trained, on examples that are drawn anew for every step, and how well it answers.

Matrices between hidden layers move along the nearest orthogonal matrix to their gradient (Muon), all other weights by
Adam: on the pendulum that leaves less than half of the error that Adam alone reaches in as many steps.

References: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks".
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import OneCycleLR

from darksieve.physics_ai.scinet.network import SciNet, divergence
from darksieve.problem.errors import DarksieveError

__all__ = ["Batch", "Draw", "Recipe", "Score", "evaluate", "train"]

CHECKS = 20  # times that a training is scored on its way
LARGEST_GRADIENT = 1.0  # norm of it
NARROW = 10  # a matrix with fewer rows or columns reads a question or writes an answer


class Batch(NamedTuple):
    """Observations (n, ...), questions (n, k, Q) about each, and true answers (n, k, A)."""

    observation: Tensor
    question: Tensor
    answer: Tensor


Draw = Callable[[int, torch.Generator], Batch]


@dataclass(frozen=True)
class Recipe:
    """Gradient steps, weight of the divergence, examples a step, and the largest learning rates in their one cycle."""

    steps: int
    beta: float
    batch: int = 256
    learning_rate: float = 0.03
    adam_rate: float = 2e-3


@dataclass(frozen=True)
class Score:
    """After so many steps and CPU seconds: root-mean-square distance of answers from the truth, and the mean divergence
    of each latent variable [nats]."""

    step: int
    seconds: float
    error: float
    divergence: list[float]


def train(network: SciNet, draw: Draw, test: Batch, recipe: Recipe, seed: int) -> list[Score]:
    """Train a network in place; scores of the test examples on the way, the last of them at the end.

    Raises
    ------
    DarksieveError
        If the loss is no longer a number.
    """
    generator = torch.Generator().manual_seed(seed)
    optimisers, schedules = _optimisers(network, recipe)
    scores, start = [], time.process_time()
    for step in range(1, recipe.steps + 1):
        batch = draw(recipe.batch, generator)
        reply = network(batch.observation, batch.question, generator)
        misfit = ((reply.answer - batch.answer) ** 2).sum(dim=-1).mean()
        kl = divergence(reply.mean, reply.log_scale, network.prior_scale).sum(dim=-1).mean()
        network.zero_grad()
        (misfit + recipe.beta * kl).backward()
        nn.utils.clip_grad_norm_(network.parameters(), LARGEST_GRADIENT)
        for optimiser, schedule in zip(optimisers, schedules):
            optimiser.step()
            schedule.step()
        if step % max(1, recipe.steps // CHECKS) == 0 or step == recipe.steps:
            scores.append(evaluate(network, test, step, time.process_time() - start))
            if not torch.isfinite(misfit):
                raise DarksieveError(f"the loss is {misfit.item()} after {step} steps", mend="lower the learning rate")
    return scores


@torch.no_grad()
def evaluate(network: SciNet, test: Batch, step: int = 0, seconds: float = 0.0) -> Score:
    """How well a network answers test questions from the means of its latent variables."""
    reply = network(test.observation, test.question)
    kl = divergence(reply.mean, reply.log_scale, network.prior_scale).mean(dim=0)
    error = ((reply.answer - test.answer) ** 2).sum(dim=-1).mean().sqrt()
    return Score(step, seconds, float(error), kl.tolist())


def _optimisers(network: SciNet, recipe: Recipe) -> tuple[list[Optimizer], list[OneCycleLR]]:
    """Muon and Adam for the weights that each moves, and the schedules of their learning rates."""
    wide = [weight for weight in network.parameters() if weight.ndim == 2 and min(weight.shape) >= NARROW]
    others = [weight for weight in network.parameters() if weight.ndim != 2 or min(weight.shape) < NARROW]
    optimisers: list[Optimizer] = [torch.optim.Adam(others, lr=recipe.adam_rate)]
    if wide:
        optimisers.append(torch.optim.Muon(wide, lr=recipe.learning_rate, weight_decay=0.0))
    rates = (recipe.adam_rate, recipe.learning_rate)
    return optimisers, [
        OneCycleLR(optimiser, rate, total_steps=recipe.steps, pct_start=0.1, cycle_momentum=False)
        for optimiser, rate in zip(optimisers, rates)
    ]
