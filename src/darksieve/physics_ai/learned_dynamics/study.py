"""The analysis `learned_dynamics`: energy along motion by learned Hamiltonians, Lagrangians and velocities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from darksieve.diagnostics.bars import bar, rounded, summarise_bars
from darksieve.physics_ai.learned_dynamics.networks import Dynamics, train, train_by_motion
from darksieve.physics_ai.learned_dynamics.systems import (
    DOUBLE_PENDULUM,
    HALO,
    PENDULUM,
    SPRING,
    TWO_BODIES,
    System,
    halo_mass,
    integrate,
)
from darksieve.problem.provenance import derive_seed
from darksieve.problem.theories import LearnedDynamicsConfig

__all__ = ["energy_error", "growth", "study"]

BATCH = 200
FOLLOWED = 15  # trajectories along which energy is watched
LONG = 20.0  # time for which they are
POINTS = 101
RADII = np.linspace(0.5, 3.5, 31)  # at which the halo's mass is weighed, in scale radii
TURNS = 16  # places on each circle


@dataclass(frozen=True)
class Case:
    """A system, who learns it, and from how much.

    Attributes
    ----------
    system : System
    learners : sequence of str
        Kinds of `Dynamics`, and `neural_ode`.
    learned, tested : int
        Trajectories to learn from, and others.
    steps : str
        Key of the settings that holds the number of gradient steps.
    batch : int or None
        States a step, or all.
    annealed : bool
        See `train`.
    """

    system: System
    learners: Sequence[str]
    learned: int
    tested: int
    steps: str
    batch: int | None = BATCH
    annealed: bool = False


CASES: Mapping[str, Case] = {
    "spring": Case(SPRING, ("plain", "hamiltonian"), 25, 25, "spring_steps", batch=None),
    "pendulum": Case(
        PENDULUM, ("plain", "neural_ode", "hamiltonian", "lagrangian"), 50, 25, "pendulum_steps", annealed=True
    ),
    "double_pendulum": Case(
        DOUBLE_PENDULUM, ("plain", "neural_ode", "lagrangian"), 200, 50, "pendulum_steps", annealed=True
    ),
    "two_bodies": Case(TWO_BODIES, ("plain", "hamiltonian"), 200, 50, "orbit_steps"),
    "halo": Case(HALO, ("plain", "hamiltonian"), 200, 50, "orbit_steps", annealed=True),
}  # fmt: skip


def study(settings: LearnedDynamicsConfig) -> dict[str, Any]:
    """All of it; the record says what is expected of each number."""
    spring = [_learn("spring", settings, seed)[0] for seed in range(settings.seeds)]
    pendulum, _ = _learn("pendulum", settings)
    double, _ = _learn("double_pendulum", settings)
    bodies, _ = _learn("two_bodies", settings)
    halo, learned = _learn("halo", settings)
    weighed = _weigh(learned["hamiltonian"])
    error = {
        kind: float(np.median([entry[kind]["energy_error"] for entry in spring])) for kind in CASES["spring"].learners
    }
    loss = float(np.median([entry["hamiltonian"]["test_loss"] for entry in spring]))
    drift = "mean square error of the energy along motion, plain network over"
    bars = {
        "spring, loss": bar(loss, 0.031, 0.041, "held-out loss of the Hamiltonian network, median of the seeds"),
        "spring, energy": bar(
            error["hamiltonian"], None, 6e-4, "mean square error of its energy along motion, median of the seeds"
        ),
        "spring, plain": bar(
            error["plain"] / error["hamiltonian"], 5.0, None, "the same error of the plain network over this one"
        ),
        "pendulum, Hamiltonian": bar(_gain(pendulum, "hamiltonian"), 10.0, None, f"{drift} Hamiltonian one"),
        "pendulum, Lagrangian": bar(_gain(pendulum, "lagrangian"), 10.0, None, f"{drift} Lagrangian one"),
        "double pendulum": bar(_gain(double, "lagrangian"), 2.0, None, f"{drift} Lagrangian one"),
        "double pendulum, drift": bar(
            growth(double["lagrangian"]["energy"]), None, 1.3,
            "r.m.s. change of the energy by the Lagrangian network in the last quarter of the time over the second, "
            f"where the plain network's is {growth(double['plain']['energy']):.2g}",
        ),
        "neural ODE": bar(
            max(entry["neural_ode"]["test_loss"] / entry["scatter"] for entry in (pendulum, double)), None, 0.01,
            "held-out error of the derivatives of pendulums, which it never saw, over their variance, larger of two",
        ),
        "two bodies": bar(_gain(bodies, "hamiltonian"), 100.0, None, f"{drift} Hamiltonian one"),
        "halo": bar(
            float(np.abs(np.array(weighed["measured"]) / np.array(weighed["exact"]) - 1.0).max()), None, 0.05,
            f"M(<r) from the learned Hamiltonian's gradient off the halo's, {RADII[0]} to {RADII[-1]} r_s, largest",
        ),
    }  # fmt: skip
    return summarise_bars(
        bars, spring=spring, pendulum=pendulum, double_pendulum=double, two_bodies=bodies, halo=halo, weighed=weighed
    )


def energy_error(system: System, dynamics: Dynamics, start: Tensor) -> tuple[float, Tensor, Tensor]:
    """Mean square change of the true energy along learned motion from `start` (n, 2 d); the motion, and the energy."""
    motion = integrate(dynamics, start.float(), LONG, POINTS).detach()
    energy = torch.stack([system.energy(states.double()) for states in motion])  # (points, n)
    return float(((energy - energy[0]) ** 2).mean()), motion, energy


def growth(changes: Sequence[float]) -> float:
    """Root mean square of the last quarter of changes of the energy over that of the second quarter: one without drift.

    What a network has not learned changes the energy from the first moments on; only drift goes on.
    """
    quarters = np.array_split(np.square(changes), 4)
    return float(np.sqrt(quarters[3].mean() / quarters[1].mean()))


def _gain(entry: Mapping[str, Any], learner: str) -> float:
    return entry["plain"]["energy_error"] / entry[learner]["energy_error"]


def _learn(name: str, settings: LearnedDynamicsConfig, seed: int = 0) -> tuple[dict[str, Any], dict[str, Dynamics]]:
    """All learners on one data set: held-out loss, energy along motion, and one orbit; and what they learned."""
    case = CASES[name]
    generator = torch.Generator().manual_seed(_seed(settings, name, seed))
    states, velocities = case.system.observe(case.learned, generator)
    new_states, new_velocities = (values.flatten(0, 1) for values in case.system.observe(case.tested, generator))
    start = case.system.draw(FOLLOWED, generator)
    truth = integrate(case.system.derivative, start, LONG, POINTS)
    shown = int(start[:, 0].abs().argmax())
    found: dict[str, Any] = {
        "time": rounded(np.linspace(0.0, LONG, POINTS)),
        "true_orbit": rounded(truth[:, shown], 4),
        "scatter": float(new_velocities.var()),
    }
    learned: dict[str, Dynamics] = {}
    for learner in case.learners:
        steps, start_seed = getattr(settings, case.steps), _seed(settings, name, seed, learner)
        if learner == "neural_ode":
            dynamics = train_by_motion(states, case.system.interval, steps, BATCH, start_seed)
        else:
            dynamics = train(learner, states, velocities, steps, case.batch, start_seed, case.annealed)  # type: ignore[arg-type]
        error, motion, energy = energy_error(case.system, dynamics, start)
        learned[learner] = dynamics
        found[learner] = {
            "test_loss": float(((dynamics(new_states).detach() - new_velocities) ** 2).mean()),
            "energy_error": error,
            "orbit": rounded(motion[:, shown], 4),
            "energy": rounded((energy - energy[0]).square().mean(dim=1).sqrt(), 4),
        }
    return found, learned


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
