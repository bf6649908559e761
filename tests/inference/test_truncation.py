import numpy as np
import pytest

from darksieve.inference.profiles import marginal_profiles, read_profiles, write_profiles
from darksieve.inference.truncation import GUARD_CELLS, truncate
from darksieve.problem.box import Box
from darksieve.problem.errors import DarksieveError

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
    profiles = marginal_profiles(estimator, observation, experiment.prior)
    assert set(profiles) == {"intercept", "slope"}
    box, _ = truncate(estimator.box, profiles, 1e-6, 0.8)
    mean, deviation = exact
    low, high = experiment.prior.from_unit(box.lower), experiment.prior.from_unit(box.upper)
    # threshold 1e-6 lies 5.3 standard deviations out; the estimator must not cut inside 4
    assert (low < mean - 4 * deviation).all()
    assert (high > mean + 4 * deviation).all()


def test_profiles_survive_their_file(tmp_path):
    profiles = {"a": gaussian_profile(0.5, 0.02), "b": np.zeros(CELLS)}
    write_profiles(tmp_path / "profiles.npz", profiles)
    found = read_profiles(tmp_path / "profiles.npz")
    assert list(found) == ["a", "b"]
    assert all(np.array_equal(found[name], profiles[name]) for name in profiles)


def test_profiles_that_cannot_be_read_are_named(tmp_path):
    (tmp_path / "profiles.npz").write_bytes(b"PK nonsense")
    with pytest.raises(DarksieveError, match=r"profiles\.npz"):
        read_profiles(tmp_path / "profiles.npz")
