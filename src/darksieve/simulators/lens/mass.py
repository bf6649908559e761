"""Deflection of smooth mass: the elliptical power law (EPL) and external shear.

A ray seen at (x, y) comes from (x, y) minus the deflection; all angles are in arcsec. Parameters follow lenstronomy:
ellipticity e = (1-q)/(1+q) at position angle phi, e1 = e cos 2phi, e2 = e sin 2phi, and the Einstein radius of the
intermediate axis. What is the same for all rays of a lens is worked out once, for a batch of lenses, by
`epl_coefficients`; `epl_deflection` then does only the work that each ray needs.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = [
    "axis_ratio_and_direction",
    "ellipse_coordinates",
    "epl_coefficients",
    "epl_deflection",
    "epl_terms",
    "scaled_axes",
    "shear_deflection",
]

EPL_WORKSPACE = 6  # rows
SMALLEST_ELLIPTICITY, MAXIMUM_ELLIPTICITY = 1e-3, 0.95
FIRST_TERM = 10  # where the series begins in the coefficients
SMALLEST_SQUARED_RADIUS = 1e-24  # in squared Einstein radii; its inverse still fits into a float32


def axis_ratio_and_direction(e1: Tensor, e2: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Axis ratio q and the cosine and sine of the major axis' position angle, of the shape of e1 and e2.

    The modulus of the ellipticity is held below 0.95 (q = 0.026), so that every (e1, e2) is an ellipse.
    """
    modulus = torch.hypot(e1, e2).clamp(max=MAXIMUM_ELLIPTICITY)
    angle = torch.atan2(e2, e1) / 2
    return (1 - modulus) / (1 + modulus), torch.cos(angle), torch.sin(angle)


def scaled_axes(
    cosine: Tensor, sine: Tensor, along: Tensor, across: Tensor, centre_x: Tensor, centre_y: Tensor
) -> tuple[Tensor, ...]:
    """The affine map of `ellipse_coordinates`, six (B, 1), for an ellipse at (cosine, sine) and these two scales."""
    along_x, along_y, across_x, across_y = cosine * along, sine * along, -sine * across, cosine * across
    along_offset = -along_x * centre_x - along_y * centre_y
    across_offset = -across_x * centre_x - across_y * centre_y
    return along_x, along_y, along_offset, across_x, across_y, across_offset


def ellipse_coordinates(x: Tensor, y: Tensor, axes: Sequence[Tensor], out: Sequence[Tensor]) -> None:
    """Write the coordinates along the major and the minor axis of positions x, y (B, R) or (1, R) to two (B, R).

    `axes` come from `scaled_axes`, so that a circle in these coordinates is an ellipse of the profile.
    """
    along_x, along_y, along_offset, across_x, across_y, across_offset = axes
    torch.mul(x, along_x, out=out[0]).addcmul_(y, along_y).add_(along_offset)
    torch.mul(x, across_x, out=out[1]).addcmul_(y, across_y).add_(across_offset)


def epl_terms(e1: Tensor, e2: Tensor) -> Tensor:
    """Number of terms that the angular series of the EPL needs, a whole number for each ellipticity.

    N terms leave out at most f^N / (1-f) of the deflection, `f = |e| = (1-q)/(1+q)`, at any slope between 1 and 3.
    N brings that down to twice the rounding error of the dtype: in float32 7 terms at q = 0.8, 15 at q = 0.5 and
    26 at q = 0.3.
    """
    f = torch.hypot(e1, e2).nan_to_num().clamp(SMALLEST_ELLIPTICITY, MAXIMUM_ELLIPTICITY)
    return torch.ceil(torch.log(2 * torch.finfo(f.dtype).eps * (1 - f)) / torch.log(f)).int()


