"""Attribution against a ratio that is known, and on a trained network."""

import numpy as np
import pytest
import swyft
import torch

from darksieve.inference.estimator import Estimator, build_network
from darksieve.interpret.attribution import (
    attribute,
    most_probable,
    similarity,
    study_attribution,
    with_shuffled_weights,
)
from darksieve.problem.box import Box

WEIGHTS = torch.zeros(8, 8)
WEIGHTS[2:4, 5:7] = torch.tensor([[1.0, -2.0], [3.0, 0.5]])


class Linear(torch.nn.Module):
    """A log-ratio that is linear in the pixels: a times their weighted sum."""

    def __init__(self):
        super().__init__()
        self.anchor = torch.nn.Parameter(torch.zeros(1))  # says on which device it lies

    def forward(self, A, B):
        log_ratio = B["z"][:, :1] * (A["image"] * WEIGHTS).sum(dim=(1, 2))[:, None]
        parameters = B["z"][:, :1, None]
        return swyft.LogRatioSamples(log_ratio, parameters, np.array([["a"]]))


@pytest.fixture
def linear():
    return Estimator((Linear(),), ("a",), Box.full(("a",)))


def test_integrated_gradients_of_a_linear_ratio_are_its_terms(linear):
    x, baseline = torch.rand(3, 8, 8), torch.rand(8, 8)
    z = np.array([[0.5], [1.0], [-2.0]])
    found = attribute(linear, {"image": x}, {("a",): z}, {"image": baseline}, "integrated gradients")[("a",)]["image"]
    expected = torch.from_numpy(z)[:, :, None] * WEIGHTS * (x - baseline)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)


def test_occlusion_sees_only_what_the_ratio_looks_at(linear):
    x, baseline = torch.rand(2, 8, 8), torch.zeros(8, 8)
    z = np.ones((2, 1))
    found = attribute(linear, {"image": x}, {("a",): z}, {"image": baseline}, "occlusion")[("a",)]["image"]
    np.testing.assert_allclose(found[:, 6:, :2], 0, atol=1e-6)
    assert (np.abs(found[:, 2:4, 5:7]) > 0).all()


def test_most_probable_parameters_have_the_largest_ratio(linear):
    x = {"image": WEIGHTS[None]}  # the ratio grows with a
    assert most_probable(linear, x, np.array([[0.1], [0.9], [0.4]]))[("a",)] == pytest.approx(np.array([[0.9]]))


def test_similarity_is_of_strengths_and_ranks():
    first = np.array([1.0, -2.0, 3.0, 0.1])
    assert similarity(first, -(first**3)) == pytest.approx(1)
    assert similarity(first, 1 / first) == pytest.approx(-1)


def test_shuffled_weights_are_the_same_numbers_and_say_something_else(line):
    network = build_network(line, {"brightness": (20,)})
    estimator = Estimator((network.eval(),), line.prior.names, Box.full(line.prior.names))
    shuffled = with_shuffled_weights(estimator, 1).networks[0]
    for (name, before), after in zip(network.named_parameters(), shuffled.parameters()):
        assert torch.equal(before.flatten().sort().values, after.flatten().sort().values), name
    x = {"brightness": torch.randn(5, 20)}
    assert not torch.allclose(network.summarise(x), shuffled.summarise(x))


def test_attributions_of_a_trained_network_add_up_to_its_log_ratio(trained):
    experiment, observation, simulations, estimator, _ = trained
    record = study_attribution(experiment, estimator, simulations, observation)
    assert list(record["marginals"]) == ["intercept", "slope", "intercept-slope"]
    for found in record["marginals"].values():
        assert abs(found["incompleteness"]) < 0.02 * max(1.0, abs(found["log_ratio"] - found["log_ratio_of_baseline"]))
        for values in found["attribution"].values():
            assert np.shape(values["brightness"]) == observation.x["brightness"].shape
        assert abs(found["similarity"]["occlusion"]) < 0.9


def test_ratios_of_many_data_sets_are_those_of_each_alone(trained):
    estimator = trained[3]
    x, z = {"brightness": torch.randn(3, 20)}, np.array([[0.3, -0.6], [0.4, -0.7], [0.5, -0.8]])
    together = estimator.log_ratios_of_each(x, z)
    for row in range(3):
        for marginal, values in estimator.log_ratios({"brightness": x["brightness"][[row]]}, z[[row]]).items():
            assert together[marginal][row] == pytest.approx(values[0], rel=1e-4, abs=1e-4)
