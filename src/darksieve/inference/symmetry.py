"""The symmetry of problems without a direction: an image that is turned or mirrored says the same."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from darksieve.problem.errors import DarksieveError

__all__ = ["turn_images"]


def turn_images(signal: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
    """Square images (n, H, H) or (n, C, H, H), each in one of its eight positions at random; other arrays as they are.

    Parameters
    ----------
    signal : mapping of str to Tensor
        Noise-free data of n simulations; all images of one of them are turned alike.
    generator : torch.Generator
        On the device of the data.

    Raises
    ------
    DarksieveError
        If none of the arrays is a square image.
    """
    if not any(map(_square, signal.values())):
        raise DarksieveError(
            "the data hold no square image", where="training.turn_images", mend="leave it out, or crop the image"
        )
    number = len(next(iter(signal.values())))
    position = torch.randint(8, (number,), generator=generator, device=generator.device)
    return {name: _turned(array, position) if _square(array) else array for name, array in signal.items()}


def _square(array: Tensor) -> bool:
    return array.ndim > 2 and array.shape[-1] == array.shape[-2]


def _turned(images: Tensor, position: Tensor) -> Tensor:
    turned = torch.empty_like(images)
    for quarters in range(4):
        for mirrored in (False, True):
            rows = (position == quarters + 4 * mirrored).nonzero().flatten()
            chosen = torch.rot90(images[rows], quarters, (-2, -1))
            turned[rows] = chosen.flip(-1) if mirrored else chosen
    return turned