def epl_coefficients(
    einstein_radius: Tensor,
    slope: Tensor,
    e1: Tensor,
    e2: Tensor,
    centre_x: Tensor,
    centre_y: Tensor,
    terms: int | None = None,
) -> Tensor:
    """Coefficients (K, B, 1) for `epl_deflection`, from parameters of shape (B, 1).

    Parameters
    ----------
    einstein_radius : Tensor
        Einstein radius of the intermediate axis [arcsec], above zero.
    slope : Tensor
        The three-dimensional density falls as r^-slope, 1 < slope < 3; 2 is the singular isothermal ellipsoid.
    e1, e2, centre_x, centre_y : Tensor
        Ellipticity and centre [arcsec].
    terms : int, optional
        Length of the angular series, at least 2; by default what the largest ellipticity needs, `epl_terms`.
    """
    terms = int(epl_terms(e1, e2).max()) if terms is None else terms
    q, cosine, sine = axis_ratio_and_direction(e1, e2)
    f, t = (1 - q) / (1 + q), slope - 1
    k = torch.arange(1, terms, dtype=f.dtype, device=f.device)
    series = (-f * (2 * k - (2 - t)) / (2 * k + (2 - t))).cumprod(dim=-1)  # c_1, c_2, ...; c_0 = 1
    b = einstein_radius * q.sqrt()
    scale = 2 * b / (1 + q)
    axes = scaled_axes(cosine, sine, q / b, 1 / b, centre_x, centre_y)
    others = (-t / 2, scale * cosine, scale * sine, -scale * sine, torch.ones_like(f))
    return torch.cat([*axes, *torch.broadcast_tensors(*others), series], dim=-1).T[..., None]


def epl_deflection(
    x: Tensor, y: Tensor, coefficients: Tensor, workspace: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Deflection of an elliptical power law.

    Parameters
    ----------
    x, y : Tensor
        Rays, (B, R) or (1, R) [arcsec].
    coefficients : Tensor
        From `epl_coefficients`, (K, B, 1); the last ones may be left out where `epl_terms` says so.
    workspace : Tensor, optional
        Memory for temporaries, (6, B, R); its first two rows become the deflection. By default new.

    Returns
    -------
    tuple of Tensor
        Both components, (B, R) [arcsec]; finite everywhere and zero at the centre of the lens.

    References
    ----------
    Tessore & Metcalf 2015 (arXiv:1507.01819), equations 13, 23 and 29. Their complex series sum_k c_k e^{i(2k+1)phi}
    has coefficients that are the same for all rays, so that one real Clenshaw recurrence in 2 cos 2phi gives its
    real part cos(phi) (b_0 - b_1) and its imaginary part sin(phi) (b_0 + b_1).
    """
    *axes, power, major_x, major_y, minor_x = coefficients[:FIRST_TERM].unbind()
    series = coefficients[FIRST_TERM:].unbind()
    if workspace is None:
        workspace = x.new_empty(EPL_WORKSPACE, coefficients.shape[1], x.shape[-1])
    twice_cosine, along, across, squared, later, current = workspace
    ellipse_coordinates(x, y, axes, (along, across))
    along_squared = torch.mul(along, along, out=later)
    torch.addcmul(along_squared, across, across, out=squared).clamp_(min=SMALLEST_SQUARED_RADIUS)
    torch.addcdiv(squared.new_full((1, 1), -2), along_squared, squared, value=4, out=twice_cosine)

    later.copy_(series[-1])
    torch.mul(twice_cosine, series[-1], out=current).add_(series[-2])
    for coefficient in series[-3::-1]:
        later, current = current, torch.sub(coefficient, later, out=later).addcmul_(twice_cosine, current)

    strength = squared.log_().mul_(power).exp_()
    along.mul_(torch.sub(current, later, out=twice_cosine)).mul_(strength)
    across.mul_(current.add_(later)).mul_(strength)
    deflection_x = torch.mul(along, major_x, out=twice_cosine).addcmul_(across, minor_x)
    return deflection_x, along.mul_(major_y).addcmul_(across, major_x)


def shear_deflection(
    x: Tensor, y: Tensor, shear_1: Tensor, shear_2: Tensor, workspace: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Deflection (B, R) [arcsec] of an external shear (B, 1) about the origin, at rays x, y (B, R) or (1, R).

    From the potential shear_1 (x^2 - y^2) / 2 + shear_2 x y. A `workspace` (2, B, R) becomes the deflection.
    """
    if workspace is None:
        workspace = x.new_empty(2, len(shear_1), x.shape[-1])
    deflection_x = torch.mul(x, shear_1, out=workspace[0]).addcmul_(y, shear_2)
    return deflection_x, torch.mul(x, shear_2, out=workspace[1]).addcmul_(y, -shear_1)
