"""The telescope: pixels as integrals over rays, and the point-spread function (PSF)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.fft import next_fast_len
from torch import Tensor

from darksieve.problem.errors import DarksieveError
from darksieve.problem.files import crop_centre, resolve_array

__all__ = [
    "Instrument",
    "convolve",
    "gaussian_kernel",
    "ray_grid",
    "read_map",
    "read_psf",
]

GAUSSIAN_EXTENT = 4.0  # standard deviations
IMAGES_PER_TRANSFORM = 64


@dataclass(frozen=True)
class Instrument:
    """What turns surface brightness into expected images, as tensors on one device and of one dtype.

    Attributes
    ----------
    x, y : Tensor
        Rays of an image, (1, S P^2) for P x P pixels and S quadrature points each [arcsec].
    weights : Tensor
        Solid angle that each quadrature point stands for, (S, 1) [arcsec^2].
    psf : Tensor
        Normalised kernel, (K, K) with K odd.
    """

    x: Tensor
    y: Tensor
    weights: Tensor
    psf: Tensor

    def to(self, device: torch.device, dtype: torch.dtype) -> Instrument:
        """The same on another device or in another dtype."""
        return Instrument(**{name: tensor.to(device, dtype) for name, tensor in vars(self).items()})

    def integrate(self, brightness: Tensor) -> Tensor:
        """Flux per pixel (B, P, P) of the surface brightness (B, S P^2) [per arcsec^2] at the rays; overwrites it."""
        points = len(self.weights)
        pixels = math.isqrt(brightness.shape[-1] // points)
        return brightness.view(-1, points, pixels**2).mul_(self.weights).sum(dim=1).view(-1, pixels, pixels)


def ray_grid(pixels: int, pixel_scale: float, supersampling: int) -> tuple[Tensor, Tensor, Tensor]:
    """Rays x, y (1, S P^2) and weights (S, 1) that integrate each pixel by Gauss-Legendre quadrature.

    The image is centred on the origin, x grows with the column and y with the row; S = supersampling^2, and the
    quadrature point is the slower of the two indices of a ray. In float64.
    """
    nodes, weights = np.polynomial.legendre.leggauss(supersampling)
    centres = (np.arange(pixels) - (pixels - 1) / 2) * pixel_scale
    positions = centres + nodes[:, None] * pixel_scale / 2  # (k, P)
    shape = (supersampling, supersampling, pixels, pixels)  # y node, x node, row, column
    x = np.broadcast_to(positions[None, :, None, :], shape).reshape(1, -1)
    y = np.broadcast_to(positions[:, None, :, None], shape).reshape(1, -1)
    areas = np.outer(weights, weights).reshape(-1, 1) * (pixel_scale / 2) ** 2
    return torch.from_numpy(x), torch.from_numpy(y), torch.from_numpy(areas)


def gaussian_kernel(fwhm: float, pixel_scale: float) -> Tensor:
    """Normalised Gaussian of the given full width at half maximum [arcsec] at pixel centres, (K, K) in float64."""
    sigma = fwhm / pixel_scale / math.sqrt(8 * math.log(2))
    half = max(1, math.ceil(GAUSSIAN_EXTENT * sigma))
    profile = torch.exp(-0.5 * (torch.arange(-half, half + 1, dtype=torch.float64) / sigma) ** 2)
    return torch.outer(profile, profile) / profile.sum() ** 2


def convolve(images: Tensor, kernel: Tensor) -> Tensor:
    """Convolve images (B, P, P) with a kernel (K, K), K odd and at most P; beyond the edge there is no light."""
    pixels, half = images.shape[-1], len(kernel) // 2
    size = next_fast_len(pixels + half, real=True)
    transfer = torch.fft.rfft2(kernel, s=(size, size))
    convolved = torch.empty_like(images)
    for block, out in zip(images.split(IMAGES_PER_TRANSFORM), convolved.split(IMAGES_PER_TRANSFORM)):
        full = torch.fft.irfft2(torch.fft.rfft2(block, s=(size, size)).mul_(transfer), s=(size, size))
        out.copy_(full[:, half : half + pixels, half : half + pixels])
    return convolved


def read_psf(option: Mapping[str, Any], pixels: int, pixel_scale: float) -> Tensor:
    """The kernel that the option `psf` describes: `{gaussian: FWHM in arcsec}` or `{file, dataset}`, normalised.

    Raises
    ------
    DarksieveError
        If the kernel is not finite, square, odd, of positive sum, and at most as large as the image.
    """
    where = "option psf"
    if not isinstance(option, Mapping) or set(option) not in ({"gaussian"}, {"file", "dataset"}):
        raise DarksieveError(f"{option!r}", where=where, mend="write {gaussian: FWHM in arcsec} or {file, dataset}")
    if "gaussian" in option:
        fwhm = option["gaussian"]
        if isinstance(fwhm, bool) or not isinstance(fwhm, int | float) or not 0 < fwhm < math.inf:
            raise DarksieveError(f"gaussian = {fwhm!r}", where=where, mend="give a FWHM above 0 arcsec")
        kernel = gaussian_kernel(fwhm, pixel_scale)
    else:
        kernel = torch.from_numpy(_read("psf", option))
    if kernel.ndim != 2 or kernel.shape[0] != kernel.shape[1] or len(kernel) % 2 == 0:
        raise DarksieveError(f"kernel of shape {tuple(kernel.shape)}", where=where, mend="it must be square and odd")
    if len(kernel) > pixels:
        raise DarksieveError(
            f"kernel of {len(kernel)} pixels a side is larger than the image of {pixels}",
            where=where, mend="crop the kernel or enlarge the image",
        )  # fmt: skip
    if not torch.isfinite(kernel).all() or not kernel.sum() > 0:
        raise DarksieveError("the kernel is not finite or does not sum to a positive number", where=where)
    return kernel / kernel.sum()


def read_map(
    name: str, option: float | Mapping[str, Any], pixels: int, *, zero: bool = False, negative: bool = False
) -> Tensor:
    """A number or the central P x P of a `{file, dataset}` map, as the option `name` gives it, in float64.

    Raises
    ------
    DarksieveError
        If it is neither, or not finite and above zero everywhere (`zero`: or zero; `negative`: or anything).
    """
    if isinstance(option, bool | str) or option is None:
        raise DarksieveError(f"{option!r}", where=f"option {name}", mend="give a number or {file, dataset}")
    values = _read(name, option)
    if values.ndim == 2:
        try:
            values = crop_centre(values, pixels)
        except DarksieveError as error:
            raise DarksieveError(str(error), where=f"option {name}") from error
    elif values.ndim:
        raise DarksieveError(f"map of shape {values.shape}", where=f"option {name}", mend="it must be an image")
    forbidden = np.zeros_like(values, bool) if negative else values < 0 if zero else values <= 0
    if not np.isfinite(values).all() or forbidden.any():
        wanted = "finite" if negative else f"finite and {'at least' if zero else 'above'} zero"
        raise DarksieveError(
            f"from {np.min(values):g} to {np.max(values):g}", where=f"option {name}",
            mend=f"it must be {wanted} in every pixel",
        )  # fmt: skip
    return torch.from_numpy(np.array(values))


def _read(name: str, option: float | Mapping[str, Any]) -> np.ndarray:
    try:
        return resolve_array(option)
    except DarksieveError as error:
        raise DarksieveError(str(error), where=f"option {name}") from error
    except (TypeError, ValueError) as error:
        raise DarksieveError(f"{option!r}", where=f"option {name}", mend="give a number or {file, dataset}") from error
