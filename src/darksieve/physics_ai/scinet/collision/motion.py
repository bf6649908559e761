"""A free particle hits one that is bound to a circle: masses and the radius are 1, and they meet at (0, 1).

The network sees both before they meet, and the free one after it. What is asked is where the bound one is then, which
follows from the angular momentum alone, whatever becomes of the energy.

References: Iten et al. 2020, section "Conservation of angular momentum", and their code (ranges and sizes).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from darksieve.physics_ai.scinet.training import Batch, Draw

__all__ = [
    "OBSERVATION",
    "QUESTION",
    "Approach",
    "angular_momentum",
    "bound_position",
    "draw_collisions",
    "observe",
    "sample_approaches",
]

SEEN = 5  # times at which each motion is seen
NOISE = 0.01  # of each coordinate
LATEST = 4.0  # time after the collision
OBSERVATION, QUESTION = 6 * SEEN, 3 * SEEN + 1  # numbers in each


class Approach(NamedTuple):
    """What moves how before the collision, each (n, 1): velocity of the free particle, angular of the bound, time."""

    v_x: Tensor
    v_y: Tensor
    spin: Tensor
    duration: Tensor


def angular_momentum(approach: Approach) -> Tensor:
    """About the centre of the circle, (n, 1): the free particle passes (0, 1) with -v_x."""
    return approach.spin - approach.v_x


def bound_position(momentum: Tensor, v_x: Tensor, time: Tensor) -> Tensor:
    """Where the bound particle is, (..., 2), so long after the free one left with v_x, the shapes (...) broadcast."""
    angle = 0.5 * math.pi + (momentum + v_x) * time
    return torch.stack([angle.cos(), angle.sin()], dim=-1)


def draw_collisions(questions: int, exact: bool = False) -> Draw:
    """Collisions, each with so many ways in which it may end; answers are as noisy as the rest, or exact."""

    def draw(number: int, generator: torch.Generator) -> Batch:
        approach = sample_approaches(number, generator)
        v_x, v_y = (_between(-2.0, 2.0, (number, questions, 1), generator) for _ in "xy")
        seen_at = _about(torch.full_like(v_x, LATEST), generator)  # (n, k, SEEN)
        time = _between(0.0, LATEST, (number, questions), generator)
        after = [v_x * seen_at, 1 + v_y * seen_at]
        question = torch.cat([*(_noisy(x, generator) for x in after), seen_at, time.unsqueeze(-1)], dim=-1)
        answer = bound_position(angular_momentum(approach), v_x.squeeze(-1), time)
        return Batch(observe(approach, generator), question, answer if exact else _noisy(answer, generator))

    return draw


def sample_approaches(number: int, generator: torch.Generator) -> Approach:
    """Motions that lead to a collision; the free particle starts at an x between -3 and -1."""
    v_x, v_y, spin, distance = (
        _between(low, high, (number, 1), generator) for low, high in ((1.0, 2.0), (-1.0, 1.0), (1.0, 3.0), (1.0, 3.0))
    )
    return Approach(v_x, v_y, spin, distance / v_x)


def observe(approach: Approach, generator: torch.Generator) -> Tensor:
    """Noisy x, y and the time of the free particle, then of the bound one, (n, 6 SEEN); time begins with the motion."""
    free, bound = (_about(approach.duration, generator) for _ in range(2))
    to_go = free - approach.duration
    angle = 0.5 * math.pi + approach.spin * (bound - approach.duration)
    places = [approach.v_x * to_go, 1 + approach.v_y * to_go, angle.cos(), angle.sin()]
    x, y, bound_x, bound_y = (_noisy(place, generator) for place in places)
    return torch.cat([x, y, free, bound_x, bound_y, bound], dim=-1)


def _about(duration: Tensor, generator: torch.Generator) -> Tensor:
    """Times (..., SEEN) about equally far apart within durations (..., 1), the first of them 0."""
    shift = torch.rand(*duration.shape[:-1], SEEN, generator=generator) - 0.5
    shift[..., 0] = 0.0
    return duration * (torch.arange(SEEN) + shift) / (SEEN - 1)


def _noisy(values: Tensor, generator: torch.Generator) -> Tensor:
    return values + NOISE * torch.randn(values.shape, generator=generator)


def _between(low: float, high: float, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(shape, generator=generator)
