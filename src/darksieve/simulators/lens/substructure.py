"""Deflection of dark matter haloes: the Navarro-Frenk-White (NFW) profile and its smooth truncation (TNFW).

Populations are padded: every tensor of a `Haloes` is (B, H), and a mask says which haloes exist. With x the radius
in scale radii, the mass inside a cylinder is 4 pi rho_s r_s^3 m(x), and the deflection at the offset (dx, dy) is
4 kappa_s m(x) / x^2 (dx, dy). Both m(x) / x^2 are written so that nothing cancels where x is small, at x = 1 and
where x is large, so that float32 suffices.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from darksieve.simulators.lens.cosmology import LensPlane

__all__ = [
    "Haloes",
    "haloes_from_mass",
    "nfw_deflection",
    "tnfw_coefficients",
    "tnfw_cylinder",
    "tnfw_deflection",
    "tnfw_total",
]

OVERDENSITY = 200
TNFW_WORKSPACE = 11  # rows
STRENGTH = 3  # row of the coefficients
SMALLEST_SQUARED_RADIUS = 1e-20  # in squared scale radii
SMALLEST_OFFSET = 1e-20  # of |1 - x^2|, so that F(1) = 1; functions of zero and of denormal numbers are slow


@dataclass(frozen=True)
class Haloes:
    """Padded TNFW haloes, each tensor (B, H).

    Attributes
    ----------
    x, y : Tensor
        Centres [arcsec].
    scale_radius : Tensor
        r_s [arcsec], above zero.
    convergence : Tensor
        kappa_s = rho_s r_s / Sigma_cr.
    truncation : Tensor
        tau, the truncation radius in scale radii, above zero.
    mask : Tensor
        Boolean: which haloes exist. Padding may hold any finite values.
    """

    x: Tensor
    y: Tensor
    scale_radius: Tensor
    convergence: Tensor
    truncation: Tensor
    mask: Tensor

    def take(self, index: Tensor) -> Haloes:
        """The haloes of these columns, (B, K) each."""
        return Haloes(**{name: tensor.gather(1, index) for name, tensor in vars(self).items()})

    def columns(self, columns: slice) -> Haloes:
        """The haloes of these columns."""
        return Haloes(**{name: tensor[:, columns] for name, tensor in vars(self).items()})

    def rows(self, rows: slice) -> Haloes:
        """The haloes of these rows."""
        return Haloes(**{name: tensor[rows] for name, tensor in vars(self).items()})


def haloes_from_mass(
    x: Tensor,
    y: Tensor,
    mass: Tensor,
    concentration: Tensor | float,
    truncation: Tensor | float,
    mask: Tensor,
    plane: LensPlane,
) -> Haloes:
    """Haloes of given mass and concentration at the redshift of the lens.

    Parameters
    ----------
    x, y : Tensor
        Centres, (B, H) [arcsec].
    mass : Tensor
        M200 of the untruncated profile, with respect to the critical density at the lens, (B, H) [M_sun].
    concentration, truncation : Tensor or float
        c = r200 / r_s and tau = r_t / r_s.
    mask : Tensor
        Which haloes exist, (B, H), boolean.
    plane : LensPlane
        Distances and critical densities.

    References
    ----------
    Navarro, Frenk & White 1997 (arXiv:astro-ph/9611107), equations 2 and 3.
    """
    c = torch.as_tensor(concentration, dtype=mass.dtype, device=mass.device)
    tau = torch.as_tensor(truncation, dtype=mass.dtype, device=mass.device)
    virial = (mass / (4 / 3 * math.pi * OVERDENSITY * plane.critical_density)) ** (1 / 3)
    density = OVERDENSITY / 3 * plane.critical_density * c**3 / (torch.log1p(c) - c / (1 + c))
    scale_radius = virial / c  # Mpc
    return Haloes(
        x=x, y=y, scale_radius=scale_radius * plane.arcsec_per_mpc,
        convergence=density * scale_radius / plane.critical_surface_density, truncation=tau.expand_as(mass),
        mask=mask & (mass != 0),
    )  # fmt: skip


def nfw_deflection(x: Tensor, y: Tensor, scale_radius: Tensor, convergence: Tensor) -> tuple[Tensor, Tensor]:
    """Deflection (B, R) [arcsec] of one NFW halo (B, 1) each, at offsets x, y (B, R) [arcsec] from its centre.

    References
    ----------
    Bartelmann 1996 (arXiv:astro-ph/9602053), equation 8; Wright & Brainerd 2000 (arXiv:astro-ph/9908213).
    """
    squared = ((x * x + y * y) / scale_radius**2).clamp(min=SMALLEST_SQUARED_RADIUS)
    _, cylinder, *_ = _nfw_functions(squared, squared.new_empty(5, *squared.shape).unbind())
    strength = 4 * convergence * cylinder / squared
    return x * strength, y * strength


def tnfw_total(truncation: Tensor) -> Tensor:
    """Total mass of a TNFW halo in units of 4 pi rho_s r_s^3, from tau of any shape.

    References
    ----------
    Baltz, Marshall & Oguri 2009 (arXiv:0705.0682), equation A.4.
    """
    squared = truncation**2
    inner = (squared - 1) * torch.log(truncation) + math.pi * truncation - (squared + 1)
    return squared / (squared + 1) ** 2 * inner


def tnfw_cylinder(x: Tensor, truncation: Tensor) -> Tensor:
    """Mass of a TNFW halo within x scale radii of its axis, in units of 4 pi rho_s r_s^3; x and tau broadcast."""
    x, tau = torch.broadcast_tensors(x, truncation)
    squared = (x * x).clamp(min=SMALLEST_SQUARED_RADIUS)
    ratio = _tnfw_ratio(squared, tau, torch.log(2 * tau), x.new_empty(6, *x.shape).unbind())
    return ratio * squared * tau**2 / (tau**2 + 1) ** 2


def tnfw_coefficients(haloes: Haloes) -> Tensor:
    """Coefficients (6, B, H) for `tnfw_deflection`; a halo that the mask leaves out gets the strength zero."""
    tau, squared, mask = haloes.truncation, haloes.truncation**2, haloes.mask
    return torch.stack(
        [
            torch.where(mask, haloes.x, 0),
            torch.where(mask, haloes.y, 0),
            torch.where(mask, haloes.scale_radius**-2, 1),
            torch.where(mask, 4 * haloes.convergence * squared / (squared + 1) ** 2, 0),
            torch.where(mask, tau, 1),
            torch.where(mask, torch.log(2 * tau), 0),
        ]
    )


def tnfw_deflection(
    x: Tensor, y: Tensor, coefficients: Tensor, workspace: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Summed deflection of padded TNFW haloes, whose density is that of NFW times tau^2 / (tau^2 + x^2).

    The sum runs over one halo at a time, so that memory stays at a few times that of the rays and padding leaves
    the result as it is, bit for bit.

    Parameters
    ----------
    x, y : Tensor
        Rays, (B, R) or (1, R) [arcsec].
    coefficients : Tensor
        From `tnfw_coefficients`, (6, B, H).
    workspace : Tensor, optional
        Memory for temporaries, (11, B, R); its first two rows become the deflection. By default new.

    Returns
    -------
    tuple of Tensor
        Both components, (B, R) [arcsec].

    References
    ----------
    Baltz, Marshall & Oguri 2009 (arXiv:0705.0682), equations A.5 to A.11 with n = 1, rearranged.
    """
    if workspace is None:
        workspace = x.new_empty(TNFW_WORKSPACE, coefficients.shape[1], x.shape[-1])
    total_x, total_y, dx, dy, squared, *temporaries = workspace
    total_x.zero_()
    total_y.zero_()
    present = (coefficients[STRENGTH] != 0).any(dim=0)
    for halo in present.nonzero().flatten().tolist():
        centre_x, centre_y, inverse, strength, tau, log_twice_tau = coefficients[:, :, halo, None].unbind()
        torch.sub(x, centre_x, out=dx)
        torch.sub(y, centre_y, out=dy)
        torch.mul(dx, dx, out=squared).addcmul_(dy, dy).mul_(inverse).clamp_(min=SMALLEST_SQUARED_RADIUS)
        ratio = _tnfw_ratio(squared, tau, log_twice_tau, temporaries).mul_(strength)
        total_x.addcmul_(dx, ratio)
        total_y.addcmul_(dy, ratio)
    return total_x, total_y


