"""Hopfield networks: mean-field constants, learning rules, energies that fall, and identities of the modern step."""

import numpy as np
import pytest
from scipy.special import logsumexp

from darksieve.physics_ai.hopfield import capacity, mean_field, perturbed, steep
from darksieve.physics_ai.hopfield.classical import (
    energy,
    flip_couplings,
    flip_neurons,
    glauber,
    hebb,
    overlaps,
    parallel_step,
    pseudo_inverse,
    random_patterns,
    relax,
    storkey,
)
from darksieve.physics_ai.hopfield.modern import (
    capacity_base,
    dense_bit_error,
    dense_bit_error_theory,
    modern_energy,
    modern_step,
    sphere_patterns,
)
from darksieve.problem.spins import HopfieldConfig

SMALL = HopfieldConfig(neurons=[100, 200, 300], networks=2, recalled=5, size=300, memories=2000)


@pytest.fixture
def generator():
    return np.random.default_rng(3)


def test_mean_field_capacity_and_overlap_are_those_of_amit_gutfreund_sompolinsky():
    load, overlap = mean_field.critical_load()
    assert load == pytest.approx(0.137906, abs=1e-6)
    assert overlap == pytest.approx(0.96742, abs=1e-5)
    assert mean_field.overlap_at_zero_temperature(0.1) == pytest.approx(0.997999, abs=1e-6)
    assert mean_field.overlap_at_zero_temperature(0.15) == 0.0


def test_overlap_at_low_temperature_is_that_at_zero():
    assert mean_field.solve_overlap(0.1, 0.02) == pytest.approx(mean_field.overlap_at_zero_temperature(0.1), abs=2e-3)


def test_retrieval_ends_at_the_temperature_of_mean_field_theory():
    assert mean_field.retrieval_temperature(0.05) == pytest.approx(0.542, abs=0.002)
    assert mean_field.solve_overlap(0.0, 0.5) == pytest.approx(0.957504, abs=1e-5)  # m = tanh(m / T)


def test_relaxation_lowers_the_energy_and_ends_where_no_neuron_would_move(generator):
    patterns = random_patterns(40, 200, generator)
    couplings = hebb(patterns)
    starts = random_patterns(10, 200, generator)
    ended = relax(couplings, starts, 1)
    assert ended.largest_rise < 1e-6
    assert np.all(energy(couplings, ended.states) < energy(couplings, starts))
    assert np.all(ended.states * (ended.states @ couplings) >= -1e-6)


def test_rise_of_energy_is_seen_where_couplings_are_not_symmetric(generator):
    couplings = generator.normal(size=(100, 100)).astype(np.float32) / 10
    np.fill_diagonal(couplings, 0)
    assert relax(couplings, random_patterns(5, 100, generator), 1).largest_rise > 1e-3


def test_parallel_dynamics_lower_the_two_step_energy_though_not_the_energy():
    found = perturbed.parallel_dynamics(SMALL)
    assert found["largest_rise_of_two_step_energy"] < 1e-5
    assert found["largest_rise"] > 1e-3
    assert found["in_cycles_of_two"] > 0.2


def test_neuron_without_field_stays(generator):
    state = random_patterns(1, 5, generator)
    np.testing.assert_array_equal(parallel_step(np.zeros((5, 5), np.float32), state), state)


def test_storkey_follows_its_definition(generator):
    patterns = random_patterns(4, 7, generator).astype(float)
    couplings = np.zeros((7, 7))
    for pattern in patterns:
        old = couplings.copy()
        field = lambda i, j: sum(old[i, k] * pattern[k] for k in range(7) if k not in (i, j))  # noqa: B023, E731
        for i in range(7):
            for j in range(7):
                change = pattern[i] * pattern[j] - pattern[i] * field(j, i) - field(i, j) * pattern[j]
                couplings[i, j] = old[i, j] + change / 7
    np.fill_diagonal(couplings, 0)
    np.testing.assert_allclose(storkey(patterns), couplings, atol=1e-12)


@pytest.mark.parametrize(
    ("rule", "load", "exact"), [(hebb, 0.3, False), (storkey, 0.3, True), (pseudo_inverse, 0.8, True)]
)
def test_rules_recall_to_their_capacities(rule, load, exact, generator):
    patterns = random_patterns(round(load * 200), 200, generator)
    ended = relax(rule(patterns), patterns[:20], 1).states
    assert (ended == patterns[:20]).all() == exact


def test_corrupted_patterns_are_recalled_at_low_load(generator):
    patterns = random_patterns(10, 300, generator)
    started = flip_neurons(patterns, 0.2, generator)
    np.testing.assert_allclose(overlaps(started, patterns), 0.6, atol=1e-6)
    assert overlaps(relax(hebb(patterns), started, 2).states, patterns).min() > 0.99


