"""The motion of damped pendulums of unit mass and amplitude, and questions about where they are.

References: Iten et al. 2020, section "Damped pendulum", and their code (ranges and sizes).
"""

from __future__ import annotations

import torch
from torch import Tensor

from darksieve.physics_ai.scinet.training import Batch, Draw

__all__ = ["DAMPING", "LATEST", "STIFFNESS", "TIMES", "draw_pendulums", "frequency", "position"]

STIFFNESS = (5.0, 10.0)  # spring constant kappa
DAMPING = (0.5, 1.0)  # damping factor b
WIDENED = 0.2  # share by which training goes beyond both ranges
TIMES = torch.linspace(0.0, 5.0, 50)  # of the observation
LATEST = 10.0  # time that is asked about


def frequency(stiffness: Tensor, damping: Tensor) -> Tensor:
    """Angular frequency sqrt(kappa - b^2 / 4) of a pendulum that is damped less than critically."""
    return (stiffness - 0.25 * damping**2).sqrt()


def position(stiffness: Tensor, damping: Tensor, time: Tensor) -> Tensor:
    """exp(-b t / 2) cos(omega t), the shapes broadcast."""
    return torch.exp(-0.5 * damping * time) * torch.cos(frequency(stiffness, damping) * time)


def draw_pendulums(questions: int, widened: bool) -> Draw:
    """Pendulums, each seen at `TIMES` and asked about at so many later or earlier times."""

    def draw(number: int, generator: torch.Generator) -> Batch:
        stiffness, damping = (_between(number, edges, widened, generator) for edges in (STIFFNESS, DAMPING))
        time = LATEST * torch.rand(number, questions, generator=generator)
        answer = position(stiffness, damping, time)
        return Batch(position(stiffness, damping, TIMES), time.unsqueeze(-1), answer.unsqueeze(-1))

    return draw


def _between(number: int, edges: tuple[float, float], widened: bool, generator: torch.Generator) -> Tensor:
    low, high = edges
    if widened:
        low, high = (1 - WIDENED) * low, (1 + WIDENED) * high
    return low + (high - low) * torch.rand(number, 1, generator=generator)
