"""Surface brightness of galaxies: the elliptical Sersic profile, normalised by its total flux.

As for the mass, `sersic_coefficients` does once what all rays share, `sersic_brightness` what each ray needs.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from darksieve.simulators.lens.mass import axis_ratio_and_direction, ellipse_coordinates, scaled_axes

__all__ = ["sersic_brightness", "sersic_coefficients", "sersic_exponent"]

SMALLEST_SQUARED_RADIUS = 1e-30
LOWEST_LOG_BRIGHTNESS = -80.0  # arithmetic on the denormal numbers below is slow


def sersic_exponent(index: Tensor) -> Tensor:
    """The b_n by which the effective radius encloses half of the light, for Sersic indices from 0.5.

    Ciotti & Bertin 1999 (arXiv:astro-ph/9911078), equation 18: off by 4e-4 at n = 0.5, 3e-5 at n = 1 and
    less above.
    """
    powers = (4 / 405, 46 / 25515, 131 / 1148175, -2194697 / 30690717750)
    return 2 * index - 1 / 3 + sum(c / index ** (i + 1) for i, c in enumerate(powers))


def sersic_coefficients(
    flux: Tensor, radius: Tensor, index: Tensor, e1: Tensor, e2: Tensor, centre_x: Tensor, centre_y: Tensor
) -> Tensor:
    """Coefficients (K, B, 1) for `sersic_brightness`, from parameters of shape (B, 1).

    Parameters
    ----------
    flux : Tensor
        Total flux, integrated to infinity, above zero.
    radius : Tensor
        Effective (half-light) radius of the intermediate axis [arcsec]: R^2 = q x^2 + y^2 / q, x along the major
        axis, as in lenstronomy.
    index, e1, e2, centre_x, centre_y : Tensor
        Sersic index (0.5 to 8), ellipticity as in `darksieve.simulators.lens.mass`, and centre [arcsec].

    References
    ----------
    Graham & Driver 2005 (arXiv:astro-ph/0503176), equations 1 and 4.
    """
    q, cosine, sine = axis_ratio_and_direction(e1, e2)
    root, b = q.sqrt(), sersic_exponent(index)
    scale = b**index / radius
    log_centre = (
        torch.log(flux / (2 * math.pi * index * radius**2)) + 2 * index * torch.log(b) - torch.lgamma(2 * index)
    )
    axes = scaled_axes(cosine, sine, root * scale, scale / root, centre_x, centre_y)
    return torch.stack(torch.broadcast_tensors(*axes, 1 / (2 * index), log_centre))


def sersic_brightness(x: Tensor, y: Tensor, coefficients: Tensor, workspace: Tensor | None = None) -> Tensor:
    """Surface brightness I_0 exp(-b_n (R / radius)^(1/index)) of an elliptical Sersic profile.

    Parameters
    ----------
    x, y : Tensor
        Positions, (B, R) or (1, R) [arcsec].
    coefficients : Tensor
        From `sersic_coefficients`, (K, B, 1).
    workspace : Tensor, optional
        Memory for temporaries, (2, B, R); its first row becomes the brightness. By default new.

    Returns
    -------
    Tensor
        Flux per square arcsec, (B, R), above zero; I_0 at the centre.
    """
    *axes, power, log_centre = coefficients.unbind()
    if workspace is None:
        workspace = x.new_empty(2, coefficients.shape[1], x.shape[-1])
    along, across = workspace
    ellipse_coordinates(x, y, axes, (along, across))
    squared = along.mul_(along).addcmul_(across, across).clamp_(min=SMALLEST_SQUARED_RADIUS)
    exponent = squared.log_().mul_(power).exp_()
    return torch.sub(log_centre, exponent, out=exponent).clamp_(min=LOWEST_LOG_BRIGHTNESS).exp_()
