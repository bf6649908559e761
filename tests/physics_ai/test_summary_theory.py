"""Theories of summaries: couplings of known densities, and strengths without the noise of their estimates."""

import numpy as np
import pytest

from darksieve.physics_ai.summary_theory.study import strengths, third_and_fourth, third_cumulants


def test_couplings_of_independent_quartic_components():
    """p ~ exp(-x^2 / 2 - g x^4 / 24), drawn from its table: fourth order g on the diagonal, nothing else."""
    grid, coupling = np.linspace(-6, 6, 4001), np.array([1.0, 4.0])
    weight = np.exp(-0.5 * grid**2 - coupling[:, None] * grid**4 / 24)
    cumulative = weight.cumsum(axis=1) / weight.sum(axis=1, keepdims=True)
    uniform = np.random.default_rng(1).uniform(size=(200000, 2))
    points = np.stack([np.interp(uniform[:, i], cumulative[i], grid) for i in range(2)], axis=1)
    third, fourth = third_and_fourth(points)
    assert np.diag(fourth) == pytest.approx(coupling, rel=0.13)  # 20 draws scatter by 3%
    assert abs(fourth[0, 1]) == abs(fourth[1, 0]) < 0.08  # and by 0.02
    assert np.abs(third).max() < 0.08
    assert third == pytest.approx(third.transpose(2, 0, 1))


def test_strength_has_no_noise_of_its_own():
    generator = np.random.default_rng(2)
    true = np.zeros((3, 3, 3))
    true[0, 0, 0] = 9.0
    first, second = (true + generator.normal(size=true.shape) for _ in range(2))
    found = strengths(first, second)
    assert found[0] == pytest.approx(3.0, abs=0.8)  # the square has an error of 2 * 9 / 9 from the one coupling
    assert (np.abs(found[1:]) < 1.0).all()  # products of unit normal numbers, mean of nine


def test_third_cumulant_of_exponential_numbers_is_two():
    points = np.random.default_rng(3).exponential(size=(200000, 2))
    found = third_cumulants(points)
    assert [found[0, 0, 0], found[1, 1, 1]] == pytest.approx([2.0, 2.0], abs=0.2)
    assert abs(found[0, 0, 1]) < 0.1
