"""Systems whose motion is known: a spring, pendulums, two bodies, orbits in a dark-matter halo.

A state (..., 2 d) holds d coordinates and then d momenta, or the velocities where a system gives its Lagrangian. All
masses, lengths and the pendulums' gravity are one. The halo is that of Navarro, Frenk & White 1997, ApJ 490, 493, in
units of its scale radius r_s, and of sqrt(4 pi G rho_s) r_s for velocities: M(<r) = ln(1 + r) - r / (1 + r).

References: Greydanus, Dzamba & Yosinski 2019, NeurIPS 32 (arXiv 1906.01563), sections 3 and 4 (spring and two bodies);
Cranmer et al. 2020 (arXiv 2003.04630), eq. 6 (motion from a Lagrangian) and section 4 (double pendulum).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = [
    "DOUBLE_PENDULUM",
    "HALO",
    "PENDULUM",
    "SPRING",
    "TWO_BODIES",
    "System",
    "halo_mass",
    "integrate",
    "lagrangian_velocity",
    "velocity",
]

STEP = 0.05  # of the integration


@dataclass(frozen=True)
class System:
    """A system, and how its motion is observed.

    Attributes
    ----------
    energy : callable
        States (n, 2 d) to their energy (n,).
    draw : callable
        So many initial states (n, 2 d), given a generator.
    duration, points : float, int
        Of an observed trajectory.
    noise : float
        Standard deviation of what is added to observed states, not to their derivatives.
    lagrangian : callable, optional
        States (n, 2 d) of coordinates and velocities to their Lagrangian (n,); without one states are canonical.
    """

    energy: Callable[[Tensor], Tensor]
    draw: Callable[[int, torch.Generator], Tensor]
    duration: float
    points: int
    noise: float = 0.0
    lagrangian: Callable[[Tensor], Tensor] | None = None

    @property
    def interval(self) -> float:
        """Time between two points of an observed trajectory."""
        return self.duration / (self.points - 1)

    def derivative(self, state: Tensor) -> Tensor:
        """True time derivative (n, 2 d) of states."""
        if self.lagrangian is not None:
            return lagrangian_velocity(self.lagrangian, state)
        return velocity(self.energy, state)

    def observe(self, trajectories: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Noisy states and their true derivatives, (points, trajectories, 2 d)."""
        states = integrate(self.derivative, self.draw(trajectories, generator), self.duration, self.points)
        noise = self.noise * torch.randn(states.shape, generator=generator, dtype=states.dtype)
        return (states + noise).float(), self.derivative(states.flatten(0, 1)).unflatten(0, states.shape[:2]).float()


def velocity(energy: Callable[[Tensor], Tensor], state: Tensor, differentiable: bool = False) -> Tensor:
    """Time derivative (n, 2 d) of states by Hamilton's equations, from the gradient of an energy (n,).

    `differentiable`: whether the result is to be differentiated again, by what the energy depends on.
    """
    with torch.enable_grad():
        state = state if state.requires_grad else state.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(energy(state).sum(), state, create_graph=differentiable)
    by_position, by_momentum = gradient.chunk(2, dim=-1)
    return torch.cat([by_momentum, -by_position], dim=-1)


def lagrangian_velocity(lagrangian: Callable[[Tensor], Tensor], state: Tensor, differentiable: bool = False) -> Tensor:
    """Time derivative (n, 2 d) of coordinates and velocities by the equations of Euler and Lagrange.

    `differentiable`: as for `velocity`.
    """
    with torch.enable_grad():
        state = state if state.requires_grad else state.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(lagrangian(state).sum(), state, create_graph=True)
        by_position, momentum = gradient.chunk(2, dim=-1)
        rows = [
            torch.autograd.grad(values.sum(), state, create_graph=differentiable, retain_graph=True)[0]
            for values in momentum.unbind(dim=-1)
        ]
        by_state, mass = torch.stack(rows, dim=-2).chunk(2, dim=-1)  # of each momentum, (n, d, d) both
        speed = state.chunk(2, dim=-1)[1]
        acceleration = torch.linalg.solve(mass, by_position - (by_state @ speed[..., None])[..., 0])
        found = torch.cat([speed, acceleration], dim=-1)
    return found if differentiable else found.detach()


