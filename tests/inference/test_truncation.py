import numpy as np
import pytest
import torch

from darksieve.inference import training
from darksieve.inference.profiles import Marginals, find_marginals
from darksieve.inference.training import held_out
from darksieve.inference.truncation import GUARD_CELLS, truncate
from darksieve.problem.box import Box
from darksieve.problem.errors import DarksieveError
from darksieve.store.reader import MemorySource

CELLS = 1000


def gaussian_profile(mean, standard_deviation):
    u = (np.arange(CELLS) + 0.5) / CELLS
    return -0.5 * ((u - mean) / standard_deviation) ** 2


def test_box_keeps_the_density_above_the_threshold():
    box, settled = truncate(Box.full(["a"]), {"a": gaussian_profile(0.5, 0.02)}, 1e-6, 0.8)
    half_width = 0.02 * np.sqrt(2 * np.log(1e6))
    margin = (GUARD_CELLS + 1) / CELLS
    assert 0 <= (0.5 - half_width) - box.lower[0] <= margin
    assert 0 <= box.upper[0] - (0.5 + half_width) <= margin
    assert not settled


def test_box_is_never_cut_inside_the_region_that_is_kept():
    for mean in np.linspace(0.1, 0.9, 37):
        box, _ = truncate(Box.full(["a"]), {"a": gaussian_profile(mean, 0.013)}, 1e-3, 0.8)
        half_width = 0.013 * np.sqrt(2 * np.log(1e3))
        assert box.lower[0] <= mean - half_width
        assert box.upper[0] >= mean + half_width


def test_edges_are_fractions_of_the_box_before():
    before = Box(("a", "b"), (0.2, 0.0), (0.4, 1.0))
    box, _ = truncate(before, {"a": gaussian_profile(0.5, 0.02)}, 1e-6, 0.8)
    assert 0.27 < box.lower[0] < box.upper[0] < 0.33
    assert (box.lower[1], box.upper[1]) == (0.0, 1.0)


def test_two_modes_are_both_kept():
    modes = np.logaddexp(gaussian_profile(0.2, 0.01), gaussian_profile(0.8, 0.01))
    box, _ = truncate(Box.full(["a"]), {"a": modes}, 1e-6, 0.8)
    assert box.lower[0] < 0.2
    assert box.upper[0] > 0.8


def test_a_box_that_no_longer_shrinks_has_settled():
    flat = np.zeros(CELLS)
    box, settled = truncate(Box.full(["a"]), {"a": flat}, 1e-6, 0.8)
    assert settled
    assert box == Box.full(["a"])


@pytest.mark.parametrize(("kept", "settled"), [(0.85, True), (0.7, False)])
def test_settled_means_more_than_the_configured_fraction_is_kept(kept, settled):
    profile = np.where(np.arange(CELLS) < kept * CELLS, 0.0, -50.0)
    assert truncate(Box.full(["a"]), {"a": profile}, 1e-6, 0.8)[1] is settled


def test_truth_and_exact_posterior_lie_in_the_new_box(trained, exact):
    experiment, observation, _, estimator, _ = trained
    unseen = ({"brightness": torch.zeros(0, 20)}, np.zeros((0, 2), np.float32))
    profiles = find_marginals(estimator, observation, experiment.prior, unseen).log_ratios
    assert set(profiles) == {"intercept", "slope"}
    box, _ = truncate(estimator.box, profiles, 1e-6, 0.8)
    mean, deviation = exact
    low, high = experiment.prior.from_unit(box.lower), experiment.prior.from_unit(box.upper)
    # threshold 1e-6 lies 5.3 standard deviations out; the estimator must not cut inside 4
    assert (low < mean - 4 * deviation).all()
    assert (high > mean + 4 * deviation).all()


def test_held_out_truths_are_kept_by_the_truncation_of_their_own_posteriors(trained):
    experiment, observation, simulations, estimator, _ = trained
    source = MemorySource(simulations)
    x, z = held_out(experiment, source, {}, round_number=1, at_most=200)
    assert len(z) == 200
    levels = find_marginals(estimator, observation, experiment.prior, (x, z)).levels
    for values in levels.values():
        assert values.shape == (200,)
        assert values.max() <= 0
        # of truths from their own posteriors, -2 times the level is chi-squared: its median is 0.455
        assert -2 * np.median(values) == pytest.approx(0.455, abs=0.25)
        assert (values < np.log(1e-6)).sum() == 0


def test_held_out_simulations_are_those_that_training_does_not_see(trained):
    experiment, _, simulations, _, _ = trained
    source = MemorySource(simulations)
    rows = training._split(experiment, source, 1)
    _, z = held_out(experiment, source, {}, round_number=1, at_most=10_000)
    assert not set(map(tuple, z)) & set(map(tuple, simulations.z[rows[0]]))
    assert len(z) == len(rows[1])


def test_marginals_survive_their_file(tmp_path):
    marginals = Marginals({"a": gaussian_profile(0.5, 0.02), "b": np.zeros(CELLS)}, {"a": np.ones(3), "b": np.zeros(3)})
    marginals.write(tmp_path / "profiles.npz")
    found = Marginals.read(tmp_path / "profiles.npz")
    for wanted, got in ((marginals.log_ratios, found.log_ratios), (marginals.levels, found.levels)):
        assert list(got) == ["a", "b"]
        assert all(np.array_equal(got[name], wanted[name]) for name in wanted)


def test_marginals_that_cannot_be_read_are_named(tmp_path):
    (tmp_path / "profiles.npz").write_bytes(b"PK nonsense")
    with pytest.raises(DarksieveError, match=r"profiles\.npz"):
        Marginals.read(tmp_path / "profiles.npz")
