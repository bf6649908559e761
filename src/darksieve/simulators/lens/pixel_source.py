"""Sources made of pixels: what a known lens makes of them is a matrix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from darksieve.simulators.lens.instrument import convolve
from darksieve.simulators.lens.strong_lens import StrongLens

__all__ = ["PixelGrid", "PixelSource", "lens_operator"]


@dataclass(frozen=True)
class PixelGrid:
    """Square pixels of side `scale` [arcsec], `pixels` a side, around a centre x, y [arcsec].

    Between the centres of pixels brightness is interpolated linearly; outside it falls to zero within one pixel.
    """

    pixels: int
    scale: float
    x: float = 0.0
    y: float = 0.0

    def coordinates(self) -> tuple[Tensor, Tensor]:
        """Centres x and y (pixels, pixels) [arcsec], x along the columns."""
        offset = (torch.arange(self.pixels, dtype=torch.float64) - 0.5 * (self.pixels - 1)) * self.scale
        y, x = torch.meshgrid(self.y + offset, self.x + offset, indexing="ij")
        return x, y

    def weights(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Numbers of the four pixels (4, R) between which places x, y (R,) [arcsec] lie, and their weights (4, R)."""
        middle = 0.5 * (self.pixels - 1)
        column, row = (x - self.x) / self.scale + middle, (y - self.y) / self.scale + middle
        left, below = column.floor(), row.floor()
        numbers, weights = [], []
        for up in (0, 1):
            for right in (0, 1):
                i, j = left + right, below + up
                inside = (i >= 0) & (i < self.pixels) & (j >= 0) & (j < self.pixels)
                weight = (1 - (column - i).abs()) * (1 - (row - j).abs())
                numbers.append(torch.where(inside, j * self.pixels + i, 0).long())
                weights.append(torch.where(inside, weight, 0.0))
        return torch.stack(numbers), torch.stack(weights)


@dataclass(frozen=True)
class PixelSource:
    """Surface brightness (B, S, S) [electron / s / arcsec^2] of sources on a grid of S x S pixels."""

    grid: PixelGrid
    images: Tensor

    def brightness(self, rows: slice, x: Tensor, y: Tensor, workspace: Tensor) -> Tensor:
        """Surface brightness (b, R) at x, y (b or 1, R) [arcsec]."""
        half, images = 0.5 * (self.grid.pixels - 1) * self.grid.scale, self.images[rows]
        places = torch.stack([(x - self.grid.x) / half, (y - self.grid.y) / half], dim=-1)
        places = places.expand(len(images), -1, 2)[:, None]
        return torch.nn.functional.grid_sample(images[:, None], places, align_corners=True)[:, 0, 0]


def lens_operator(lens: StrongLens, values: Mapping[str, Tensor], grid: PixelGrid) -> Tensor:
    """The matrix (P^2, S^2) that takes the brightness of a source's pixels to the noise-free image of P x P pixels.

    Parameters
    ----------
    lens : StrongLens
        Its instrument is used, and its mass without populations of haloes.
    values : mapping of str to Tensor
        Parameters of one lens, (1, 1).

    Returns
    -------
    Tensor
        In arcsec^2, so that brightness [electron / s / arcsec^2] becomes electron / s.
    """
    x, y = lens.trace(values)
    numbers, weights = grid.weights(x[0], y[0])
    area = lens.instrument.weights.to(x)  # (points, 1)
    image_pixels = lens.pixels**2
    pixel = torch.arange(image_pixels).repeat(len(area))
    share = weights * area.expand(-1, image_pixels).reshape(1, -1)
    matrix = x.new_zeros(grid.pixels**2 * image_pixels)
    matrix.index_add_(0, (numbers * image_pixels + pixel).flatten(), share.flatten())
    images = matrix.reshape(grid.pixels**2, lens.pixels, lens.pixels)
    return convolve(images, lens.instrument.psf.to(x)).flatten(1).T.contiguous()