def _tnfw_ratio(squared: Tensor, tau: Tensor, log_twice_tau: Tensor, temporaries: Sequence[Tensor]) -> Tensor:
    """(1 + tau^2)^2 / tau^2 m(x) / x^2 of the TNFW, from x^2 (B, R) and tau (B, 1)."""
    *first, beyond = temporaries
    angle, cylinder, log_x, slanted, widening = _nfw_functions(squared, first)
    torch.add(squared, tau**2, out=beyond).sqrt_().add_(tau)  # tau + sqrt(tau^2 + x^2)
    torch.mul(beyond, tau, out=slanted)
    torch.div(squared, slanted, out=widening).mul_(0.5).log1p_()  # ln[beyond / (2 tau)]
    cylinder.sub_(widening).div_(squared)
    cylinder.add_(log_x.sub_(widening).sub_(log_twice_tau).div_(slanted)).mul_(tau**2 - 1)
    return cylinder.add_(angle, alpha=2).sub_(beyond.reciprocal_(), alpha=math.pi)


def _nfw_functions(squared: Tensor, temporaries: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """F(x), m(x) = F(x) + ln(x/2) and ln(x) from x^2, branch-free, in three of five temporaries; the other two follow.

    F = atanh(s)/s inside x = 1 and atan(s)/s outside, s^2 = |1 - x^2|. Inside, m = ln(1 - d/2) + d F with
    d = x^2 / (1+s) = 1 - s: the logarithms of x that cancel are gone.
    """
    inner, outer, root, log_x, depth = temporaries
    torch.sub(squared.new_ones(1, 1), squared, out=outer)
    torch.clamp(outer, min=SMALLEST_OFFSET, out=inner).sqrt_()
    outer.neg_().clamp_(min=SMALLEST_OFFSET).sqrt_()
    torch.log(squared, out=log_x).mul_(0.5)
    torch.clamp(squared, max=1, out=depth).div_(torch.add(inner, 1, out=root))
    torch.add(inner, outer, out=root)
    angle = inner.log1p_().add_(outer.atan_()).sub_(torch.clamp(log_x, max=0, out=outer)).div_(root)
    cylinder = torch.mul(depth, -0.5, out=root).log1p_().addcmul_(depth, angle)
    return angle, cylinder.add_(torch.clamp(log_x, min=0, out=depth)), log_x, outer, depth
