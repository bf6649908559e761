"""Learned dynamics: integration against closed forms, and what a Hamiltonian network conserves by construction."""

import math

import pytest
import torch
from scipy.special import ellipk

from darksieve.physics_ai.learned_dynamics.networks import Dynamics, train, train_by_motion
from darksieve.physics_ai.learned_dynamics.study import growth, study
from darksieve.physics_ai.learned_dynamics.systems import (
    DOUBLE_PENDULUM,
    HALO,
    PENDULUM,
    SPRING,
    TWO_BODIES,
    halo_mass,
    integrate,
    lagrangian_velocity,
    velocity,
)
from darksieve.problem.theories import LearnedDynamicsConfig


def test_spring_turns_by_twice_the_time():
    start = torch.tensor([[0.6, 0.0]], dtype=torch.float64)
    motion = integrate(lambda state: velocity(SPRING.energy, state), start, 3.0, 31)[:, 0]
    time = torch.linspace(0, 3, 31, dtype=torch.float64)
    exact = 0.6 * torch.stack([torch.cos(2 * time), -torch.sin(2 * time)], dim=1)
    assert motion.numpy() == pytest.approx(exact.numpy(), abs=1e-5)


@pytest.mark.parametrize("system", [SPRING, PENDULUM, DOUBLE_PENDULUM, TWO_BODIES, HALO])
def test_true_motion_keeps_its_energy(system):
    start = system.draw(5, torch.Generator().manual_seed(1))
    motion = integrate(system.derivative, start, 5.0, 11)
    energies = torch.stack([system.energy(states) for states in motion])
    assert (energies - energies[0]).abs().max() < 1e-5


def test_pendulum_has_the_period_of_the_elliptic_integral():
    """T = 4 K(sin^2(a / 2)) for an amplitude a."""
    amplitude = 1.7
    start = torch.tensor([[amplitude, 0.0]], dtype=torch.float64)
    motion = integrate(PENDULUM.derivative, start, 4 * ellipk(math.sin(amplitude / 2) ** 2), 5)[:, 0, 0]
    assert motion.numpy() == pytest.approx([amplitude, 0.0, -amplitude, 0.0, amplitude], abs=1e-5)


def test_double_pendulum_accelerates_as_its_equations_of_motion_say():
    """Both equations solved for the accelerations by hand, all lengths, masses and gravity one."""
    state = torch.tensor([[0.4, -0.7, 0.3, 1.1]], dtype=torch.float64)
    a, b, u, v = state[0].tolist()
    c, s = math.cos(a - b), math.sin(a - b)
    first, second = -s * v**2 - 2 * math.sin(a), s * u**2 - math.sin(b)
    exact = [(first - c * second) / (2 - c**2), (2 * second - c * first) / (2 - c**2)]
    assert DOUBLE_PENDULUM.derivative(state)[0].tolist() == pytest.approx([u, v, *exact])


def test_lagrangian_and_hamiltonian_give_one_motion():
    """Momenta and velocities of a pendulum are the same."""
    state = PENDULUM.draw(4, torch.Generator().manual_seed(2)) + torch.tensor([0.0, 0.5])
    found = lagrangian_velocity(lambda state: 0.5 * state[:, 1] ** 2 + torch.cos(state[:, 0]), state)
    assert found.numpy() == pytest.approx(velocity(PENDULUM.energy, state).numpy())


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


def test_motion_of_a_lagrangian_network_keeps_the_energy_of_its_lagrangian():
    """p v - L, with p = dL / dv."""
    torch.manual_seed(1)
    dynamics = Dynamics("lagrangian", 4).double().eval()
    start = torch.randn(3, 4, dtype=torch.float64)
    motion = integrate(dynamics, start, 2.0, 3)

    def energy(state):
        state = state.detach().requires_grad_()
        value = dynamics.lagrangian(state)
        (gradient,) = torch.autograd.grad(value.sum(), state)
        return ((gradient * state)[:, 2:].sum(dim=1) - value).detach()

    assert (energy(motion[-1]) - energy(start)).abs().max() < 1e-5
    assert (motion[-1] - start).abs().max() > 0.1


@pytest.mark.parametrize("kind", ["plain", "hamiltonian", "lagrangian"])
def test_networks_learn_a_pendulum(kind):
    states, velocities = PENDULUM.observe(10, torch.Generator().manual_seed(1))
    dynamics = train(kind, states, velocities, 150, 100, 1, annealed=True)
    found = dynamics(states.flatten(0, 1)).detach()
    assert float(((found - velocities.flatten(0, 1)) ** 2).mean()) < 0.05 * float(velocities.var())


def test_neural_ode_learns_derivatives_that_it_never_saw():
    states, velocities = PENDULUM.observe(10, torch.Generator().manual_seed(1))
    dynamics = train_by_motion(states, PENDULUM.interval, 150, 100, 1)
    found = dynamics(states.flatten(0, 1)).detach()
    assert float(((found - velocities.flatten(0, 1)) ** 2).mean()) < 0.05 * float(velocities.var())


def test_growth_is_one_without_drift():
    assert growth([0.1, 0.3] * 8) == pytest.approx(1.0)
    assert growth([1.0] * 4 + [2.0] * 4 + [3.0] * 4 + [6.0] * 4) == pytest.approx(3.0)


@pytest.mark.slow
def test_full_study_passes_its_bars():
    assert study(LearnedDynamicsConfig())["passed"]
