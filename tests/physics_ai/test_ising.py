"""The Ising model: exact solutions against enumeration and known values, Monte Carlo against exact solutions."""

import numpy as np
import pytest

from darksieve.physics_ai.ising.dynamics import metropolis, wolff
from darksieve.physics_ai.ising.exact import (
    CRITICAL_TEMPERATURE,
    enumerate_torus,
    onsager_energy,
    solve_torus,
    yang_magnetisation,
)
from darksieve.physics_ai.ising.study import binder_crossing, effective_samples, estimate, study
from darksieve.problem.spins import IsingConfig


@pytest.mark.parametrize("temperature", [1.7, CRITICAL_TEMPERATURE, 3.3])
@pytest.mark.parametrize("side", [3, 4])
def test_kaufman_equals_enumeration(side, temperature):
    solved, (counted, _, _) = solve_torus(side, temperature), enumerate_torus(side, temperature)
    assert solved.log_partition == pytest.approx(counted.log_partition, abs=1e-9)
    assert solved.energy == pytest.approx(counted.energy, abs=1e-9)
    assert solved.specific_heat == pytest.approx(counted.specific_heat, abs=1e-9)


def test_large_lattices_approach_onsager():
    temperatures = np.array([2.0, 3.0])
    exact = onsager_energy(temperatures)
    for temperature, energy in zip(temperatures, exact):
        assert solve_torus(64, temperature).energy == pytest.approx(energy, abs=1e-6)
    assert onsager_energy(np.array([CRITICAL_TEMPERATURE]))[0] == pytest.approx(-np.sqrt(2), abs=1e-6)


def test_magnetisation_vanishes_at_the_critical_temperature():
    below, at, above = yang_magnetisation(np.array([2.0, CRITICAL_TEMPERATURE + 1e-9, 2.5]))
    assert below == pytest.approx(0.911319, abs=1e-6)
    assert at < 0.05
    assert above == 0.0


@pytest.mark.parametrize("dynamics", [metropolis, wolff])
@pytest.mark.parametrize("temperature", [2.0, 2.5, 4.0])
def test_both_dynamics_sample_the_enumerated_distribution(dynamics, temperature):
    """Within four standard errors of each: a right chain fails in fewer than one in a thousand of these cases."""
    found = estimate(dynamics(4, temperature, 20000, 1000, 5), temperature)
    exact, magnetisation, _ = enumerate_torus(4, temperature)
    assert abs(found["energy"] - exact.energy) < 4 * found["energy_error"]
    assert abs(found["magnetisation"] - magnetisation) < 4 * found["magnetisation_error"]
    assert abs(found["specific_heat"] - exact.specific_heat) < 4.5 * found["specific_heat_error"]  # 20 blocks


def test_chain_keeps_count_of_its_spins():
    for dynamics in (metropolis, wolff):
        chain = dynamics(8, 2.3, 50, 50, 1)
        spins = chain.spins.astype(float)
        bonds = spins * (np.roll(spins, 1, axis=0) + np.roll(spins, 1, axis=1))
        assert chain.energy[-1] == pytest.approx(-bonds.mean(), abs=1e-12)
        assert chain.magnetisation[-1] == pytest.approx(spins.mean(), abs=1e-12)


def test_effective_samples_of_an_autoregression():
    """Integrated autocorrelation time 0.5 (1 + a) / (1 - a); 15% is four times the scatter over seeds."""
    generator = np.random.default_rng(1)
    values = np.empty(50000)
    values[0] = 0.0
    for i, kick in enumerate(generator.normal(size=len(values) - 1)):
        values[i + 1] = 0.8 * values[i] + kick
    assert effective_samples(values) == pytest.approx(50000 / 9.0, rel=0.15)


def test_crossing_of_curves_that_cross_at_a_known_place():
    temperatures = np.linspace(2.2, 2.3, 6)
    smaller, larger = 0.6 - (temperatures - 2.26), 0.6 - 3 * (temperatures - 2.26) - 4 * (temperatures - 2.26) ** 2
    crossing = binder_crossing(temperatures, smaller, larger, np.full(6, 0.001))
    assert crossing["temperature"] == pytest.approx(2.26, abs=1e-9)
    assert 0 < crossing["error"] < 0.001


def test_study_of_small_lattices_shows_slowing_down():
    record = study(IsingConfig(lattices=[8, 16], measurements=400, sweeps=4000))
    assert record["bars"]["enumeration"]["passed"]
    times = {name: [e["autocorrelation_time"] for e in entries] for name, entries in record["slowing"].items()}
    assert times["metropolis"][1] > 2 * times["metropolis"][0]  # 4 for z = 2
    assert times["wolff"][1] < 2 * times["wolff"][0]
    assert set(record["exact"]["specific_heat"]) == {"8", "16"}


@pytest.mark.slow
def test_full_study_passes_its_bars():
    assert study(IsingConfig())["passed"]
