"""A reference method that a simulator cannot serve is refused before the first job, in one line."""

import numpy as np
import pytest
import torch

from darksieve.problem.errors import DarksieveError
from darksieve.problem.likelihood import check_reference, find_likelihood
from darksieve.problem.observation import Observation, make_observation
from darksieve.problem.preflight import load_checked
from darksieve.problem.simulator import Simulator


class Point(Simulator):
    """One parameter, seen through noise; `returns` is what its likelihood makes of it."""

    parameters = ("a",)

    def __init__(self, returns="numbers"):
        self.returns = returns

    def simulate(self, z, generator):
        return {"x": z @ torch.eye(1) if self.returns == "single precision" else z.clone()}

    def log_likelihood(self, x, signal):
        value = -0.5 * ((signal["x"] - x["x"]) ** 2).sum(dim=1)
        return {"numbers": value, "nan": value * float("nan"), "columns": value[:, None]}[self.returns]


@pytest.fixture
def point(load_record):
    def load(methods, **options):
        record = {
            "simulator": {"class": f"{__file__}:Point", "options": options},
            "prior": {"a": {"normal": [0, 1]}},
            "observation": {"mock": {"parameters": {"a": 0.3}}},
            "reference": {"methods": methods},
        }
        experiment = load_record(record, "point")
        return experiment, make_observation(experiment)

    return load


@pytest.mark.parametrize(
    ("methods", "options", "message"),
    [
        (["exact"], {}, "Point has no exact_samples"),
        (["nested"], {}, "nested needs two parameters"),
        (["flow"], {}, "flow needs two parameters"),
        (["nuts"], {"returns": "nan"}, "the likelihood of two signals is"),
        (["vi"], {"returns": "columns"}, "the likelihood of two signals is"),
        (["nuts"], {"returns": "single precision"}, "parameters in float64 fails: RuntimeError"),
    ],
)
def test_method_that_cannot_run_is_refused(point, methods, options, message):
    with pytest.raises(DarksieveError, match=message) as raised:
        check_reference(*point(methods, **options), methods)
    assert "reference.methods" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_simulator_without_a_likelihood_stops_the_run_at_its_start(line_record, load_record, tmp_path):
    load_record(line_record | {"reference": {"methods": ["nuts"]}})
    arguments = ([str(tmp_path / "line.yaml")], tmp_path, tmp_path, tmp_path / "stamps")
    with pytest.raises(DarksieveError, match="Line has no log_likelihood"):
        load_checked(*arguments)


def test_a_run_may_ask_for_further_methods(line_record, load_record, point, tmp_path):
    load_record(line_record)
    arguments = ([str(tmp_path / "line.yaml")], tmp_path, tmp_path, tmp_path / "stamps")
    with pytest.raises(DarksieveError, match="Line has no log_likelihood"):
        load_checked(*arguments, ["nested"])
    experiment, _ = point(["exact"])
    assert experiment.compared_with(["nested", "exact"]).config.reference.methods == ["exact", "nested"]


def test_exact_samples_under_another_prior_are_refused(load_record):
    record = {
        "simulator": {"class": "darksieve.simulators.tractable:LinearGaussian", "options": {"dimension": 2}},
        "prior": {"z0": {"normal": [0, 1]}, "z1": {"normal": [0, 2]}},
        "observation": {"mock": {"parameters": {"z0": 0, "z1": 0}}},
        "reference": {"methods": ["exact"]},
    }
    experiment = load_record(record)
    with pytest.raises(DarksieveError, match=r"another prior of z1.*normal': \[0\.0, 1\.0\]"):
        check_reference(experiment, make_observation(experiment), ["exact"])


def test_mask_that_the_likelihood_cannot_take_is_refused(point):
    experiment, observation = point(["nuts"])
    masked = Observation(observation.x, {"x": np.ones(1, bool)})
    with pytest.raises(DarksieveError, match="takes no masks"):
        check_reference(experiment, masked, ["nuts"])


def test_likelihood_is_that_of_the_observation(point):
    experiment, observation = point(["nuts"])
    check_reference(experiment, observation, ["nuts"])
    signal = {"x": torch.tensor([[0.3], [1.3]], dtype=torch.float64)}
    value = find_likelihood(experiment, observation)(signal)
    np.testing.assert_allclose(value, [0.0, -0.5], atol=1e-6)
