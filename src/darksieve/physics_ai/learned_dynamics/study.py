"""The analysis `learned_dynamics`: energy along motion by learned Hamiltonians and by learned velocities."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import torch
from torch import Tensor

from darksieve.diagnostics.bars import bar, rounded, summarise_bars
from darksieve.physics_ai.learned_dynamics.networks import Dynamics, Kind, train
from darksieve.physics_ai.learned_dynamics.systems import (
    HALO,
    SPRING,
    TWO_BODIES,
    System,
    halo_mass,
    integrate,
    velocity,
)
from darksieve.problem.config import LearnedDynamicsConfig
from darksieve.problem.provenance import derive_seed

__all__ = ["energy_error", "study"]

KINDS: tuple[Kind, ...] = get_args(Kind)
SPRINGS = 50  # trajectories, half of them to learn from
ORBITS, TESTED = 200, 50  # trajectories to learn from, and others
BATCH = 200
FOLLOWED = 15  # trajectories along which energy is watched
LONG = 20.0  # time for which they are
POINTS = 101
RADII = np.linspace(0.5, 3.5, 31)  # at which the halo's mass is weighed, in scale radii
TURNS = 16  # places on each circle


def study(settings: LearnedDynamicsConfig) -> dict[str, Any]:
    """All of it; the record says what is expected of each number."""
    spring = [_learn(SPRING, "spring", settings, seed) for seed in range(settings.seeds)]
    bodies = _learn(TWO_BODIES, "two bodies", settings, 0)
    halo = _learn(HALO, "halo", settings, 0)
    error = {kind: float(np.median([entry[kind]["energy_error"] for entry in spring])) for kind in KINDS}
    loss = float(np.median([entry["hamiltonian"]["test_loss"] for entry in spring]))
    weighed = halo.pop("weighed")
    bars = {
        "spring, loss": bar(loss, 0.031, 0.041, "held-out loss of the Hamiltonian network, median of the seeds"),
        "spring, energy": bar(
            error["hamiltonian"], None, 6e-4, "mean square error of its energy along motion, median of the seeds"
        ),
        "spring, plain": bar(
            error["plain"] / error["hamiltonian"], 5.0, None, "the same error of the plain network over this one"
        ),
        "two bodies": bar(
            bodies["plain"]["energy_error"] / bodies["hamiltonian"]["energy_error"], 100.0, None,
            "mean square error of the energy along motion, plain network over Hamiltonian one",
        ),
        "halo": bar(
            float(np.abs(np.array(weighed["measured"]) / np.array(weighed["exact"]) - 1.0).max()), None, 0.05,
            f"M(<r) from the learned Hamiltonian's gradient off the halo's, {RADII[0]} to {RADII[-1]} r_s, largest",
        ),
    }  # fmt: skip
    return summarise_bars(bars, spring=spring, two_bodies=bodies, halo=halo, weighed=weighed)


def energy_error(system: System, dynamics: Dynamics, start: Tensor) -> tuple[float, Tensor, Tensor]:
    """Mean square change of the true energy along learned motion from `start` (n, 2 d); the motion, and the energy."""
    motion = integrate(dynamics, start.float(), LONG, POINTS).detach()
    energy = torch.stack([system.energy(states.double()) for states in motion])  # (points, n)
    return float(((energy - energy[0]) ** 2).mean()), motion, energy


def _learn(system: System, name: str, settings: LearnedDynamicsConfig, seed: int) -> dict[str, Any]:
    """Both networks on one data set: held-out loss, energy along motion, and one orbit."""
    generator = torch.Generator().manual_seed(_seed(settings, name, seed))
    few = name == "spring"
    states, velocities = system.observe(SPRINGS // 2 if few else ORBITS, generator)
    new_states, new_velocities = system.observe(SPRINGS // 2 if few else TESTED, generator)
    start = system.draw(FOLLOWED, generator)
    truth = integrate(lambda state: velocity(system.energy, state), start, LONG, POINTS)
    found: dict[str, Any] = {"time": rounded(np.linspace(0.0, LONG, POINTS)), "true_orbit": rounded(truth[:, 0], 4)}
    for kind in KINDS:
        steps = settings.spring_steps if few else settings.orbit_steps
        dynamics = train(kind, states, velocities, steps, None if few else BATCH, _seed(settings, name, seed, kind))
        error, motion, energy = energy_error(system, dynamics, start)
        found[kind] = {
            "test_loss": float(((dynamics(new_states).detach() - new_velocities) ** 2).mean()),
            "energy_error": error,
            "orbit": rounded(motion[:, 0], 4),
            "energy": rounded((energy - energy[0]).square().mean(dim=1).sqrt(), 4),
        }
        if name == "halo" and kind == "hamiltonian":
            found["weighed"] = _weigh(dynamics)
    return found


def _weigh(dynamics: Dynamics) -> dict[str, Any]:
    """Mass inside each radius by the learned acceleration of bodies on circular orbits: M(<r) = r^2 a(r)."""
    radius = torch.from_numpy(RADII)[:, None, None]
    angle = torch.arange(TURNS) * (2.0 * np.pi / TURNS)
    outwards = torch.stack([torch.cos(angle), torch.sin(angle)], dim=1).double()
    along = torch.stack([-outwards[:, 1], outwards[:, 0]], dim=1)
    speed = torch.sqrt(halo_mass(radius) / radius)
    states = torch.cat([radius * outwards, speed * along], dim=2)  # (R, turns, 4)
    acceleration = dynamics(states.flatten(0, 1).float())[:, 2:].unflatten(0, states.shape[:2])
    inwards = -(acceleration * outwards).sum(dim=2).mean(dim=1)
    mass = inwards * radius[:, 0, 0] ** 2
    return {"radius": rounded(RADII), "measured": rounded(mass.detach()), "exact": rounded(halo_mass(radius[:, 0, 0]))}


def _seed(settings: LearnedDynamicsConfig, *parts: object) -> int:
    return derive_seed("learned_dynamics", settings.seed, *parts)
