"""Linear layers with a weight matrix a channel, as batched matrix products.

swyft's ratio estimators hold one small network a marginal in such layers, but multiply them one vector at a time;
as one batched product a channel they give the same numbers many times faster.
"""

from __future__ import annotations

import math

import torch
from swyft.networks.channelized import LinearWithChannel
from torch import Tensor, nn

__all__ = ["ChannelLinear", "speed_up_swyft"]


def _batched_forward(layer: LinearWithChannel, x: Tensor) -> Tensor:
    """Map x (n, channels, in) to (n, channels, out)."""
    product = torch.baddbmm(layer.bias[:, None], x.transpose(0, 1), layer.weights.transpose(1, 2))
    return product.transpose(0, 1)


def speed_up_swyft() -> None:
    """Give swyft's channel layer, and so every network built on it, the batched product."""
    LinearWithChannel.forward = _batched_forward


class ChannelLinear(nn.Module):
    """A linear map a channel: x (channels, n, in) to (channels, n, out).

    `select` evaluates one channel alone: x (n, in) to (n, out).
    """

    def __init__(self, channels: int, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(channels, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(channels, 1, outputs).uniform_(-bound, bound))

    def forward(self, x: Tensor, channels: slice = slice(None)) -> Tensor:
        """All channels, or some of them."""
        return torch.baddbmm(self.bias[channels], x, self.weight[channels])

    def select(self, x: Tensor, channel: int) -> Tensor:
        """One channel."""
        return torch.addmm(self.bias[channel], x, self.weight[channel])
