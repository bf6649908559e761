"""Observations of linear Gaussian data that share a parameter: the combined posterior is a product of Gaussians."""

import dataclasses
import json

import numpy as np
import pytest
import torch
import yaml
from scipy.stats import multivariate_normal, norm

from darksieve.cli import main
from darksieve.diagnostics.combination import (
    check_combination,
    collect_observations,
    describe_combination,
    find_common_error,
)
from darksieve.figures.combination import combination_figure
from darksieve.inference.combination import (
    DEGREE,
    SharedGrid,
    SharedRatio,
    combine,
    combine_sums,
    find_exponents,
    fit_common_error,
    read_combination,
)
from darksieve.problem.box import Box
from darksieve.problem.errors import DarksieveError
from darksieve.problem.observation import make_observation
from tests.diagnostics.exact import EXACT, GaussianEstimator, Wrong, linear_gaussian

SIZES = [1, 3, 10]


class PairEstimator(GaussianEstimator):
    """Also the exact ratio of the first two parameters together."""

    def log_ratios(self, x, z):
        (mean,), covariance = self.posterior(x["x"])
        z = np.asarray(z, float)[:, :2]
        log_ratio = multivariate_normal(mean[:2], covariance[:2, :2]).logpdf(z) - multivariate_normal(
            np.zeros(2), np.eye(2)
        ).logpdf(z)
        return {**super().log_ratios(x, np.pad(z, ((0, 0), (0, 1)))), ("z0", "z1"): log_ratio}


def combined(load_record, shared, ensembles=10, **changes):
    experiment = linear_gaussian(load_record, 1)
    record = yaml.safe_load(experiment.path.read_text())
    record["marginals"] = {"two_dimensional": [["z0", "z1"]]}
    record["rounds"] = {"maximum": 1}
    record["combination"] = {"shared": shared, "mocks": 9, "sizes": SIZES, "ensembles": ensembles, **changes}
    return load_record(record, "combined")


def estimator_of(experiment, wrong=EXACT):
    return PairEstimator(experiment.simulator, Box.full(experiment.prior.names), wrong)


def as_they_are(estimator, experiment, shared):
    """The estimator's ratios, divided by nothing."""
    grid = SharedGrid(experiment.prior, tuple(shared))
    return SharedRatio([estimator], grid, np.zeros((1, (DEGREE + 1) ** len(shared))))


class TiltedEstimator(PairEstimator):
    """Its ratios of the first parameter grow too much, by as little as a tenth of a nat from end to end."""

    def log_ratios(self, x, z):
        exact = super().log_ratios(x, z)
        return {**exact, ("z0",): exact[("z0",)] + self.tilt(np.asarray(z, float)[:, 0])}

    @staticmethod
    def tilt(z0):
        return 0.1 * norm.cdf(z0)


def test_combined_posterior_is_the_product_of_gaussians(load_record):
    experiment = combined(load_record, ["z0"])
    estimator = estimator_of(experiment)
    ratio = as_they_are(estimator, experiment, ["z0"])
    x = collect_observations(experiment, make_observation(experiment))
    assert len(x["x"]) == 10
    record = describe_combination(ratio.grid, ratio.log_ratios(x, ratio.grid.midpoints()), SIZES, 0.0)
    means, covariance = estimator.posterior(x["x"])
    for size in SIZES:
        precision = 1 + size * (1 / covariance[0, 0] - 1)
        mean = means[:size, 0].sum() / covariance[0, 0] / precision
        assert record[str(size)]["z0"]["mean"] == pytest.approx(mean, abs=2e-3)
        assert record[str(size)]["z0"]["standard_deviation"] == pytest.approx(precision**-0.5, rel=0.01)
        assert np.mean(record[str(size)]["z0"]["interval_95"]) == pytest.approx(mean, abs=5e-3)


