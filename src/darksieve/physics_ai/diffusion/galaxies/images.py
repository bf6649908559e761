"""Images of galaxies for a prior of lensed sources: procedural ones, and real ones turned at random.

A procedural galaxy has a disc and a bulge with Sersic profiles; half of the discs have logarithmic spiral arms, most
have clumps, some a companion. All galaxies are blurred by a telescope. They lie on a grid of side 2, so that lengths
are in units of half the image's width, and have pixels with a mean square that scatters around one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from darksieve.simulators.lens.instrument import convolve, gaussian_kernel
from darksieve.simulators.lens.light import sersic_brightness, sersic_coefficients
from darksieve.simulators.lens.pixel_source import PixelGrid
from darksieve.simulators.lens.sources import Source, read_source

__all__ = ["augment", "draw_galaxies", "procedural_galaxies", "real_galaxies"]

AT_ONCE = 512
SUPERSAMPLING = 2
CLUMPS = 6
SPIRAL, CLUMPY, COMPANION = 0.5, 0.7, 0.15  # fractions of galaxies
SEEING = 1.5  # pixels, full width at half maximum of the point-spread function
BRIGHTNESS_SCATTER = 0.3  # of the natural logarithm


def draw_galaxies(
    number: int, pixels: int, real: float, files: Mapping[str, Any], generator: torch.Generator
) -> Tensor:
    """Images (number, pixels, pixels), a fraction of them of real galaxies.

    Parameters
    ----------
    files : mapping
        Where real galaxies are, as the option `source.galaxies` of a lens.

    Raises
    ------
    DarksieveError
        If the files hold no galaxies.
    """
    of_real = round(real * number)
    parts = [procedural_galaxies(size, pixels, generator) for size in _sizes(number - of_real)]
    if of_real:
        source = read_source({"galaxies": dict(files)})
        parts += [real_galaxies(source, size, pixels, generator) for size in _sizes(of_real)]
    images = torch.cat(parts)
    images /= images.square().mean(dim=(1, 2), keepdim=True).sqrt()
    images *= torch.exp(BRIGHTNESS_SCATTER * torch.randn(number, 1, 1, generator=generator))
    return images[torch.randperm(number, generator=generator)]


def augment(images: Tensor, generator: torch.Generator) -> Tensor:
    """Images (n, P, P), each turned by a multiple of a right angle and mirrored or not."""
    turned = torch.stack([torch.rot90(images, turns, (1, 2)) for turns in range(4)])
    turned = torch.cat([turned, turned.flip(-1)])
    chosen = torch.randint(len(turned), (len(images),), generator=generator)
    return turned[chosen, torch.arange(len(images))]


def real_galaxies(source: Source, number: int, pixels: int, generator: torch.Generator) -> Tensor:
    """Images (n, P, P) of real galaxies, turned, mirrored, moved and scaled at random."""
    x, y = _places(pixels)
    values = {
        "source_x": 0.05 * torch.randn(number, 1, generator=generator),
        "source_y": 0.05 * torch.randn(number, 1, generator=generator),
        "source_radius": _log_uniform(0.25, 0.5, number, generator),
        "log10_source_flux": torch.zeros(number, 1),
    }
    drawn = source.draw(values, generator)
    return _record(drawn.brightness(slice(None), x, y, torch.empty(0)), pixels)


def procedural_galaxies(number: int, pixels: int, generator: torch.Generator) -> Tensor:
    """Images (n, P, P) of a disc, a bulge, arms, clumps and companions."""

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(number, *(shape or (1,)), generator=generator)

    def having(fraction: float) -> Tensor:
        return (uniform(0.0, 1.0) < fraction).float()

    x, y = _places(pixels)
    centre_x, centre_y = (0.05 * torch.randn(number, 1, generator=generator) for _ in range(2))
    radius = _log_uniform(0.15, 0.4, number, generator)
    e1, e2 = _ellipticity(uniform(0.0, 0.6), uniform(0.0, 2.0 * math.pi))
    one = torch.ones(number, 1)
    disc = _sersic(one, radius, uniform(0.5, 1.5), e1, e2, centre_x, centre_y, x, y)
    disc *= 1.0 + having(SPIRAL) * uniform(0.3, 1.0) * _arms(x - centre_x, y - centre_y, e1, e2, radius, uniform)
    fraction = uniform(0.0, 0.5)
    bulge = _sersic(
        fraction, radius * uniform(0.25, 0.6), uniform(1.0, 2.5), 0.3 * e1, 0.3 * e2, centre_x, centre_y, x, y
    )
    image = (1.0 - fraction) * disc + bulge
    clumpy = having(CLUMPY)
    for _ in range(CLUMPS):
        away, angle = radius * uniform(0.2, 1.8), uniform(0.0, 2.0 * math.pi)
        flux = clumpy * having(0.6) * _log_uniform(0.01, 0.1, number, generator)
        size = _log_uniform(0.03, 0.08, number, generator)
        square = (x - centre_x - away * angle.cos()) ** 2 + (y - centre_y - away * angle.sin()) ** 2
        image += flux / (2.0 * math.pi * size**2) * torch.exp(-0.5 * square / size**2)
    away, angle = uniform(0.4, 0.8), uniform(0.0, 2.0 * math.pi)
    image += having(COMPANION) * _sersic(
        uniform(0.05, 0.3), radius * uniform(0.2, 0.5), uniform(0.5, 2.0), *_ellipticity(uniform(0.0, 0.4), angle),
        away * angle.cos(), away * angle.sin(), x, y,
    )  # fmt: skip
    return _record(image, pixels)


def _arms(x: Tensor, y: Tensor, e1: Tensor, e2: Tensor, radius: Tensor, uniform: Any) -> Tensor:
    """Waves (n, R) from -1 to 1 along logarithmic spirals, two to four arms, in the plane of an inclined disc."""
    modulus, angle = torch.hypot(e1, e2), 0.5 * torch.atan2(e2, e1)
    ratio = (1.0 - modulus) / (1.0 + modulus)
    along, across = angle.cos() * x + angle.sin() * y, (angle.cos() * y - angle.sin() * x) / ratio
    arms = uniform(2.0, 5.0).floor()
    winding = uniform(1.5, 5.0) * torch.sign(uniform(-1.0, 1.0))
    distance = torch.hypot(along, across)
    wave = torch.cos(
        arms * (torch.atan2(across, along) - winding * torch.log(distance / radius + 0.1)) + uniform(0.0, 6.3)
    )
    return wave * torch.clamp(distance / (0.5 * radius), max=1.0)


def _sersic(
    flux: Tensor,
    radius: Tensor,
    index: Tensor,
    e1: Tensor,
    e2: Tensor,
    centre_x: Tensor,
    centre_y: Tensor,
    x: Tensor,
    y: Tensor,
) -> Tensor:
    """Brightness (n, R) at places (1, R); profiles of no flux are dark."""
    bright = sersic_brightness(
        x, y, sersic_coefficients(torch.ones_like(flux), radius, index, e1, e2, centre_x, centre_y)
    )
    return flux * bright


def _ellipticity(modulus: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
    return modulus * angle.cos(), modulus * angle.sin()


def _log_uniform(low: float, high: float, number: int, generator: torch.Generator) -> Tensor:
    return low * torch.exp(math.log(high / low) * torch.rand(number, 1, generator=generator))


def _places(pixels: int) -> tuple[Tensor, Tensor]:
    """Places x, y (1, R), of which several lie in each pixel."""
    fine = SUPERSAMPLING * pixels
    x, y = PixelGrid(fine, 2.0 / fine).coordinates()
    return x.float().reshape(1, -1), y.float().reshape(1, -1)


def _record(brightness: Tensor, pixels: int) -> Tensor:
    """Images (n, P, P) of the brightness (n, R) at `_places`, as a telescope sees them."""
    fine = SUPERSAMPLING * pixels
    images = torch.nn.functional.avg_pool2d(brightness.reshape(-1, 1, fine, fine), SUPERSAMPLING)[:, 0]
    seen = convolve(images, gaussian_kernel(SEEING, 1.0).to(images))
    return seen.clamp_(min=0)  # Fourier transforms leave rounding errors where it is dark


def _sizes(number: int) -> list[int]:
    return [min(AT_ONCE, number - start) for start in range(0, number, AT_ONCE)]
