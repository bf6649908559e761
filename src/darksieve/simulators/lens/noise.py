"""The noise of the detector, and what the model does not know of a pixel: as it is drawn, and its likelihood."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from darksieve.problem.block_factor import BlockFactor, factorise
from darksieve.problem.errors import DarksieveError
from darksieve.problem.section import Section, read_config
from darksieve.simulators.lens.instrument import convolve, gaussian_kernel, read_map

__all__ = ["ModelError", "Noise", "read_model_error"]

NORMAL_COUNTS = 5.0
PIXELS_PER_DRAW, PIXELS_PER_ACCELERATOR_DRAW = 2**18, 2**26
EXTENT = 2.0  # standard deviations at which the Gaussian that smooths a model error ends


@dataclass(frozen=True)
class ModelError:
    """What a model does not know of a pixel, such as a source's knots: normal, drawn with the noise.

    Attributes
    ----------
    fraction : float
        Its standard deviation, as a fraction of the pixel's expected rate, or of `light`.
    light : Tensor, optional
        If it is correlated: an image (P, P) [electron / s] of about the expected rate. Then the error depends on no
        parameter, so that its size tells nothing of them, and its correlation is inverted but once.
    taps : Tensor, optional
        If it is correlated: the kernel (2 h + 1,) of unit square sum that smooths it along rows and columns.
    """

    fraction: float = 0.0
    light: Tensor | None = None
    taps: Tensor | None = None


class _ModelErrorOptions(Section):
    """The option `model_error`, if it is correlated."""

    fraction: float = Field(ge=0, le=1, description="standard deviation, as a fraction of a pixel's light in `image`")
    fwhm: float = Field(gt=0, description="full width at half maximum of the Gaussian that smooths it [arcsec]")
    image: dict[str, Any] = Field(description="an image {file, dataset} of the lens: where there is light")


def read_model_error(option: float | Mapping[str, Any], pixels: int, pixel_scale: float) -> ModelError:
    """The error that the option `model_error` describes: a fraction, or `{fraction, fwhm, image}`.

    Raises
    ------
    DarksieveError
        If it is neither.
    """
    where = "option model_error"
    if not isinstance(option, Mapping):
        if isinstance(option, bool) or not isinstance(option, int | float) or not 0 <= option <= 1:
            raise DarksieveError(
                f"{option!r}", where=where, mend="give a number from 0 to 1, or {fraction, fwhm, image}"
            )
        return ModelError(float(option))
    options = read_config(_ModelErrorOptions, dict(option), where=where)
    image = read_map("model_error", options.image, pixels, negative=True)
    if image.ndim != 2:
        raise DarksieveError("image is a number", where=where, mend="name the array of an image: {file, dataset}")
    light = convolve(image[None], gaussian_kernel(options.fwhm, pixel_scale))[0].clamp(min=0)
    deviation = options.fwhm / pixel_scale / math.sqrt(8 * math.log(2))
    half = max(1, math.ceil(EXTENT * deviation))
    taps = torch.exp(-0.5 * (torch.arange(-half, half + 1, dtype=torch.float64) / deviation) ** 2)
    return ModelError(options.fraction, light, taps / taps.square().sum().sqrt())


@dataclass(frozen=True)
class Noise:
    """Poisson counts plus Gaussian background, and the error of the model.

    Attributes
    ----------
    exposure_time, background_rms : Tensor
        One number or a map (P, P) [s; electron / s].
    correlation : float
        Correlation of the noise of neighbouring pixels, from 0 to 0.5, as drizzling leaves it: the noise is smoothed
        along rows and columns with (c, 1, c). `background_rms` is that of the drizzled image; the photons' noise is
        lowered by the smoothing, which keeps the sum of their counts.
    error : ModelError
        What the model does not know of a pixel.

    Raises
    ------
    DarksieveError
        If the noise or the error is correlated, and the background of some pixel is weaker than that of 5 counts, so
        that the noise is not normal.

    References
    ----------
    Fruchter & Hook 2002, PASP 114, 144 (correlated noise of drizzled images).
    """

    exposure_time: Tensor
    background_rms: Tensor
    correlation: float = 0.0
    error: ModelError = ModelError()
    _factors: dict[bytes, BlockFactor] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        if (self.correlation or self.error.taps is not None) and not self.is_normal:
            raise DarksieveError(
                "the background of some pixels is weaker than that of 5 counts",
                where=f"option {'noise_correlation' if self.correlation else 'model_error'}",
                mend="leave it out, or crop pixels of little exposure",
            )

    def to(self, device: torch.device, dtype: torch.dtype) -> Noise:
        """The same on another device or in another dtype."""
        error = self.error
        if error.light is not None and error.taps is not None:
            error = replace(error, light=error.light.to(device, dtype), taps=error.taps.to(device, dtype))
        exposure_time, background_rms = (each.to(device, dtype) for each in (self.exposure_time, self.background_rms))
        return Noise(exposure_time, background_rms, self.correlation, error)

    @property
    def is_normal(self) -> bool:
        """Whether the background of every pixel has the variance of so many counts that no Poisson draw is needed."""
        return bool(((self.background_rms * self.exposure_time) ** 2 >= NORMAL_COUNTS).all())

    def variance(self, rate: Tensor) -> Tensor:
        """Variance of each pixel (B, P, P) [electron^2 / s^2] at the expected rate (B, P, P) [electron / s]."""
        averaging = _averaging(_neighbour_weight(self.correlation), 2)
        detector = averaging * rate.clamp(min=0) / self.exposure_time + self.background_rms**2
        light = rate if self.error.light is None else self.error.light
        return detector + (self.error.fraction * light) ** 2

    def add(self, rate: Tensor, generator: torch.Generator) -> Tensor:
        """Draw what the detector records of expected rates (B, P, P) [electron / s]; where one is negative no photon.

        Returns
        -------
        Tensor
            (B, P, P) [electron / s], with the mean, variance and skewness of Poisson plus background.

        Notes
        -----
        torch.poisson takes 50 to 110 ns a pixel on a CPU. Where the background alone has the variance of 5 counts or
        more, the sum of both noises is one normal draw g bent to the right skewness, a g + b (g^2 - 1) (Cornish &
        Fisher 1938): 6 a^2 b + 8 b^3 is the third moment, a^2 + 2 b^2 the variance. What is left out is an excess
        kurtosis of at most 1 / (4 * 5) = 0.05. With a weaker background the counts are drawn by torch.poisson.
        """
        noisy = torch.empty_like(rate)
        draws = PIXELS_PER_DRAW if rate.device.type == "cpu" else PIXELS_PER_ACCELERATOR_DRAW
        batch = max(1, draws // rate.shape[1:].numel())
        normal, third = self.is_normal, _averaging(_neighbour_weight(self.correlation), 3)
        for mean, out in zip(rate.split(batch), noisy.split(batch)):
            draw = self._unit_normal(mean, generator)
            shot = mean.clamp(min=0).div_(self.exposure_time)  # variance before drizzling
            if normal:
                variance = self.variance(mean)
                bend = shot.div_(self.exposure_time).mul_(third).div_(variance).div_(6)
                spread = variance.addcmul_(bend, bend, value=-2).sqrt_()
                torch.addcmul(mean, draw, spread, out=out)
                out.addcmul_(draw.square_().sub_(1), bend)
            else:
                counts = torch.poisson(shot.mul_(self.exposure_time**2), generator=generator)
                spread = (self.background_rms**2 + (self.error.fraction * mean) ** 2).sqrt_()
                torch.addcmul(counts.div_(self.exposure_time), draw, spread, out=out)
                out.add_(mean.clamp(max=0))
        return noisy

    def log_likelihood(self, image: Tensor, rate: Tensor, used: Tensor | None = None) -> Tensor:
        """ln p(image | rate), (B,), of one image (P, P) for expected images (B, P, P) [electron / s].

        The noise is normal with the covariance D^1/2 R D^1/2: D its variance, which grows with the rate, and R its
        correlation, which does not depend on it. Masked pixels are integrated out exactly: R is cut to those that are
        used, and factorised once. What is left out is the skewness of the photons' noise, at most 0.18 in a pixel.

        Parameters
        ----------
        used : bool Tensor, optional
            (P, P), False where a pixel is masked.

        Raises
        ------
        DarksieveError
            If the background of some pixel is weaker than that of 5 counts, so that the noise is not normal.
        """
        if not self.is_normal:
            raise DarksieveError(
                "the background of some pixels is weaker than that of 5 counts: their noise is not normal",
                where="StrongLens.log_likelihood", mend="crop or rebin pixels of little exposure",
            )  # fmt: skip
        used = torch.ones(image.shape, dtype=torch.bool) if used is None else used
        variance = self.variance(rate)[:, used]
        white = self.whiten((image - rate)[:, used] / variance.sqrt(), used)
        determinant = variance.log().sum(dim=1) + self._factor(used, white).log_determinant
        return -0.5 * (white.square().sum(dim=1) + determinant + white.shape[1] * math.log(2 * math.pi))

    def whiten(self, values: Tensor, used: Tensor) -> Tensor:
        """Values (B, N) of the pixels used, in units of their noise, freed of its correlation.

        Parameters
        ----------
        used : bool Tensor
            (P, P), False where a pixel is masked; the others come in the order of rows.
        """
        return self._factor(used, values).solve(values)

    def _unit_normal(self, like: Tensor, generator: torch.Generator) -> Tensor:
        """Normal draws (B, P, P) of unit variance with the correlation of noise and error."""
        weight = _neighbour_weight(self.correlation)
        noise = _smoothed(like, torch.tensor([weight, 1.0, weight]) / math.sqrt(1 + 2 * weight**2), generator)
        error = self.error
        if error.taps is None:
            return noise
        share = self._share()
        return noise.mul_((1 - share).sqrt()).addcmul_(_smoothed(like, error.taps, generator), share.sqrt())

    def _share(self) -> Tensor:
        """Share (P, P) of each pixel's variance that is the error of the model."""
        light = self.error.light
        assert light is not None
        return (self.error.fraction * light) ** 2 / self.variance(light)

    def _factor(self, used: Tensor, like: Tensor) -> BlockFactor:
        key = used.cpu().numpy().tobytes() + str((used.shape, like.dtype, like.device)).encode()
        if key not in self._factors:
            self._factors[key] = self._factorise(used, like)
        return self._factors[key]

    def _factorise(self, used: Tensor, like: Tensor) -> BlockFactor:
        """Cholesky factor of the correlation of the pixels used."""
        weight = _neighbour_weight(self.correlation)
        parts = [(torch.tensor([weight, 1.0, weight], dtype=torch.float64), torch.ones(()))]
        if self.error.taps is not None:
            share = self._share().double().cpu()
            parts = [(parts[0][0], (1 - share).sqrt()), (self.error.taps.double().cpu(), share.sqrt())]
        elif not self.correlation:
            return BlockFactor()
        reach = max(len(taps) for taps, _ in parts) - 1  # pixels that are farther apart are independent
        tables = [(_autocorrelation(taps, max(used.shape)), amount.expand(used.shape)) for taps, amount in parts]
        every = torch.nonzero(used.cpu())
        places = [every[every[:, 0] // reach == block] for block in range(-(-len(used) // reach))]

        def correlation(one: Tensor, other: Tensor) -> Tensor:
            """Of pixels at (n, 2) with those at (m, 2), (n, m)."""
            down, right = (one[:, None] - other).abs().unbind(-1)
            found = torch.zeros(down.shape, dtype=torch.float64)
            for table, amount in tables:
                found += torch.outer(amount[tuple(one.T)], amount[tuple(other.T)]) * table[down] * table[right]
            return found

        return factorise(len(places), lambda i, j: correlation(places[i], places[j])).to(like)


def _neighbour_weight(correlation: float) -> float:
    """The weight c at which smoothing white noise with (c, 1, c) gives neighbours this correlation."""
    return (1 - math.sqrt(1 - 2 * correlation**2)) / (2 * correlation) if correlation else 0.0


def _averaging(weight: float, power: int) -> float:
    """Factor by which smoothing with the kernel (c, 1, c) of unit sum, both ways, lowers a cumulant of white noise."""
    return (1 + 2 * weight**power) ** 2 / (1 + 2 * weight) ** (2 * power)


def _autocorrelation(taps: Tensor, lags: int) -> Tensor:
    """Correlation (lags,) of white noise smoothed with taps, by distance."""
    found = taps.new_zeros(lags)
    for lag in range(min(lags, len(taps))):
        found[lag] = taps[lag:] @ taps[: len(taps) - lag]
    return found / found[0]


def _smoothed(like: Tensor, taps: Tensor, generator: torch.Generator) -> Tensor:
    """Normal draws (B, P, P), smoothed along rows and columns; white where the taps are zero beside the middle."""
    half = len(taps) // 2
    if not taps[:half].any():
        return torch.randn(like.shape, generator=generator, dtype=like.dtype, device=like.device)
    shape = (like.shape[0], like.shape[1] + 2 * half, like.shape[2] + 2 * half)
    field = torch.randn(shape, generator=generator, dtype=like.dtype, device=like.device)
    weights = taps.tolist()
    for axis in (1, 2):
        size = like.shape[axis]
        smooth = field.narrow(axis, half, size) * weights[half]
        for offset in range(1, half + 1):
            both = field.narrow(axis, half - offset, size) + field.narrow(axis, half + offset, size)
            smooth.add_(both, alpha=weights[half + offset])
        field = smooth
    return field