def test_pair_agrees_with_its_parts(load_record):
    experiment = combined(load_record, ["z0", "z1"])
    estimator = estimator_of(experiment)
    ratio = as_they_are(estimator, experiment, ["z0", "z1"])
    x = {"x": make_observation(experiment).batch()["x"]}
    record = describe_combination(ratio.grid, ratio.log_ratios(x, ratio.grid.midpoints()), [1], 0.0)
    (mean,), covariance = estimator.posterior(x["x"])
    for i, name in enumerate(("z0", "z1")):
        assert record["1"][name]["mean"] == pytest.approx(mean[i], abs=0.01)
        assert record["1"][name]["standard_deviation"] == pytest.approx(covariance[i, i] ** 0.5, rel=0.03)


@pytest.mark.parametrize("shared", [["z0"], ["z0", "z1"]])
def test_exact_ratios_pass(load_record, shared):
    experiment = combined(load_record, shared, ensembles=40)
    record = check_combination(experiment, as_they_are(estimator_of(experiment), experiment, shared), 0.0, {})
    assert record["passed"]
    assert record["sizes"]["10"]["inside_95"] >= 0.8  # 32 or fewer of 40 inside happens in 0.01% of cases


def test_error_that_grows_with_the_number_of_observations_is_seen(load_record):
    """A shift of 0.3 of one posterior's s.d. is hidden in one, and is a whole s.d. of ten together."""
    experiment = combined(load_record, ["z0"], ensembles=40)
    wrong = estimator_of(experiment, Wrong(shift=0.3))
    record = check_combination(experiment, as_they_are(wrong, experiment, ["z0"]), 0.0, {})
    assert not record["passed"]
    assert record["sizes"]["10"]["p_value"] < 0.01 < record["sizes"]["1"]["p_value"]


def draw_data(experiment, n):
    generator = torch.Generator().manual_seed(3)
    z = torch.randn(n, 3, generator=generator)
    return experiment.simulator.observe(experiment.simulator.simulate(z, generator), generator)


def test_ratios_are_divided_by_their_mean_over_data(load_record):
    """Within four standard errors of the mean of 4000 ratios, whose variance is that of exact ones at each z."""
    experiment = combined(load_record, ["z0"])
    estimator, n = TiltedEstimator(experiment.simulator, Box.full(experiment.prior.names), EXACT), 4000
    x = draw_data(experiment, n)
    ratio = SharedRatio.normalised([estimator], SharedGrid(experiment.prior, ("z0",)), x)
    unit = np.linspace(0.1, 0.9, 9)[:, None]
    z = ratio.grid.parameters(unit)
    deviations = np.stack([np.exp(estimator.log_ratios({"x": row[None]}, z)[("z0",)]) for row in x["x"]]).std(axis=0)
    expected = TiltedEstimator.tilt(z[:, 0])
    assert np.all(np.abs(ratio.log_means(unit)[0] - expected) < 4 * deviations / np.exp(expected) / n**0.5)
    exact = estimator_of(experiment).log_ratios({"x": x["x"][:1]}, z)[("z0",)]
    np.testing.assert_allclose(
        ratio.log_ratios({"x": x["x"][:1]}, unit)[0, 0], exact + expected - ratio.log_means(unit)[0], atol=1e-6
    )


@pytest.mark.parametrize("shared", [["z0"], ["z0", "z1"]])
def test_dividing_exact_ratios_by_their_mean_leaves_them_right(load_record, shared):
    experiment = combined(load_record, shared, ensembles=40)
    grid = SharedGrid(experiment.prior, tuple(shared))
    ratio = SharedRatio.normalised([estimator_of(experiment)], grid, draw_data(experiment, 2000))
    record = check_combination(experiment, ratio, 0.0, {})
    assert record["passed"]
    assert record["sizes"]["10"]["inside_95"] >= 0.8