def test_flipped_couplings_stay_symmetric_and_inverted_ones_turn_memories_to_maxima(generator):
    patterns = random_patterns(9, 300, generator)
    couplings = hebb(patterns)
    some = flip_couplings(couplings, 0.3, generator)
    np.testing.assert_array_equal(some, some.T)
    upper = np.triu_indices(300, 1)
    changed = (some[upper] != couplings[upper]).mean() / (couplings[upper] != 0).mean()
    assert changed == pytest.approx(0.3, abs=0.01)  # five standard deviations of 45,000 draws
    np.testing.assert_array_equal(flip_couplings(couplings, 1.0, generator), -couplings)
    assert (patterns @ -couplings * patterns > 0).mean() < 0.02


def test_one_pattern_has_the_magnetisation_of_the_mean_field_ferromagnet(generator):
    pattern = random_patterns(1, 1000, generator)
    mean = glauber(hebb(pattern), pattern, 0.5, 100, 1)
    assert overlaps(mean, pattern)[0] == pytest.approx(0.957504, abs=0.006)  # 1 / N and five standard errors


def test_half_point_is_interpolated_and_stays_in_range():
    assert capacity.half_point((0.1, 0.2, 0.3), np.array([1.0, 0.75, 0.25])) == pytest.approx(0.25)
    assert capacity.half_point((0.1, 0.2), np.array([1.0, 0.9])) == 0.2
    assert capacity.half_point((0.1, 0.2), np.array([0.3, 0.1])) == 0.1


def test_mixtures_of_three_overlap_by_a_half():
    found = perturbed.mixtures(SMALL)
    assert found["stable"][0] == 1.0
    assert found["overlap"][0] == pytest.approx(0.5, abs=0.06)  # 0.5 within sqrt(0.75 / 300) / 3 a triple, five times
    assert found["energy"][0] > found["pattern_energy"][0]


def test_identities_of_the_modern_step():
    found = steep.identities(SMALL)
    assert found["attention"] < 1e-6
    assert found["denoiser"] < 1e-12
    assert found["largest_rise"] < 1e-12
    assert found["lowest_energy"] >= 0


def test_modern_step_follows_the_gradient_of_its_energy(generator):
    """E = -lse + xi^2 / 2 and d lse / d xi is the step: the gradient is xi minus the step."""
    patterns, state = generator.normal(size=(20, 5)), generator.normal(size=(1, 5))
    width = 1e-6
    slopes = [
        (modern_energy(patterns, state + d, 0.8) - modern_energy(patterns, state - d, 0.8)) / (2 * width)
        for d in width * np.eye(5)
    ]
    np.testing.assert_allclose(np.ravel(slopes), (state - modern_step(patterns, state, 0.8))[0], atol=1e-7)


def test_bounds_of_the_papers_examples():
    assert capacity_base(1, 3, 20, 0.001) == pytest.approx(3.1546, abs=1e-4)
    assert capacity_base(1, 1, 75, 0.001) == pytest.approx(1.3718, abs=1e-4)


def test_dense_memory_equals_its_energy_and_the_theory(generator):
    patterns = generator.choice(np.array([-1, 1], np.int8), size=(60, 20))
    wrong = 0
    for row in range(5):
        for bit in range(20):
            flipped = patterns[row].copy()
            flipped[bit] *= -1
            kept, changed = ((patterns.astype(float) @ state) ** 3 for state in (patterns[row], flipped))
            wrong += kept.sum() < changed.sum()
    assert dense_bit_error(patterns, 3, 5) == pytest.approx(wrong / 100)
    many = generator.choice(np.array([-1, 1], np.int8), size=(800, 100))
    # 20,000 bits at 2%: a standard error of 5% or, as rows share patterns, somewhat more
    assert dense_bit_error(many, 3, 200) == pytest.approx(dense_bit_error_theory(100, 800, 3), rel=0.2)


def test_sphere_patterns_are_retrieved_in_one_step(generator):
    patterns = sphere_patterns(2000, 20, 2 * 19**0.5, generator)
    np.testing.assert_allclose(np.linalg.norm(patterns, axis=1), 2 * 19**0.5, rtol=1e-5)
    assert steep.retrieved(patterns, generator).mean() > 0.99
    assert logsumexp(patterns @ patterns[0]) == pytest.approx(76, abs=0.01)  # its own term alone


def test_clusters_of_patterns_merge_as_beta_falls():
    found = steep.metastable_states(SMALL)
    assert found["fixed_points"][0] == 1
    assert found["fixed_points"][-1] == found["patterns"]
    assert found["groups"] in found["fixed_points"]


def test_capacity_of_small_networks_is_found_and_energy_never_rises():
    found = capacity.capacity(SMALL)
    assert found["largest_rise"] < 1e-6
    assert all(0.1 <= entry["half_point"] <= 0.2 for entry in found["sizes"].values())


@pytest.mark.slow
def test_full_study_passes_its_bars():
    from darksieve.physics_ai.hopfield.study import study

    record = study(HopfieldConfig())
    assert record["passed"], {name: bar for name, bar in record["bars"].items() if not bar["passed"]}
