import swyft
import torch
from swyft.networks.channelized import LinearWithChannel

from darksieve.inference.channels import ChannelLinear, speed_up_swyft


def plain_forward(layer, x):
    return torch.matmul(layer.weights, x.unsqueeze(-1)).squeeze(-1) + layer.bias


def test_batched_product_equals_swyfts_own():
    torch.manual_seed(1)
    speed_up_swyft()
    layer, x = LinearWithChannel(7, 20, 5), torch.randn(33, 7, 20)
    torch.testing.assert_close(layer(x), plain_forward(layer, x), rtol=1e-6, atol=1e-6)


def test_whole_estimator_gives_the_same_ratios_and_gradients():
    torch.manual_seed(2)
    estimator = swyft.LogRatioEstimator_1dim(8, 4, "z").eval()
    x, z = torch.randn(16, 8), torch.randn(16, 4)
    results = []
    for forward in (plain_forward, LinearWithChannel.forward):
        LinearWithChannel.forward, kept = forward, LinearWithChannel.forward
        estimator.zero_grad()
        ratios = estimator(x, z).logratios
        ratios.sum().backward()
        results.append([ratios.detach(), *(p.grad.clone() for p in estimator.parameters())])
        LinearWithChannel.forward = kept
    for a, b in zip(*results):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_one_channel_alone_equals_that_channel_of_all():
    torch.manual_seed(3)
    layer, x = ChannelLinear(3, 6, 4), torch.randn(3, 10, 6)
    torch.testing.assert_close(layer.select(x[1], 1), layer(x)[1])
