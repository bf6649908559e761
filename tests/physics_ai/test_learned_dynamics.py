"""Learned dynamics: integration against closed forms, and what a Hamiltonian network conserves by construction."""

import math

import pytest
import torch

from darksieve.physics_ai.learned_dynamics.networks import Dynamics, train
from darksieve.physics_ai.learned_dynamics.study import study
from darksieve.physics_ai.learned_dynamics.systems import (
    HALO,
    SPRING,
    TWO_BODIES,
    halo_mass,
    integrate,
    velocity,
)
from darksieve.problem.config import LearnedDynamicsConfig


def test_spring_turns_by_twice_the_time():
    start = torch.tensor([[0.6, 0.0]], dtype=torch.float64)
    motion = integrate(lambda state: velocity(SPRING.energy, state), start, 3.0, 31)[:, 0]
    time = torch.linspace(0, 3, 31, dtype=torch.float64)
    exact = 0.6 * torch.stack([torch.cos(2 * time), -torch.sin(2 * time)], dim=1)
    assert motion.numpy() == pytest.approx(exact.numpy(), abs=1e-5)


@pytest.mark.parametrize("system", [SPRING, TWO_BODIES, HALO])
def test_true_motion_keeps_its_energy(system):
    start = system.draw(5, torch.Generator().manual_seed(1))
    motion = integrate(lambda state: velocity(system.energy, state), start, 5.0, 11)
    energies = torch.stack([system.energy(states) for states in motion])
    assert (energies - energies[0]).abs().max() < 1e-5


def test_halo_attracts_with_the_mass_inside():
    state = torch.tensor([[2.0, 0.0, 0.0, 0.3]], dtype=torch.float64)
    acceleration = velocity(HALO.energy, state)[0, 2:]
    assert float(acceleration[0]) == pytest.approx(-float(halo_mass(torch.tensor(2.0, dtype=torch.float64))) / 4)
    assert float(acceleration[1]) == pytest.approx(0.0)


def test_two_bodies_on_a_circle_return():
    radius = 0.8
    speed = 0.5 / math.sqrt(radius)
    start = torch.tensor([[radius, 0, -radius, 0, 0, speed, 0, -speed]], dtype=torch.float64)
    period = 2 * math.pi * radius / speed
    motion = integrate(lambda state: velocity(TWO_BODIES.energy, state), start, period, 5)
    assert motion[-1].numpy() == pytest.approx(start.numpy(), abs=1e-4)


def test_motion_of_a_hamiltonian_network_keeps_the_learned_energy():
    torch.manual_seed(1)
    dynamics = Dynamics("hamiltonian", 4).double().eval()
    start = torch.randn(3, 4, dtype=torch.float64)
    motion = integrate(dynamics, start, 2.0, 3)
    with torch.no_grad():
        energies = torch.stack([dynamics.energy(states) for states in motion])
    assert (energies - energies[0]).abs().max() < 1e-5
    assert (motion[-1] - start).abs().max() > 0.1


@pytest.mark.parametrize("kind", ["plain", "hamiltonian"])
def test_networks_learn_a_spring(kind):
    states, velocities = SPRING.observe(10, torch.Generator().manual_seed(1))
    spread = float((velocities**2).mean())
    dynamics = train(kind, states, velocities, 200, None, 1)
    assert float(((dynamics(states).detach() - velocities) ** 2).mean()) < 0.2 * spread


@pytest.mark.slow
def test_full_study_passes_its_bars():
    assert study(LearnedDynamicsConfig())["passed"]
