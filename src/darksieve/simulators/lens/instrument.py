"""The telescope: pixels as integrals over rays, the point-spread function (PSF), and the noise of the detector."""

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
    "add_noise",
    "convolve",
    "gaussian_kernel",
    "neighbour_weight",
    "noise_is_normal",
    "noise_variance",
    "ray_grid",
    "read_map",
    "read_psf",
]

GAUSSIAN_EXTENT = 4.0  # standard deviations
IMAGES_PER_TRANSFORM = 64
NORMAL_COUNTS = 5.0
PIXELS_PER_DRAW, PIXELS_PER_ACCELERATOR_DRAW = 2**18, 2**26


@dataclass(frozen=True)
class Instrument:
    """What turns surface brightness into data, as tensors on one device and of one dtype.

    Attributes
    ----------
    x, y : Tensor
        Rays of an image, (1, S P^2) for P x P pixels and S quadrature points each [arcsec].
    weights : Tensor
        Solid angle that each quadrature point stands for, (S, 1) [arcsec^2].
    psf : Tensor
        Normalised kernel, (K, K) with K odd.
    exposure_time, background_rms : Tensor
        One number or a map (P, P) [s; electron / s].
    """

    x: Tensor
    y: Tensor
    weights: Tensor
    psf: Tensor
    exposure_time: Tensor
    background_rms: Tensor

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


def add_noise(
    rate: Tensor,
    exposure_time: Tensor,
    background_rms: Tensor,
    generator: torch.Generator,
    noise_correlation: float = 0.0,
    model_error: float = 0.0,
) -> Tensor:
    """Draw what the detector records: Poisson counts of the expected rate plus Gaussian background.

    Parameters
    ----------
    rate : Tensor
        Expected images (B, P, P) [electron / s]; where it is negative no photon is counted.
    exposure_time, background_rms : Tensor
        One number or a map (P, P) [s; electron / s].
    generator : torch.Generator
        On the device of `rate`.
    noise_correlation : float
        Correlation of the noise of neighbouring pixels, from 0 to 0.5, as drizzling leaves it: the noise is smoothed
        along rows and columns with (c, 1, c). `background_rms` is that of the drizzled image; the photons' noise is
        lowered by the smoothing, which keeps the sum of their counts. It needs `noise_is_normal`.
    model_error : float
        Standard deviation of what the model does not know of a pixel, normal like the background, as a fraction of the
        pixel's expected rate.

    Returns
    -------
    Tensor
        (B, P, P) [electron / s], with the mean, variance and skewness of Poisson plus background.

    Notes
    -----
    torch.poisson takes 50 to 110 ns a pixel on a CPU. Where the background alone has the variance of 5 counts or
    more, the sum of both noises is one normal draw g bent to the right skewness, a g + b (g^2 - 1) (Cornish & Fisher
    1938): 6 a^2 b + 8 b^3 is the third moment, a^2 + 2 b^2 the variance. What is left out is an excess kurtosis of at
    most 1 / (4 * 5) = 0.05. With a weaker background the counts are drawn by torch.poisson.

    References: Fruchter & Hook 2002, PASP 114, 144 (correlated noise of drizzled images).
    """
    noisy = torch.empty_like(rate)
    draws = PIXELS_PER_DRAW if rate.device.type == "cpu" else PIXELS_PER_ACCELERATOR_DRAW
    batch = max(1, draws // rate.shape[1:].numel())
    normal = noise_is_normal(exposure_time, background_rms)
    weight = neighbour_weight(noise_correlation)
    second, third = (_averaging(weight, power) for power in (2, 3))
    for mean, out in zip(rate.split(batch), noisy.split(batch)):
        draw = _correlated_normal(mean, weight, generator)
        shot = mean.clamp(min=0).div_(exposure_time)  # variance before drizzling
        if normal:
            variance = second * shot + background_rms**2 + (model_error * mean) ** 2
            bend = shot.div_(exposure_time).mul_(third).div_(variance).div_(6)
            spread = variance.addcmul_(bend, bend, value=-2).sqrt_()
            torch.addcmul(mean, draw, spread, out=out)
            out.addcmul_(draw.square_().sub_(1), bend)
        else:
            counts = torch.poisson(shot.mul_(exposure_time**2), generator=generator)
            spread = (background_rms**2 + (model_error * mean) ** 2).sqrt_()
            torch.addcmul(counts.div_(exposure_time), draw, spread, out=out)
            out.add_(mean.clamp(max=0))
    return noisy


def noise_is_normal(exposure_time: Tensor, background_rms: Tensor) -> bool:
    """Whether the background of every pixel has the variance of so many counts that no Poisson draw is needed."""
    return bool(((background_rms * exposure_time) ** 2 >= NORMAL_COUNTS).all())


def noise_variance(
    rate: Tensor, exposure_time: Tensor, background_rms: Tensor, noise_correlation: float, model_error: float
) -> Tensor:
    """Variance of each pixel's noise in `add_noise`, of the shape of `rate` [electron^2 / s^2]."""
    averaging = _averaging(neighbour_weight(noise_correlation), 2)
    return averaging * rate.clamp(min=0) / exposure_time + background_rms**2 + (model_error * rate) ** 2


def neighbour_weight(correlation: float) -> float:
    """The weight c at which smoothing white noise with (c, 1, c) gives neighbours this correlation."""
    return (1 - math.sqrt(1 - 2 * correlation**2)) / (2 * correlation) if correlation else 0.0


def _averaging(weight: float, power: int) -> float:
    """Factor by which smoothing with the kernel (c, 1, c) of unit sum, both ways, lowers a cumulant of white noise."""
    return (1 + 2 * weight**power) ** 2 / (1 + 2 * weight) ** (2 * power)


def _correlated_normal(like: Tensor, weight: float, generator: torch.Generator) -> Tensor:
    """Unit normal draws (B, P, P), smoothed with (c, 1, c) along rows and columns."""
    if not weight:
        return torch.randn(like.shape, generator=generator, dtype=like.dtype, device=like.device)
    shape = (like.shape[0], like.shape[1] + 2, like.shape[2] + 2)
    white = torch.randn(shape, generator=generator, dtype=like.dtype, device=like.device)
    rows = white[:, 1:-1].add(white[:, :-2] + white[:, 2:], alpha=weight)
    return rows[..., 1:-1].add(rows[..., :-2] + rows[..., 2:], alpha=weight).div_(1 + 2 * weight**2)


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


def read_map(name: str, option: float | Mapping[str, Any], pixels: int, *, zero: bool) -> Tensor:
    """A number or the central P x P of a `{file, dataset}` map, as the option `name` gives it, in float64.

    Raises
    ------
    DarksieveError
        If it is neither, or not finite and above zero everywhere (`zero`: or zero).
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
    if not np.isfinite(values).all() or (values < 0).any() or (not zero and (values == 0).any()):
        raise DarksieveError(
            f"from {np.min(values):g} to {np.max(values):g}", where=f"option {name}",
            mend=f"it must be finite and {'at least' if zero else 'above'} zero in every pixel",
        )  # fmt: skip
    return torch.from_numpy(np.array(values))


def _read(name: str, option: float | Mapping[str, Any]) -> np.ndarray:
    try:
        return resolve_array(option)
    except DarksieveError as error:
        raise DarksieveError(str(error), where=f"option {name}") from error
    except (TypeError, ValueError) as error:
        raise DarksieveError(f"{option!r}", where=f"option {name}", mend="give a number or {file, dataset}") from error
