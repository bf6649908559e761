"""What layers see, by their strides and kernels, and what is read from those of a trained network."""

import pytest
import torch

from darksieve.inference.network import RatioNetwork
from darksieve.interpret.layers import describe_layers, receptive_field
from darksieve.problem.prior import Parameter, Prior, one_dimensional_prior


@pytest.mark.parametrize(("layer", "side"), [(1, 12), (4, 28)])
def test_receptive_field_is_that_of_strides_and_kernels(layer, side):
    """Squares of 4 pixels, then 3 x 3 convolutions of stride two: 3 x 4, and (2 x 2 + 3) x 4 pixels a side."""
    torch.manual_seed(1)
    prior = Prior((Parameter("a", one_dimensional_prior({"uniform": [0, 1]})),))
    network = RatioNetwork({"image": (64, 64)}, prior, ["a"]).eval()
    x = {"image": torch.randn(1, 64, 64)}
    assert receptive_field(network, f"embed.image.convolutions.{layer}", x) == side


def test_layers_of_a_trained_network(trained):
    experiment, observation, simulations, estimator, _ = trained
    layers = describe_layers(experiment, estimator, simulations.head(300), observation)
    found = {layer["name"]: layer for layer in layers}
    assert set(found) == {
        "brightness 1",
        "brightness 2",
        "brightness 3",
        "estimate 1",
        *(f"bend {i}" for i in range(1, 5)),
    }
    assert all(explained > 0.5 for explained in found["estimate 1"]["probes"].values())
