"""A memory of images: recall, masks, whitening, baselines, planted artefacts and their scores."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import norm

from darksieve.diagnostics.misspecification import _discrepancies
from darksieve.interpret.images import image_name
from darksieve.physics_ai.arcs.study import binarise
from darksieve.physics_ai.memory.artefacts import ARTEFACTS, discrepancy, plant
from darksieve.physics_ai.memory.recall import (
    PrincipalPrior,
    Whitening,
    energies,
    masks,
    recall,
    squares,
    told_apart,
)
from darksieve.problem.errors import DarksieveError
from darksieve.store.shard import Simulations


@pytest.fixture
def generator():
    return np.random.default_rng(7)


def test_squared_distances_are_those_of_differences(generator):
    queries, keys = generator.normal(size=(4, 3)), generator.normal(size=(5, 3))
    expected = ((queries[:, None] - keys[None]) ** 2).sum(axis=-1)
    np.testing.assert_allclose(squares(queries, keys), expected, atol=1e-12)


def test_recall_is_the_posterior_mean_of_what_is_stored(generator):
    keys, query = generator.normal(size=(6, 3)), generator.normal(size=(1, 3))
    weights = norm.pdf(query - keys).prod(axis=1)
    np.testing.assert_allclose(recall(squares(query, keys), keys, 1.0)[0], weights @ keys / weights.sum(), atol=1e-12)
    np.testing.assert_allclose(energies(squares(query, keys), 1.0)[0], -np.log((weights * (2 * np.pi) ** 1.5).sum()))


def test_two_images_are_told_apart_with_the_error_of_the_best_test(generator):
    """200,000 draws: errors of 2.3% have a standard error of 0.03%."""
    keys = np.array([[0.0, 0.0], [4.0, 0.0]])
    noisy = keys[0] + generator.normal(size=(200000, 2))
    risk = squares(noisy, keys).argmin(axis=1).mean()
    assert not told_apart(keys, np.array([0]), risk - 0.002)[0]
    assert told_apart(keys, np.array([0]), risk + 0.002)[0]


@pytest.mark.parametrize("kind", ["pixels", "part"])
@pytest.mark.parametrize("hidden", [0.25, 0.5])
def test_masks_hide_what_they_say(kind, hidden, generator):
    found = masks(kind, hidden, (16, 16), 3, generator)
    np.testing.assert_allclose((~found).mean(axis=(1, 2)), hidden, atol=0.01)
    assert masks(kind, 0.0, (16, 16), 1, generator).all()
    if kind == "part":  # few pairs of neighbours lie on both sides
        assert (found[:, 1:] != found[:, :-1]).mean() < 0.1


def test_whitened_noise_has_unit_variance(generator):
    noise = generator.normal(size=(5000, 3)) @ generator.normal(size=(3, 3)) + 2.0
    white = Whitening.find(noise)
    np.testing.assert_allclose(np.cov(white(noise).T), np.eye(3), atol=0.1)  # less the ridge
    np.testing.assert_allclose(white.shift, 2.0, atol=0.3)


def test_principal_prior_is_the_posterior_mean_of_a_gaussian(generator):
    basis = generator.normal(size=(3, 10))
    prior = PrincipalPrior.find(generator.normal(size=(4000, 3)) @ basis, 3)
    covariance = prior.components.T * prior.variance @ prior.components
    seen = np.arange(10) < 6
    noisy = generator.normal(size=(2, 10))
    gain = covariance[:, seen] @ np.linalg.inv(covariance[np.ix_(seen, seen)] + np.eye(6))
    expected = prior.mean + (noisy - prior.mean)[:, seen] @ gain.T
    np.testing.assert_allclose(prior.denoise(noisy, seen), expected, atol=1e-9)


@pytest.mark.parametrize("kind", ARTEFACTS)
def test_artefacts_have_the_signal_to_noise_asked_for(kind, generator):
    noise = generator.uniform(0.5, 2.0, (20, 20))
    planted = plant(kind, np.zeros((5, 20, 20)), noise, 12.0, generator)
    np.testing.assert_allclose(np.sqrt(((planted / noise) ** 2).sum(axis=(1, 2))), 12.0, rtol=1e-9)


def test_discrepancy_orders_points_as_the_misspecification_test_does(generator):
    points = generator.standard_t(3, size=(200, 2))
    among_all = _discrepancies(points)
    alone = discrepancy(points, points)
    assert np.corrcoef(np.argsort(np.argsort(among_all)), np.argsort(np.argsort(alone)))[0, 1] > 0.999


def test_binarised_maps_mark_what_is_bright_and_refuse_pixels_that_do_not_fit():
    image = np.zeros((1, 8, 8))
    image[0, :2, :2], image[0, 4:6, 4:6] = 1.0, 0.2
    np.testing.assert_array_equal(binarise(image, 4, "x")[0], np.eye(16)[0])
    with pytest.raises(DarksieveError, match="cannot be averaged to 3"):
        binarise(image, 3, "x")


def test_data_that_are_no_image_are_refused_in_one_line():
    experiment = SimpleNamespace(name="line")
    simulations = Simulations(np.zeros((3, 1)), {"brightness": np.zeros((3, 20))}, np.arange(3))
    with pytest.raises(DarksieveError, match="its data are brightness"):
        image_name(experiment, simulations)
