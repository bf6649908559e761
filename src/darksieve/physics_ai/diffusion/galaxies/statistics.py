"""What images of galaxies are like, in a few numbers, and how near they are to others."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["STATISTICS", "nearest_distance", "power_spectrum", "statistics"]

STATISTICS = ("flux", "concentration", "asymmetry", "roughness")


def statistics(images: Tensor) -> dict[str, Tensor]:
    """Numbers (n,) of each of the images (n, P, P).

    Flux: the mean of all pixels. Concentration: 5 log10 of the ratio of the radii that hold 80% and 20% of the light.
    Asymmetry: what half a turn around the middle of the image changes, mean absolute value, over the mean absolute
    value. Roughness: mean square of what smoothing by 3 x 3 pixels takes away, over the mean square.

    Reference: Conselice 2003, ApJS 147, 1, for the first two of form.
    """
    pixels = images.shape[-1]
    offset = torch.arange(pixels) - 0.5 * (pixels - 1)
    light = images.clamp(min=0.0)
    total = light.sum(dim=(1, 2))
    x, y = ((light.sum(dim=axis) * offset).sum(dim=1) / total for axis in (1, 2))
    distance = torch.hypot(offset - x[:, None, None], offset[:, None] - y[:, None, None]).flatten(1)
    order = distance.argsort(dim=1)
    inside = torch.take_along_dim(light.flatten(1), order, dim=1).cumsum(dim=1) / total[:, None]
    sorted_distance = torch.take_along_dim(distance, order, dim=1)
    inner, outer = (
        torch.take_along_dim(sorted_distance, (inside >= share).int().argmax(dim=1, keepdim=True), dim=1)[:, 0]
        for share in (0.2, 0.8)
    )
    smooth = torch.nn.functional.avg_pool2d(images[:, None], 3, stride=1, padding=1, count_include_pad=False)[:, 0]
    return {
        "flux": images.mean(dim=(1, 2)),
        "concentration": 5.0 * torch.log10(outer / inner),
        "asymmetry": (images - images.flip(1, 2)).abs().mean(dim=(1, 2)) / images.abs().mean(dim=(1, 2)),
        "roughness": (images - smooth).square().mean(dim=(1, 2)) / images.square().mean(dim=(1, 2)),
    }


def power_spectrum(images: Tensor) -> tuple[Tensor, Tensor]:
    """Wavenumbers (K,) [cycles an image], and mean power (K,) of images (n, P, P) between one half less and more."""
    pixels = images.shape[-1]
    power = torch.fft.fft2(images).abs().square().mean(dim=0) / pixels**2
    k = torch.fft.fftfreq(pixels) * pixels
    ring = torch.hypot(k[:, None], k).round().long()
    number = torch.arange(1, pixels // 2)
    mean = torch.bincount(ring.flatten(), power.flatten()) / torch.bincount(ring.flatten())
    return number, mean[number]


def nearest_distance(images: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """Root-mean-square difference (n,) of a pixel from each image (n, P, P) to the most similar one of those known.

    Images are turned by right angles and mirrored, as for learning; the second tensor (n, P, P) is that image, turned.
    """
    best, match = torch.full((len(images),), torch.inf), torch.empty_like(images)
    for mirrored in (known, known.flip(-1)):
        for turns in range(4):
            turned = torch.rot90(mirrored, turns, (1, 2)).flatten(1)
            distance, row = torch.cdist(images.flatten(1), turned).min(dim=1)
            nearer = distance < best
            best[nearer], match[nearer] = distance[nearer], turned[row[nearer]].reshape(-1, *images.shape[1:])
    return best / images.shape[-1], match
