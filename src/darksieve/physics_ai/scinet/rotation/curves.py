"""How a rotation curve is shown to SciNet and asked about, and galaxies of two mock universes.

The network sees ln-spaced points of the observed and of the baryons' velocity over a range of radii, log10 of km / s
and kpc throughout, and is asked for the observed velocity where it is told the radius and the baryons' velocity.

References: Freeman 1970, ApJ 160, 811, equation 10 (thin exponential disc).
"""

from __future__ import annotations

import torch
from torch import Tensor

from darksieve.physics_ai.scinet.training import Batch, Draw
from darksieve.simulators.rotation_curve import accelerated_velocity, nfw_velocity

__all__ = [
    "OBSERVATION",
    "POINTS",
    "QUESTION",
    "TYPICAL",
    "UNIVERSES",
    "ask",
    "disc_velocity",
    "draw_galaxies",
    "mixed",
    "sample_galaxies",
    "show",
]

POINTS = 24  # of the curve that the network sees
OBSERVATION, QUESTION = 2 * POINTS + 2, 2  # numbers in each
NOISE = 0.02  # dex, of what the network sees of a mock galaxy's velocity
GRAVITY = 4.30091e-6  # kpc km^2 / s^2 / solar mass
ACCELERATION_SCALE = 1.2  # 1e-10 m / s^2, of the universe without haloes
TYPICAL = 2.0  # log10 of the velocity, km / s, that is subtracted
UNIVERSES = ("radial acceleration relation", "NFW haloes")


def disc_velocity(radius: Tensor, mass: Tensor, scale: Tensor) -> Tensor:
    """Circular velocity squared [km^2 / s^2] in a thin exponential disc, at radii and of scale lengths in kpc."""
    y = 0.5 * radius / scale
    special = torch.special
    bessel = special.i0(y) * special.modified_bessel_k0(y) - special.i1(y) * special.modified_bessel_k1(y)
    return 2 * GRAVITY * mass / scale * y**2 * bessel


def show(log_velocity: Tensor, log_baryons: Tensor, log_radius: Tensor) -> Tensor:
    """Observations (n, 50) from log10 of velocities and radii at the ln-spaced points, each (n, POINTS)."""
    return torch.cat([log_velocity - TYPICAL, log_baryons - TYPICAL, log_radius[:, [0, -1]]], dim=1)


def ask(log_radius: Tensor, log_baryons: Tensor) -> Tensor:
    """Questions (..., 2) at log10 of radii about galaxies whose baryons have these velocities there."""
    return torch.stack([log_radius, log_baryons - TYPICAL], dim=-1)


def sample_galaxies(universe: str, number: int, questions: int, generator: torch.Generator) -> tuple[Batch, Tensor]:
    """Discs of stars and gas in one of the `UNIVERSES`, and log10 of V200 [km / s] and c200, (n, 2), of their haloes.

    What is asked has an exact answer, in dex about 100 km / s. Haloes have nothing to do with the discs in them; in a
    universe of the radial acceleration relation, where the velocity follows from the baryons, they do nothing.
    """

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(number, 1, generator=generator)

    stars = uniform(8.0, 11.3)  # log10 of solar masses
    gas = 9.3 + 0.6 * (stars - 9.5) + uniform(-0.4, 0.4)
    scale = 10 ** (0.35 * (stars - 9.5) + 0.3 + uniform(-0.25, 0.25))  # kpc
    first, last = scale * 10 ** uniform(-0.5, 0.0), scale * 10 ** uniform(0.4, 0.9)
    halo = torch.cat([uniform(1.6, 2.5), uniform(0.5, 1.5)], dim=1)
    where = torch.cat(
        [torch.linspace(0, 1, POINTS).expand(number, -1), torch.rand(number, questions, generator=generator)], dim=1
    )
    radius = first * (last / first) ** where
    baryons = disc_velocity(radius, 10**stars, scale) + disc_velocity(radius, 10**gas, 2 * scale)
    if universe == UNIVERSES[0]:
        squared = accelerated_velocity(radius, baryons, torch.tensor(ACCELERATION_SCALE))
    else:
        squared = baryons + nfw_velocity(radius, *(10**halo).split(1, dim=1))
    return _split(0.5 * squared.log10(), 0.5 * baryons.log10(), radius.log10(), generator), halo


def draw_galaxies(universe: str, questions: int) -> Draw:
    """What `sample_galaxies` gives, without the haloes."""
    return lambda number, generator: sample_galaxies(universe, number, questions, generator)[0]


def mixed(draws: list[Draw]) -> Draw:
    """Equal parts of what each draws."""

    def draw(number: int, generator: torch.Generator) -> Batch:
        parts = [one(number // len(draws), generator) for one in draws]
        return Batch(*(torch.cat(columns) for columns in zip(*parts)))

    return draw


def _split(velocity: Tensor, baryons: Tensor, radius: Tensor, generator: torch.Generator) -> Batch:
    """The first points, with noise, as what is seen, the others as what is asked."""
    noisy = velocity[:, :POINTS] + NOISE * torch.randn(len(velocity), POINTS, generator=generator)
    seen = show(noisy, baryons[:, :POINTS], radius[:, :POINTS])
    return Batch(seen, ask(radius[:, POINTS:], baryons[:, POINTS:]), (velocity[:, POINTS:] - TYPICAL).unsqueeze(-1))