def test_observations_may_be_listed(load_record):
    mock = {"mock": {"parameters": {"z0": 0.1, "z1": 0.0, "z2": -0.3}, "seed": 4}}
    experiment = combined(load_record, ["z0"], mocks=0, observations={"another": mock}, sizes=[2])
    observation = make_observation(experiment)
    x = collect_observations(experiment, observation)["x"].numpy()
    further = make_observation(experiment, experiment.config.combination.observations["another"])
    np.testing.assert_array_equal(x, [observation.x["x"], further.x["x"]])
    masked = dataclasses.replace(observation, masks={"x": np.arange(6) > 0})
    with pytest.raises(DarksieveError, match="another is not masked as the first"):
        collect_observations(experiment, masked)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rounds": {"maximum": 2}}, r"truncated prior fits one observation.*rounds\.maximum: 1"),
        ({"marginals": {"one_dimensional": ["z1"]}}, r"no marginal of z0"),
        ({"combination": {"shared": ["z0"], "sizes": [2]}}, "there are 1 observations"),
    ],
)
def test_what_cannot_be_combined_is_one_line(load_record, changes, message):
    experiment = combined(load_record, ["z0"])
    record = yaml.safe_load(experiment.path.read_text())
    with pytest.raises(DarksieveError, match=message):
        load_record({**record, **changes}, "wrong")


def test_verb_writes_what_the_figure_shows(line_record, load_record, tmp_path):
    from darksieve.cli.arguments import write_json
    from darksieve.inference.training import train
    from darksieve.store.reader import MemorySource
    from darksieve.store.simulate import read_simulations, simulate_shard
    from tests.conftest import plan_request

    line_record["marginals"] = {"two_dimensional": [["intercept", "slope"]]}
    line_record |= {"rounds": {"maximum": 1}, "training": {"epochs": 2, "ensemble": 2}}
    line_record["combination"] = {"shared": ["intercept", "slope"], "mocks": 4, "sizes": [1, 5], "ensembles": 10}
    experiment = load_record(line_record)
    box, manifest = Box.full(experiment.prior.names), tmp_path / "0.json"
    plan = plan_request(experiment, box, tmp_path / "store", 1000)
    write_json(tmp_path / "plan.json", plan.to_record())
    write_json(manifest, simulate_shard(experiment, plan, plan.slices[0], tmp_path / "store"))
    simulations = read_simulations(experiment, plan, [manifest], tmp_path / "store")
    estimator, _ = train(experiment, box, MemorySource(simulations), {}, round_number=1)
    shapes = {name: array.shape[1:] for name, array in simulations.x.items()}
    estimator.save(tmp_path / "estimator.pt", experiment, shapes, 1)
    make_observation(experiment).write(tmp_path / "observation.h5")
    files = {name: f"{tmp_path}/{name}" for name in ("estimator.pt", "observation.h5", "combined.h5", "summary.json")}
    inputs = ["--estimator", files["estimator.pt"], "--observation", files["observation.h5"]]
    inputs += ["--store", f"{tmp_path}/store", "--plan", f"{tmp_path}/plan.json", "--manifests", str(manifest)]
    outputs = ["--output", files["combined.h5"], "--summary", files["summary.json"]]
    assert main(["combine", "--experiment", str(experiment.path), *inputs, *outputs]) == 0
    record = json.loads((tmp_path / "summary.json").read_text())
    found = read_combination(tmp_path / "combined.h5")
    assert found.log_ratios.shape[:2] == (2, 5)
    assert record["log_mean_ratio"]["smallest"] < record["log_mean_ratio"]["largest"]
    assert found.truth == {"intercept": 0.4, "slope": -0.7}
    assert found.common_error == record["common_error"]
    widths = [record["posterior"][size]["slope"]["standard_deviation"] for size in ("1", "5")]
    assert widths[1] < 0.9 * widths[0]
    contours, truths = combination_figure(found, record, {"slope": "$b$"}).axes
    assert contours.get_ylabel() == "$b$"
    assert "10 mock ensembles" in truths.get_ylabel()


