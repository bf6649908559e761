"""The predictive check on observations that the model can and cannot make; the posterior is the exact one."""

import numpy as np
import pytest

from darksieve.diagnostics.predictive import predict
from darksieve.inference.posterior import MarginalSamples, Posterior
from darksieve.problem.errors import DarksieveError
from darksieve.problem.observation import Observation

NOISE = 0.1
DAYS = np.linspace(-1, 1, 20)


def observation(seed, extra=0.0):
    y = 0.4 - 0.7 * DAYS + extra + NOISE * np.random.default_rng(seed).normal(size=20)
    return Observation({"brightness": y.astype(np.float32)})


def posterior(data, scale=1.0):
    design = np.stack([np.ones(20), DAYS], axis=1)
    covariance = np.linalg.inv(design.T @ design) * NOISE**2
    mean = covariance @ design.T @ data.x["brightness"] / NOISE**2
    samples = np.random.default_rng(0).multivariate_normal(mean, scale**2 * covariance, 500)
    return Posterior({}, MarginalSamples(("intercept", "slope"), samples, np.zeros(500)), {}, {})


@pytest.mark.parametrize("scale", [1.0, 4.0])
def test_right_model_passes_however_wide_the_posterior(line, scale):
    passed = [predict(line, posterior(data, scale), data).summary["passed"] for data in map(observation, range(30))]
    # a false-alarm rate of 1%: more than 3 in 30 happens once in 5,000 times
    assert sum(passed) >= 27


def test_posterior_too_wide_to_fit_the_data_decides_nothing(line):
    # the best of 200 draws, 300 times too wide, has a chi-squared of some 300^2 2 / 200 = 900 above the minimum
    records = [predict(line, posterior(data, 300.0), data).summary for data in map(observation, range(10))]
    assert not any(record["passed"] for record in records)
    assert sum(record["undecided"] for record in records) >= 9


def test_model_that_cannot_make_the_data_is_flagged(line):
    flagged = 0
    for seed in range(10):
        data = observation(seed, 0.3 * np.cos(4 * DAYS))
        check = predict(line, posterior(data), data)
        flagged += not check.summary["passed"]
    assert flagged == 10


def test_structure_is_flagged_that_noise_assumed_too_large_hides_from_chi_squared(line):
    for seed in range(10):
        quiet = observation(seed, 0.13 * np.cos(6 * DAYS))
        smooth = 0.4 - 0.7 * DAYS + 0.13 * np.cos(6 * DAYS)
        data = Observation({"brightness": (0.25 * quiet.x["brightness"] + 0.75 * smooth).astype(np.float32)})
        record = predict(line, posterior(data), data).summary
        assert record["p_values"]["chi_squared"] > 0.05
        assert not record["passed"]
        assert record["neighbour_correlation"] > record["neighbour_correlation_of_replicates"][1]


def test_residuals_are_in_units_of_the_noise_and_zero_where_masked(line):
    data = observation(1)
    mask = np.ones(20, bool)
    mask[7] = False
    x = {"brightness": np.where(mask, data.x["brightness"], 0).astype(np.float32)}
    masked = Observation(x, {"brightness": mask})
    check = predict(line, posterior(data), masked)
    residual = check.residual(masked)["brightness"]
    assert residual[7] == 0
    assert check.summary["elements"] == 19
    # 19 unit Gaussians less 2 parameters: chi-squared within its central 99.9%
    assert 3 < float((residual**2).sum()) < 45


def test_marginals_stand_in_for_a_joint_posterior_that_was_not_asked_for(line):
    data = observation(2)
    joint = posterior(data).joint
    marginals = {
        (name,): MarginalSamples((name,), joint.samples[:, [i]], joint.log_weights)
        for i, name in enumerate(joint.names)
    }
    check = predict(line, Posterior(marginals, None, {}, {}), data)
    assert check.summary["draws_from"] == "product of marginals"
    assert check.summary["passed"]
    with pytest.raises(DarksieveError, match="no posterior of intercept"):
        predict(line, Posterior({("slope",): marginals[("slope",)]}, None, {}, {}), data)


@pytest.fixture
def noisy_simulate(line, monkeypatch):
    """The example, but with its noise drawn in `simulate`."""
    cls = type(line.simulator)
    simulate, observe = cls.simulate, cls.observe
    monkeypatch.setattr(
        cls, "simulate", lambda self, z, generator: observe(self, simulate(self, z, generator), generator)
    )
    monkeypatch.setattr(cls, "observe", lambda self, signal, generator: signal)
    return line


def test_noise_may_be_drawn_in_simulate(noisy_simulate):
    records = [predict(noisy_simulate, posterior(data), data).summary for data in map(observation, range(30))]
    assert sum(record["passed"] for record in records) >= 27  # as above
    assert not any(record["undecided"] for record in records)
    strange = [observation(seed, 0.6 * np.cos(4 * DAYS)) for seed in range(10)]
    assert not any(predict(noisy_simulate, posterior(data), data).summary["passed"] for data in strange)


def test_simulator_without_any_noise_is_told_so(line, monkeypatch):
    monkeypatch.setattr(type(line.simulator), "observe", lambda self, signal, generator: signal)
    data = observation(3)
    one = MarginalSamples(("intercept", "slope"), np.full((500, 2), 0.5), np.zeros(500))
    with pytest.raises(DarksieveError, match="without noise"):
        predict(line, Posterior({}, one, {}, {}), data)