def integrate(derivative: Callable[[Tensor], Tensor], start: Tensor, duration: float, points: int) -> Tensor:
    """States (points, n, 2 d) at equal intervals from `start` (n, 2 d) on, by Runge-Kutta of fourth order."""
    substeps = max(1, math.ceil(duration / (points - 1) / STEP))
    step = duration / (points - 1) / substeps
    states, state = [start], start
    for _ in range(points - 1):
        for _ in range(substeps):
            first = derivative(state)
            second = derivative(state + 0.5 * step * first)
            third = derivative(state + 0.5 * step * second)
            fourth = derivative(state + step * third)
            state = (state + step / 6.0 * (first + 2.0 * second + 2.0 * third + fourth)).detach()
        states.append(state)
    return torch.stack(states)


def _uniform(number: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(number, 1, generator=generator, dtype=torch.float64)


def _draw_direction(number: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Unit vectors (n, 2), and those a quarter turn on."""
    angle = _uniform(number, 0.0, 2.0 * math.pi, generator)
    cosine, sine = torch.cos(angle), torch.sin(angle)
    return torch.cat([cosine, sine], dim=1), torch.cat([-sine, cosine], dim=1)


def _draw_spring(number: int, generator: torch.Generator) -> Tensor:
    return _uniform(number, 0.1, 1.0, generator) * _draw_direction(number, generator)[0]


def _pendulum_energy(state: Tensor) -> Tensor:
    return 0.5 * state[:, 1] ** 2 - torch.cos(state[:, 0])


def _draw_pendulum(number: int, generator: torch.Generator) -> Tensor:
    """At rest, up to 2 radians from the vertical."""
    angle = _uniform(number, -2.0, 2.0, generator)
    return torch.cat([angle, torch.zeros_like(angle)], dim=1)


def _double_pendulum_parts(state: Tensor) -> tuple[Tensor, Tensor]:
    """Kinetic and potential energy (n,)."""
    first, second, one, other = state.unbind(dim=1)
    return one**2 + 0.5 * other**2 + one * other * torch.cos(first - second), -2.0 * first.cos() - second.cos()


def _double_pendulum_energy(state: Tensor) -> Tensor:
    kinetic, potential = _double_pendulum_parts(state)
    return kinetic + potential


def _double_pendulum_lagrangian(state: Tensor) -> Tensor:
    kinetic, potential = _double_pendulum_parts(state)
    return kinetic - potential


def _draw_double_pendulum(number: int, generator: torch.Generator) -> Tensor:
    """At rest, both at most a radian from the vertical, so that neither has the energy to turn over."""
    angles = torch.cat([_uniform(number, -1.0, 1.0, generator) for _ in range(2)], dim=1)
    return torch.cat([angles, torch.zeros_like(angles)], dim=1)


def _two_body_energy(state: Tensor) -> Tensor:
    first, second = state[:, :2], state[:, 2:4]
    return 0.5 * (state[:, 4:] ** 2).sum(dim=1) - 1.0 / (first - second).norm(dim=1)


def _draw_two_bodies(number: int, generator: torch.Generator) -> Tensor:
    """Bodies of mass one around their centre, on orbits that are circles but for a tenth of their speed."""
    radius = _uniform(number, 0.5, 1.5, generator)
    outwards, along = _draw_direction(number, generator)
    speed = 0.5 / radius.sqrt() * _uniform(number, 0.9, 1.1, generator)
    return torch.cat([radius * outwards, -radius * outwards, speed * along, -speed * along], dim=1)


def halo_mass(radius: Tensor) -> Tensor:
    """Mass of the halo inside a radius."""
    return torch.log1p(radius) - radius / (1.0 + radius)


def _halo_energy(state: Tensor) -> Tensor:
    radius = state[:, :2].norm(dim=1)
    return 0.5 * (state[:, 2:] ** 2).sum(dim=1) - torch.log1p(radius) / radius


def _draw_halo(number: int, generator: torch.Generator) -> Tensor:
    """Orbits in a plane, from half to one and a third times the circular speed, tangential at first."""
    radius = _uniform(number, 0.5, 4.0, generator)
    outwards, along = _draw_direction(number, generator)
    speed = torch.sqrt(halo_mass(radius) / radius) * _uniform(number, 0.5, 1.3, generator)
    return torch.cat([radius * outwards, speed * along], dim=1)


SPRING = System(lambda state: (state**2).sum(dim=1), _draw_spring, duration=3.0, points=30, noise=0.1)
PENDULUM = System(_pendulum_energy, _draw_pendulum, duration=10.0, points=51)
DOUBLE_PENDULUM = System(
    _double_pendulum_energy, _draw_double_pendulum, duration=5.0, points=51, lagrangian=_double_pendulum_lagrangian
)
TWO_BODIES = System(_two_body_energy, _draw_two_bodies, duration=20.0, points=50)
HALO = System(_halo_energy, _draw_halo, duration=20.0, points=50)
