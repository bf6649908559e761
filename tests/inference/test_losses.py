import math

import numpy as np
import pytest
import swyft
import torch
from torch import nn

from darksieve.inference.losses import LOSSES, ratio_loss
from tests.inference.test_training import SwyftNetwork

CONTRASTS = {"nre-a": 1, "balanced": 1, "nre-b": 4, "nre-c": 4}


def test_loss_equals_swyfts():
    torch.manual_seed(1)
    network = SwyftNetwork().eval()
    batch = {"brightness": torch.randn(32, 20), "z": torch.randn(32, 2)}
    torch.testing.assert_close(ratio_loss(network, batch), network._calc_loss(batch), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", LOSSES)
def test_loss_of_an_untrained_network_is_zero(kind):
    class Nothing(nn.Module):
        def forward(self, a, b):
            return swyft.LogRatioSamples(torch.zeros(len(b["z"]), 3), b["z"], np.array([["a"], ["b"], ["c"]]))

    loss = ratio_loss(Nothing(), {"z": torch.randn(8, 3)}, kind, CONTRASTS[kind])
    assert float(loss) == pytest.approx(0.0, abs=1e-6)


def test_nre_c_with_one_contrast_is_half_of_nre_a():
    joint, marginal = torch.randn(2, 1, 16, 3)
    torch.testing.assert_close(LOSSES["nre-c"](joint[0], marginal), 0.5 * LOSSES["nre-a"](joint[0], marginal))


def test_a_small_batch_is_compared_with_what_it_has():
    network = SwyftNetwork().eval()
    batch = {"brightness": torch.randn(3, 20), "z": torch.randn(3, 2)}
    assert math.isfinite(float(ratio_loss(network, batch, "nre-c", 50).detach()))


class Discrete(nn.Module):
    """A free log-ratio for every pair of x in {0, 1, 2} and z in {0, 1}."""

    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.zeros(3, 2))

    def forward(self, a, b):
        x, z = swyft.equalize_tensors(a["x"][:, 0], b["z"][:, 0])
        return swyft.LogRatioSamples(self.table[x, z][:, None], b["z"][..., None].float(), np.array([["z"]]))


@pytest.mark.parametrize("kind", LOSSES)
def test_least_loss_is_at_the_true_ratio(kind):
    """Of a table of probabilities: the ratio itself, for nre-b up to a factor a data set."""
    given = torch.tensor([[0.7, 0.2, 0.1], [0.2, 0.3, 0.5]])  # p(x | z), z equally likely
    generator = torch.Generator().manual_seed(1)
    z = torch.randint(2, (200_000,), generator=generator)
    x = torch.multinomial(given[z], 1, generator=generator)
    exact = torch.log(given / given.mean(dim=0)).T
    network = Discrete()
    optimiser = torch.optim.Adam(network.parameters(), lr=0.02)
    for epoch in range(3):
        for group in optimiser.param_groups:
            group["lr"] = 0.02 / 4**epoch
        order = torch.randperm(len(z), generator=generator)
        for rows in order.split(1000):
            optimiser.zero_grad()
            ratio_loss(network, {"x": x[rows], "z": z[rows, None]}, kind, CONTRASTS[kind]).backward()
            optimiser.step()
    found = network.table.detach()
    if kind == "nre-b":
        found, exact = (table - table.mean(dim=1, keepdim=True) for table in (found, exact))
    torch.testing.assert_close(found, exact, atol=0.05, rtol=0)
