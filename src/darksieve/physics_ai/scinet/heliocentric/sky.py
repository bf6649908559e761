"""Where the Sun and Mars stand as seen from Earth, the orbits being circles in one plane about the Sun.

References: Iten et al. 2020, section "Heliocentric solar system", and their code (radius, periods, sizes).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from darksieve.physics_ai.scinet.training import Batch, Draw

__all__ = ["RATES", "STEPS", "draw_skies", "geocentric", "heliocentric", "unwrap"]

MARS_RADIUS = 1.52366231  # of its orbit, in that of Earth's
PERIODS = (365.26, 686.97959)  # days, of Earth and Mars
INTERVAL = 7.0  # days from an observation to the next
STEPS = 50  # observations that are predicted
RATES = tuple(2 * math.pi * INTERVAL / period for period in PERIODS)  # radians an interval


def geocentric(earth: Tensor, mars: Tensor) -> tuple[Tensor, Tensor]:
    """Directions from Earth to the Sun and to Mars, from heliocentric angles, all in radians.

    That to the Sun goes on beyond 2 pi as Earth's angle does; that to Mars lies between -pi and pi.
    """
    x = MARS_RADIUS * mars.cos() - earth.cos()
    y = MARS_RADIUS * mars.sin() - earth.sin()
    return earth + math.pi, torch.atan2(y, x)


def heliocentric(sun: Tensor, mars: Tensor) -> tuple[Tensor, Tensor]:
    """Heliocentric angles of Earth and Mars, continuous in the directions from Earth to the Sun and to Mars.

    By the law of sines in the triangle of Sun, Earth and Mars: sin(phi_M - theta_M) = sin(theta_M - theta_S) / R_M.
    """
    return sun - math.pi, mars + torch.asin(torch.sin(mars - sun) / MARS_RADIUS)


def unwrap(angle: Tensor) -> Tensor:
    """Angles (..., T) with whole turns added so that none differs from the one before by more than half a turn."""
    turns = torch.round(torch.diff(angle, dim=-1) / (2 * math.pi)).cumsum(dim=-1)
    return torch.cat([angle[..., :1], angle[..., 1:] - 2 * math.pi * turns], dim=-1)


def draw_skies(questions: int | None) -> Draw:
    """Skies of random dates, each asked about after so many random numbers of steps, or after every one (None)."""
    steps = torch.arange(STEPS + 1.0)

    def draw(number: int, generator: torch.Generator) -> Batch:
        first = torch.rand(2, number, 1, generator=generator)
        earth = math.pi * (2.4 * first[0] - 1.2) + RATES[0] * steps  # the Sun a little beyond one turn
        sun, mars = geocentric(earth, 2 * math.pi * first[1] + RATES[1] * steps)
        series = torch.stack([sun, unwrap(mars)], dim=-1)  # (n, STEPS + 1, 2)
        if questions is None:
            return Batch(series[:, 0], steps.expand(number, -1).unsqueeze(-1), series)
        asked = torch.randint(STEPS + 1, (number, questions, 1), generator=generator)
        return Batch(series[:, 0], asked.to(series), series.gather(1, asked.expand(-1, -1, 2)))

    return draw
