"""What the systems of the physics of AI say of each other: identities that hold exactly, or up to sampling."""

import numpy as np
import pytest
import torch

from darksieve.physics_ai.boltzmann.study import hopfield_difference
from darksieve.physics_ai.hopfield.modern import modern_step, sphere_patterns
from darksieve.physics_ai.interacting_theory.score_matching import field_couplings
from darksieve.physics_ai.lattice_field.action import Action, free_square
from darksieve.physics_ai.lattice_field.hmc import run_chains
from darksieve.physics_ai.wide_networks.kernels import Prior, infinite_kernel, vertex


def test_modern_hopfield_step_is_the_optimal_denoiser():
    """E[x | x_t] for x_t = a x + s e and equally probable x of one length, beta = a / s^2: Bayes' rule by hand."""
    generator = np.random.default_rng(1)
    patterns = sphere_patterns(40, 6, 2.0, generator).astype(float)
    scale, noise = 0.8, 0.7
    noisy = scale * patterns[:5] + noise * generator.normal(size=(5, 6))
    log_posterior = -0.5 * ((noisy[:, None] - scale * patterns) ** 2).sum(axis=2) / noise**2
    posterior = np.exp(log_posterior - log_posterior.max(axis=1, keepdims=True))
    mean = posterior @ patterns / posterior.sum(axis=1, keepdims=True)
    assert modern_step(patterns, noisy, scale / noise**2) == pytest.approx(mean, abs=1e-6)


def test_boltzmann_machine_with_gaussian_hidden_units_is_a_hopfield_network():
    assert hopfield_difference(seed=7) < 1e-10


def test_score_matching_gives_back_the_lattice_theory_that_chains_sampled():
    """Fields in, couplings out: within four standard errors, and these below a tenth."""
    action = Action(4, -4.0, 8.0)
    states = run_chains(action, (4, 4), 500, 25, 0.08, 3, even=True).state[4::5]
    found, error = field_couplings(states.flatten(0, 1).numpy())
    exact = np.array([1.0, action.mass, action.coupling])
    assert (np.abs(found - exact) < 4 * error).all()
    assert (error < 0.1 * np.abs(exact)).all()


def test_lattice_field_without_coupling_is_a_gaussian_random_field():
    """S is the quadratic form of the inverse of the covariance with power 1 / 2 (k^2 + m^2)."""
    side, mass = 4, 0.6
    k = 2.0 - 2.0 * np.cos(2.0 * np.pi * np.arange(side) / side)
    power = 0.5 / (k[:, None] + k + mass)
    field = torch.randn(3, side, side, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    modes = np.abs(np.fft.fft2(field.numpy())) ** 2 / side**2
    assert Action(side, mass, 0.0)(field).numpy() == pytest.approx(0.5 * (modes / power).sum(axis=(1, 2)))
    assert free_square(side, mass) == pytest.approx(power.mean())


def test_network_without_activation_is_two_gaussian_matrices():
    """Its connected function is that of an inner product of Gaussian vectors: Wick's theorem by hand."""
    inputs = np.array([[1.0, 0.2], [0.4, -0.7], [0.3, 1.1]])
    prior = Prior("linear", weight=1.4)
    h = prior.first_kernel(inputs)
    assert infinite_kernel(inputs, 1, prior) == pytest.approx(prior.weight * h)
    ways = np.einsum("ac,bd->abcd", h, h) + np.einsum("ad,bc->abcd", h, h)  # Cov(h_a h_b, h_c h_d)
    exact = ways + ways.transpose(0, 2, 1, 3) + ways.transpose(0, 2, 3, 1)
    assert vertex(inputs, prior) == pytest.approx(prior.weight**2 * exact)
