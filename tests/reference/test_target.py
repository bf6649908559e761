import numpy as np
import pytest
import torch
import yaml

from darksieve.problem.experiment import Experiment
from darksieve.problem.observation import Observation, make_observation
from darksieve.problem.simulator import Simulator
from darksieve.reference.target import Target


class Curve(Simulator):
    """A parabola through one point, in torch; `broken` cuts the graph of one of its terms."""

    parameters = ("a", "b")

    def __init__(self, broken=False, precision="float64"):
        self.broken, self.dtype = broken, getattr(torch, precision)

    def simulate(self, z, generator):
        square = z[:, 1:] ** 2
        y = z[:, :1] + (square.detach() if self.broken else square)
        return {"y": y.to(self.dtype)}

    def log_likelihood(self, x, signal, masks=None):
        residual = (signal["y"] - x["y"]) / 0.2
        if masks is not None:
            residual = residual * masks["y"]
        return -0.5 * (residual**2).sum(dim=1)


@pytest.fixture
def curve(load_record):
    def load(**options):
        record = {
            "simulator": {"class": f"{__file__}:Curve", "options": options},
            "prior": {"a": {"uniform": [-2, 2]}, "b": {"log_uniform": [0.1, 3]}},
            "observation": {"mock": {"parameters": {"a": 0.3, "b": 0.8}}},
        }
        experiment = load_record(record, "curve")
        return experiment, make_observation(experiment)

    return load


@pytest.fixture
def lens(repository, tmp_path):
    record = yaml.safe_load((repository / "config/experiments/lens-tiny.yaml").read_text())
    record["simulator"]["options"]["noise_correlation"] = 0.2
    (tmp_path / "lens.yaml").write_text(yaml.safe_dump(record))
    experiment = Experiment.load(tmp_path / "lens.yaml", tmp_path)
    return experiment, make_observation(experiment)


def five_point_gradient(target, t, step):
    """Differences of fourth order, at other points than the target's own."""
    offsets = step * np.eye(t.shape[1])
    columns = []
    for offset in offsets:
        near, far = (target.log_density(t + k * offset) - target.log_density(t - k * offset) for k in (1, 2))
        columns.append((8 * near - far) / (12 * step))
    return np.stack(columns, axis=1)


def test_gradient_of_the_gaussian_is_the_analytic_one(gaussian):
    experiment, observation = gaussian
    target = Target(*gaussian)
    t = np.random.default_rng(1).normal(size=(5, 3))
    matrix, noise = experiment.simulator.matrix, 0.3
    value, gradient = target.log_density_and_gradient(t)
    residual = (observation.x["x"] - t @ matrix.T) / noise
    assert target.differentiable
    np.testing.assert_allclose(value, -0.5 * (residual**2).sum(axis=1) - 0.5 * (t**2).sum(axis=1), rtol=1e-12)
    np.testing.assert_allclose(gradient, residual @ matrix / noise - t, rtol=1e-6, atol=1e-6)


def test_gradient_through_the_prior_equals_differences(curve):
    target = Target(*curve())
    t = np.random.default_rng(2).normal(size=(4, 2))
    _, gradient = target.log_density_and_gradient(t)
    assert target.differentiable
    np.testing.assert_allclose(gradient, five_point_gradient(target, t, 1e-3), rtol=1e-6, atol=1e-6)


def test_gradient_that_torch_gets_wrong_is_not_used(curve):
    target = Target(*curve(broken=True))
    t = np.random.default_rng(2).normal(size=(4, 2))
    _, gradient = target.log_density_and_gradient(t)
    assert not target.differentiable
    np.testing.assert_allclose(gradient, five_point_gradient(target, t, 1e-3), rtol=1e-6, atol=1e-5)


def test_differences_take_a_wider_step_for_signals_of_single_precision(curve):
    target = Target(*curve(broken=True, precision="float32"))
    t = np.random.default_rng(3).normal(size=(4, 2))
    _, gradient = target.log_density_and_gradient(t)
    exact = five_point_gradient(Target(*curve()), t, 1e-3)
    assert target.step > 1e-3
    # rounding errors of 1e-7 of a log-likelihood of 1e2, over the step of 5e-3
    np.testing.assert_allclose(gradient, exact, rtol=1e-2, atol=1e-2)


def test_lens_is_differentiated_by_its_neighbours_in_one_batch(lens):
    experiment, _ = lens
    target = Target(*lens)
    truth = [experiment.config.observation.mock.parameters[name] for name in experiment.prior.names]
    from scipy.special import ndtri

    t = ndtri(experiment.prior.to_unit([truth])) + 0.05 * np.random.default_rng(4).normal(size=(2, 4))
    assert not target.differentiable
    before = target.calls
    _, gradient = target.log_density_and_gradient(t)
    assert target.calls - before == 2 * (2 * 4 + 1)
    np.testing.assert_allclose(gradient, five_point_gradient(target, t, 2e-4), rtol=1e-4, atol=1e-2)


def test_every_likelihood_is_counted(gaussian):
    target = Target(*gaussian)
    target.log_likelihood(np.zeros((1300, 3)))
    assert target.calls == 1300


def test_far_out_the_density_is_that_of_the_prior(curve):
    target = Target(*curve())
    t = np.array([[20.0, 0.0], [40.0, 0.0]])
    value, gradient = target.log_density_and_gradient(t)
    assert value[1] - value[0] == pytest.approx(-0.5 * (40**2 - 20**2))
    np.testing.assert_allclose(gradient[:, 0], -t[:, 0])


def test_masked_elements_do_not_count(curve):
    experiment, observation = curve()
    masked = Observation(observation.x, {"y": np.zeros(1, bool)})
    np.testing.assert_array_equal(Target(experiment, masked).log_likelihood(np.ones((2, 2))), 0.0)


def test_failed_simulation_has_no_likelihood(curve):
    target = Target(*curve())
    value = target.log_likelihood(np.array([[0.0, np.nan], [0.0, 1.0]]))
    assert value[0] == -np.inf
    assert np.isfinite(value[1])
