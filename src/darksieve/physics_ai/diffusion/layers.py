"""Networks that correct a Wiener filter: residual layers for any data, and a U-Net for images.

What they get is a `View` of noisy data; what they give is the correction (n, d) in units of the noise, and zero before
training.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from azula.nn.unet import UNet
from torch import Tensor, nn

__all__ = ["Convolutions", "Layers", "Shape", "View"]


@dataclass(frozen=True)
class View:
    """What a network sees of noisy data x_t.

    Attributes
    ----------
    seen : Tensor
        Without their mean, in units of their spread (n, d).
    white : Tensor
        Along the axes of the data's covariance, in units of the spread along each (n, d).
    noisy, filtered : Tensor
        With their mean, as they are and after the Wiener filter, in units of the noise (n, d).
    gain, mean_gain : Tensor
        Of the filter along each axis (n, d) or (1, d), and where all axes have the mean variance (n, 1) or (1, 1).
    axes : Tensor
        (d, d), in its columns.
    time : Tensor
        Features of ln sigma (n, F) or (1, F).
    """

    seen: Tensor
    white: Tensor
    noisy: Tensor
    filtered: Tensor
    gain: Tensor
    mean_gain: Tensor
    axes: Tensor
    time: Tensor


@dataclass(frozen=True)
class Layers:
    """Width of the layers, and number of residual blocks."""

    width: int
    blocks: int

    def build(self, size: int, features: int) -> nn.Module:
        """The network for data (n, size), with so many features of the time."""
        return _Residual(size, features, self)


@dataclass(frozen=True)
class Convolutions:
    """Channels and blocks at each depth of a U-Net, the first of which has the image's own pixels."""

    channels: tuple[int, ...]
    blocks: tuple[int, ...]

    def build(self, size: int, features: int) -> nn.Module:
        """The network for square images (n, size), with so many features of the time."""
        return _Convolutional(size, features, self)


Shape = Layers | Convolutions


class _Block(nn.Module):
    def __init__(self, width: int, features: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)
        self.time = nn.Linear(features, width)

    def forward(self, hidden: Tensor, time: Tensor) -> Tensor:
        return hidden + self.second(nn.functional.silu(self.first(self.norm(hidden)) + self.time(time)))


class _Residual(nn.Module):
    """A shift along each axis, and a factor of what is seen there: it bends the filter."""

    def __init__(self, size: int, features: int, shape: Layers) -> None:
        super().__init__()
        self.enter = nn.Linear(2 * size, shape.width)
        self.blocks = nn.ModuleList(_Block(shape.width, features) for _ in range(shape.blocks))
        last = nn.Linear(shape.width, 2 * size)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.leave = nn.Sequential(nn.LayerNorm(shape.width), nn.SiLU(), last)

    def forward(self, view: View) -> Tensor:
        hidden = self.enter(torch.cat([view.seen, view.white], dim=1))
        for block in self.blocks:
            hidden = block(hidden, view.time)
        shift, bend = self.leave(hidden).chunk(2, dim=1)
        return (view.gain.sqrt() * (shift + bend * view.white)) @ view.axes.T


class _Convolutional(nn.Module):
    """Azula's U-Net: a shift of each pixel, and how much of what the filter took away it gets back.

    Among what it sees are the data and the filter's answer in units of the noise under a logarithm (asinh): galaxies
    are a thousand times as bright in the middle as further out, where they still rise above the least noise.
    """

    def __init__(self, size: int, features: int, shape: Convolutions) -> None:
        super().__init__()
        self.side = math.isqrt(size)
        self.unet = UNet(
            5, 2, hid_channels=shape.channels, hid_blocks=shape.blocks, mod_features=features, norm="group"
        )
        last = self.unet.ascent[-1][-1]
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, view: View) -> Tensor:
        white, low = view.white @ view.axes.T, (view.gain * view.white) @ view.axes.T
        images = torch.stack([view.seen, white, low, torch.asinh(view.noisy), torch.asinh(view.filtered)], dim=1)
        found = self.unet(images.unflatten(2, (self.side, -1)), view.time.expand(len(images), -1))
        shift, share = found.flatten(2).unbind(dim=1)
        return view.mean_gain.sqrt() * shift + share * (view.noisy - view.filtered)
