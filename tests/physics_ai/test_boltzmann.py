"""Boltzmann machines against enumeration, and spin glasses against their ground states."""

import itertools

import numpy as np
import pytest
from scipy.special import logsumexp

from darksieve.physics_ai.boltzmann.glass import Glass, anneal, ground_energy
from darksieve.physics_ai.boltzmann.machine import (
    Machine,
    annealed_log_partition,
    bars_and_stripes,
    exact_log_partition,
    sample_visible,
    train,
)
from darksieve.physics_ai.boltzmann.study import hopfield_difference, study
from darksieve.problem.spins import BoltzmannConfig


@pytest.fixture
def machine():
    generator = np.random.default_rng(2)
    return Machine(generator.normal(size=(6, 4)), generator.normal(size=6), generator.normal(size=4))


def states(units):
    return np.array(list(itertools.product([0.0, 1.0], repeat=units)))


def test_free_energy_and_partition_function_are_sums_over_all_states(machine):
    v, h = states(6), states(4)
    joint = (v @ machine.visible)[:, None] + h @ machine.hidden + v @ machine.weights @ h.T
    np.testing.assert_allclose(-machine.free_energy(v), logsumexp(joint, axis=1), atol=1e-12)
    assert exact_log_partition(machine) == pytest.approx(logsumexp(joint), abs=1e-12)


def test_curvature_is_the_second_difference_of_the_free_energy(machine):
    v, width = np.full((1, 6), 0.3), 1e-4

    def free(i, j):
        moved = v.copy()
        moved[0, 0] += i * width
        moved[0, 3] += j * width
        return machine.free_energy(moved)[0]

    second = (free(1, 1) - free(1, -1) - free(-1, 1) + free(-1, -1)) / (4 * width**2)
    assert machine.curvature(v)[0, 3] == pytest.approx(-second, abs=1e-5)


@pytest.mark.parametrize("base", [0.0, 0.7])
def test_annealed_partition_function_agrees_with_enumeration_whatever_its_start(machine, base):
    """Within four standard errors: a right estimate fails in fewer than one in ten thousand cases."""
    found, error = annealed_log_partition(machine, np.full(6, base), 100, 400, 1)
    assert error < 0.1
    assert abs(found - exact_log_partition(machine)) < 4 * error


def test_gibbs_chain_samples_the_machine(machine):
    """20,000 chains: a standard deviation of at most 0.0035 a mean; five of these."""
    v = states(6)
    probability = np.exp(-machine.free_energy(v) - exact_log_partition(machine))
    samples = sample_visible(machine, np.zeros((20000, 6)), 60, 3)
    np.testing.assert_allclose(samples.mean(axis=0), probability @ v, atol=0.018)


def test_bars_and_stripes_are_all_there_and_each_once():
    patterns = bars_and_stripes(4)
    assert patterns.shape == (30, 16)
    uniform = patterns.reshape(-1, 4, 4)
    in_rows, in_columns = ((np.ptp(uniform, axis=axis) == 0).all(axis=1) for axis in (2, 1))
    assert np.all(in_rows | in_columns)


def test_training_learns_correlations_that_independent_units_lack():
    data = bars_and_stripes(3)
    learned = train(data, 6, 2000, 2, True, 1, 1.0)
    divergence = -np.log(len(data)) + (learned.free_energy(data) + exact_log_partition(learned)).mean()
    assert 0 < divergence < 0.5 * (9 * np.log(2) - np.log(len(data)))  # half of that of independent units
    again = train(data, 6, 2000, 2, True, 1, 1.0)
    np.testing.assert_array_equal(learned.weights, again.weights)


def test_gaussian_hidden_units_leave_the_hopfield_energy():
    assert hopfield_difference(1) < 1e-10


@pytest.mark.parametrize("side", [3, 4])
def test_ground_state_of_small_glasses_is_that_of_enumeration(side):
    glass = Glass.draw(side, 4)
    spins = 1 - 2 * ((np.arange(2 ** (side * side))[:, None] >> np.arange(side * side)) & 1)
    assert ground_energy(glass) == pytest.approx(min(glass.energy(s.reshape(side, side)) for s in spins), abs=1e-12)


def test_slow_annealing_finds_the_ground_state_and_never_goes_below():
    glass = Glass.draw(6, 1)
    exact = ground_energy(glass)
    quick, slow = (anneal(glass, sweeps, 50, 1) - exact for sweeps in (3, 1000))
    assert min(quick.min(), slow.min()) > -1e-9
    assert (slow < 1e-9).any()
    assert slow.mean() < 0.5 * quick.mean()


def test_small_study_says_what_it_found():
    record = study(
        BoltzmannConfig(hidden=6, steps=100, repetitions=1, temperatures=100, chains=100, annealings=5, glass=3)
    )
    assert record["bars"]["ground states"]["passed"]
    assert record["bars"]["hopfield"]["passed"]
    assert not record["bars"]["divergence"]["passed"]  # a hundred steps teach little


@pytest.mark.slow
def test_full_study_passes_its_bars():
    assert study(BoltzmannConfig())["passed"]
