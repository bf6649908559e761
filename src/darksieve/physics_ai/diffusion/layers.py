"""Networks that correct a Wiener filter: residual layers for any data, and a U-Net for images.

What they get is the noisy data without their mean in three forms: `seen`, in units of their spread (n, d); `white`,
along the axes of the data's covariance and in units of the spread along each (n, d); the filter's gain on each axis
(d,) or (n, d). With these come the axes (d, d) and features of the time (n, F) or (1, F). What they give is the
correction along the axes (n, d), and zero before training.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from azula.nn.unet import UNet
from torch import Tensor, nn

__all__ = ["Convolutions", "Layers", "Shape"]


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
    """Channels and blocks at each depth of a U-Net, the first of which has pixels of so many of the image's a side."""

    channels: tuple[int, ...]
    blocks: tuple[int, ...]
    patch: int

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

    def forward(self, seen: Tensor, white: Tensor, gain: Tensor, axes: Tensor, time: Tensor) -> Tensor:
        hidden = self.enter(torch.cat([seen, white], dim=1))
        for block in self.blocks:
            hidden = block(hidden, time)
        shift, bend = self.leave(hidden).chunk(2, dim=1)
        return shift + bend * white


class _Convolutional(nn.Module):
    """Azula's U-Net on the images of what is seen, whitened, and whitened and filtered."""

    def __init__(self, size: int, features: int, shape: Convolutions) -> None:
        super().__init__()
        self.side, self.patch = math.isqrt(size), shape.patch
        self.unet = UNet(
            3 * shape.patch**2, shape.patch**2, hid_channels=shape.channels, hid_blocks=shape.blocks,
            mod_features=features, norm="group",
        )  # fmt: skip
        last = self.unet.ascent[-1][-1]
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, seen: Tensor, white: Tensor, gain: Tensor, axes: Tensor, time: Tensor) -> Tensor:
        images = torch.stack([seen, white @ axes.T, (gain * white) @ axes.T], dim=1).unflatten(2, (self.side, -1))
        found = self.unet(nn.functional.pixel_unshuffle(images, self.patch), time.expand(len(seen), -1))
        return nn.functional.pixel_shuffle(found, self.patch).flatten(1) @ axes