def test_grid_holds_the_prior_once(load_record):
    experiment = combined(load_record, ["z0"])
    grid = SharedGrid(experiment.prior, ("z0",))
    np.testing.assert_allclose(grid.parameters(grid.midpoints())[:, 0], grid.axis("z0"))
    assert list(combine(np.zeros((1, 2, 4)), [1, 2], 0.3)[2]) == [0.25] * 4


def test_networks_that_disagree_are_mixed():
    sums = np.log([[[8.0, 1.0, 1.0, 2.0]], [[1.0, 8.0, 1.0, 2.0]]])
    np.testing.assert_allclose(np.exp(combine_sums(sums, np.ones(1), further=1)[0]), [0.45, 0.45, 0.1, 0.2])


def test_truth_that_one_network_excludes_widens_all_the_same():
    """Its log-probability of -5000 is below the smallest number: the loss stays finite, and falls with the power."""
    sums = np.array([[[0.0, -1.0, -5000.0]]])
    assert combine_sums(sums, np.ones(1), further=1)[0, -1] == pytest.approx(-5000.0 - np.log1p(np.exp(-1.0)))
    assert fit_common_error([sums], [10]) > 1.0


def test_common_error_is_that_by_which_gaussian_ensembles_are_off():
    """One observation: s.d. 0.1 around the truth; what all of an ensemble share has a fifth of that variance.

    From 400 ensembles; within four standard errors, of which that of the variance is (2 / 400)^(1/2) of it.
    """
    generator, sizes, cells = np.random.default_rng(6), [1, 5, 20], (np.arange(1000) + 0.5) / 1000
    ensembles = []
    for truth in generator.uniform(0.3, 0.7, 400):
        each = truth + 0.1 * generator.standard_normal(20) + 0.1 * 0.2**0.5 * generator.standard_normal()
        points = np.append(cells, truth)
        log_ratios = -0.5 * ((each[:, None] - points) / 0.1) ** 2
        ensembles.append(np.cumsum(log_ratios, axis=0)[None, np.array(sizes) - 1])
    variance_of_twenty = 1 / 20 + 0.2
    tolerance = 4 * (2 / 400) ** 0.5 * variance_of_twenty
    assert fit_common_error(ensembles, sizes) == pytest.approx(0.2, abs=tolerance)
    np.testing.assert_allclose(find_exponents(sizes, 0.2), [1 / 1.2, 1 / 2, 1 / 5])


def test_combined_posterior_is_widened_by_the_common_error(load_record):
    """The shift of 0.3 s.d. that is seen in ten observations together is found, and the widened posterior holds it."""
    experiment = combined(load_record, ["z0"], ensembles=40)
    ratio = as_they_are(estimator_of(experiment, Wrong(shift=0.3)), experiment, ["z0"])
    common_error = find_common_error(experiment, ratio, {})
    record = check_combination(experiment, ratio, common_error, {})
    assert record["exponents"]["10"] < 0.7
    assert record["sizes"]["10"]["inside_95"] >= 0.8
    unwidened = check_combination(experiment, ratio, 0.0, {})
    assert record["sizes"]["10"]["inside_68"] > unwidened["sizes"]["10"]["inside_68"]


@pytest.mark.parametrize("shared", [["z0"], ["z0", "z1"]])
def test_exact_ratios_are_hardly_widened(load_record, shared):
    """The s.d. of the fitted variance is (2 / 120)^(1/2) = 0.13 of it for one parameter: below 1 + 3 x 0.13."""
    experiment = combined(load_record, shared, ensembles=40)
    ratio = as_they_are(estimator_of(experiment), experiment, shared)
    assert find_exponents([10], find_common_error(experiment, ratio, {}))[0] > 1 / 1.39


def test_one_observation_is_as_it_is(load_record):
    experiment = combined(load_record, ["z0"], sizes=[1])
    assert find_common_error(experiment, as_they_are(estimator_of(experiment), experiment, ["z0"]), {}) == 0.0
