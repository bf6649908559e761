"""The likelihood of the detector's noise: normal, with the variance and the correlation of `instrument.add_noise`."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from darksieve.problem.errors import DarksieveError
from darksieve.simulators.lens.instrument import neighbour_weight, noise_is_normal, noise_variance

__all__ = ["noise_log_likelihood", "whiten"]

REACH = 2  # pixels: (c, 1, c) correlates a pixel with its neighbours and with theirs


def noise_log_likelihood(
    image: Tensor,
    rate: Tensor,
    exposure_time: Tensor,
    background_rms: Tensor,
    noise_correlation: float = 0.0,
    model_error: float = 0.0,
    used: Tensor | None = None,
) -> Tensor:
    """ln p(image | rate), (B,), of one image (P, P) for expected images (B, P, P) [electron / s].

    The noise is normal with the covariance D^1/2 R D^1/2 of `add_noise`: D its variance, which grows with the rate, and
    R the correlation of white noise that was smoothed with (c, 1, c) along rows and columns. Masked pixels are
    integrated out exactly: R is cut to those that are used, and inverted by its banded Cholesky factor. What is left
    out is the skewness of the photons' noise, at most 0.18 in a pixel.

    Parameters
    ----------
    exposure_time, background_rms : Tensor
        One number or a map (P, P) [s; electron / s].
    noise_correlation : float
        Correlation of neighbouring pixels, as for `add_noise`.
    model_error : float
        As for `add_noise`.
    used : bool Tensor, optional
        (P, P), False where a pixel is masked.

    Raises
    ------
    DarksieveError
        If the background of some pixel is weaker than that of 5 counts, so that the noise is not normal.
    """
    if not noise_is_normal(exposure_time, background_rms):
        raise DarksieveError(
            "the background of some pixels is weaker than that of 5 counts: their noise is not normal",
            where="StrongLens.log_likelihood", mend="crop or rebin pixels of little exposure",
        )  # fmt: skip
    used = torch.ones(image.shape, dtype=torch.bool) if used is None else used
    variance = noise_variance(rate, exposure_time, background_rms, noise_correlation, model_error)[:, used]
    residual = (image - rate)[:, used] / variance.sqrt()
    if noise_correlation:
        chi_squared, log_determinant = _whitened(residual, noise_correlation, used)
    else:
        chi_squared, log_determinant = residual.square().sum(dim=1), 0.0
    normalisation = residual.shape[1] * math.log(2 * math.pi) + log_determinant
    return -0.5 * (chi_squared + variance.log().sum(dim=1) + normalisation)


def whiten(values: Tensor, noise_correlation: float, used: Tensor) -> Tensor:
    """Values (B, N) of the pixels used, in units of their noise, freed of its correlation.

    Parameters
    ----------
    noise_correlation : float
        Correlation of neighbouring pixels, as for `add_noise`.
    used : bool Tensor
        (P, P), False where a pixel is masked; the others come in the order of rows.
    """
    from scipy.linalg import solve_banded

    if not noise_correlation:
        return values
    factor = _cholesky(noise_correlation, used.shape[1], used.numpy().tobytes())
    return torch.from_numpy(solve_banded((len(factor) - 1, 0), factor, values.numpy().T).T.copy())


def _whitened(residual: Tensor, noise_correlation: float, used: Tensor) -> tuple[Tensor, float]:
    """r^T R^-1 r, (B,), of residuals (B, N) of the pixels used, in the order of rows, and ln |R|."""
    from scipy.linalg import cho_solve_banded

    factor = _cholesky(noise_correlation, used.shape[1], used.numpy().tobytes())
    values = residual.numpy()
    chi_squared = (values * cho_solve_banded((factor, True), values.T).T).sum(axis=1)
    return torch.from_numpy(chi_squared), 2 * float(np.log(factor[0]).sum())


@lru_cache(maxsize=4)
def _cholesky(noise_correlation: float, columns: int, used: bytes) -> NDArray[np.float64]:
    """Lower Cholesky factor of the correlation of the pixels used, in the banded form of LAPACK."""
    from scipy.linalg import cholesky_banded

    mask = np.frombuffer(used, bool).reshape(-1, columns)
    weight = neighbour_weight(noise_correlation)
    along = np.array([1 + 2 * weight**2, 2 * weight, weight**2]) / (1 + 2 * weight**2)
    number = np.full(np.add(mask.shape, REACH * np.array([1, 2])), -1)  # of each pixel; -1 where masked or outside
    number[: len(mask), REACH:-REACH][mask] = np.arange(mask.sum())
    pixels = number[: len(mask), REACH:-REACH][mask]
    banded = np.zeros((REACH * columns + REACH + 1, len(pixels)))
    for down in range(REACH + 1):
        for right in range(-REACH, REACH + 1):
            row = number[down : down + len(mask), REACH + right : REACH + right + columns][mask]
            neighbours = row >= pixels
            banded[row[neighbours] - pixels[neighbours], pixels[neighbours]] = along[down] * along[abs(right)]
    return cholesky_banded(banded, lower=True)
