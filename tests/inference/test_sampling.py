"""Posteriors of a linear Gaussian problem against the analytic ones.

Tolerances: trainings with 8 other seeds deviated by at most 0.12 standard deviations in the means and 3% in the
widths; 0.2 and 15% leave room for other machines. The sampling error is ten times less.
"""

import numpy as np
import pytest

from darksieve.inference.posterior import Posterior, load_posterior
from darksieve.inference.sampling import sample_joint, sample_marginals
from darksieve.problem.errors import DarksieveError


@pytest.fixture(scope="module")
def posterior(trained):
    experiment, observation, _, estimator, _ = trained
    return Posterior(
        sample_marginals(estimator, observation, experiment.prior, 8192, 1),
        sample_joint(estimator, observation, experiment.prior, 4000, 1),
        {"intercept": "mag", "slope": "mag / d"},
        {"intercept": "a", "slope": "b"},
        {"experiment": "line", "rounds": 1},
    )


def test_marginals_are_the_analytic_ones(posterior, exact):
    for name, mean, deviation in zip(("intercept", "slope"), *exact):
        assert posterior.mean(name) == pytest.approx(mean, abs=0.2 * deviation)
        assert posterior.standard_deviation(name) == pytest.approx(deviation, rel=0.15)


def test_joint_posterior_is_the_analytic_one(posterior, exact):
    mean, deviation = exact
    samples = posterior.joint.samples
    np.testing.assert_allclose((samples.mean(axis=0) - mean) / deviation, 0, atol=0.2)
    np.testing.assert_allclose(samples.std(axis=0), deviation, rtol=0.15)
    assert abs(np.corrcoef(samples.T)[0, 1]) < 0.15  # days are symmetric about zero: no correlation


def test_joint_samples_are_all_different(posterior):
    assert len(np.unique(posterior.joint.samples[:, 0])) == len(posterior.joint.samples)


def test_sampling_is_the_same_twice(trained, posterior):
    experiment, observation, _, estimator, _ = trained
    again = sample_marginals(estimator, observation, experiment.prior, 8192, 1)
    np.testing.assert_array_equal(again[("slope",)].samples, posterior.marginals[("slope",)].samples)
    joint = sample_joint(estimator, observation, experiment.prior, 4000, 1)
    np.testing.assert_array_equal(joint.samples, posterior.joint.samples)


def test_file_round_trip_keeps_order_and_every_digit(posterior, tmp_path):
    posterior.write(tmp_path / "posterior.h5")
    read = load_posterior(tmp_path / "posterior.h5")
    assert read.names == ("intercept", "slope")
    assert read.units == posterior.units
    assert read.labels == posterior.labels
    assert read.attributes["experiment"] == "line"
    for marginal, samples in posterior.marginals.items():
        np.testing.assert_array_equal(read.marginals[marginal].samples, samples.samples)
        np.testing.assert_array_equal(read.marginals[marginal].log_weights, samples.log_weights)


def test_quantiles_and_equal_weight_samples_agree(posterior):
    draws = posterior.samples("slope", 20_000)[:, 0]
    np.testing.assert_allclose(
        posterior.quantiles("slope", [0.16, 0.5, 0.84]), np.quantile(draws, [0.16, 0.5, 0.84]), atol=1e-3
    )
    assert posterior.samples(("intercept", "slope"), 10).shape == (10, 2)
    assert posterior.samples("joint", 10).shape == (10, 2)


def test_marginal_that_was_not_estimated_is_one_line(posterior):
    with pytest.raises(DarksieveError, match="no posterior of mass; estimated were intercept; slope"):
        posterior.marginal("mass")


def test_getdist_and_arviz_see_the_same_means(posterior):
    pytest.importorskip("getdist")
    pytest.importorskip("arviz")
    chain = posterior.to_getdist("slope")
    assert chain.mean("slope") == pytest.approx(posterior.mean("slope"), abs=1e-6)
    data = posterior.to_arviz()
    assert float(data.posterior["slope"].mean()) == pytest.approx(posterior.joint.samples[:, 1].mean(), abs=1e-3)


def test_file_that_holds_no_posterior_is_one_line(tmp_path):
    (tmp_path / "p.h5").write_text("nothing")
    with pytest.raises(DarksieveError, match="holds no posterior"):
        load_posterior(tmp_path / "p.h5")


def test_pair_is_the_analytic_one_in_samples_that_hardly_repeat(trained, exact):
    experiment, observation, _, estimator, _ = trained
    pair = sample_marginals(estimator, observation, experiment.prior, 4000, 1)[("intercept", "slope")]
    mean, deviation = exact
    np.testing.assert_allclose((pair.samples.mean(axis=0) - mean) / deviation, 0, atol=0.2)
    np.testing.assert_allclose(pair.samples.std(axis=0), deviation, rtol=0.15)
    assert not pair.log_weights.any()
    assert len(np.unique(pair.samples, axis=0)) > 2500
