"""Distances, critical densities and constants, all from astropy: the one place that knows G, c and the solar mass.

Lengths are in Mpc, masses in solar masses, densities in M_sun / Mpc^3 and M_sun / Mpc^2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from darksieve.problem.errors import DarksieveError

__all__ = ["LensPlane", "check_redshifts", "lens_plane"]


@dataclass(frozen=True)
class LensPlane:
    """What the deflection by a mass at the lens redshift depends on.

    Attributes
    ----------
    distance_lens, distance_source, distance_lens_source : float
        Angular-diameter distances [Mpc]; these and the others may be tensors, of haloes at many redshifts.
    critical_surface_density : float
        Sigma_cr = c^2 D_s / (4 pi G D_l D_ls) [M_sun / Mpc^2].
    critical_density : float
        Critical density of the Universe at the lens redshift [M_sun / Mpc^3].
    """

    distance_lens: Any
    distance_source: Any
    distance_lens_source: Any
    critical_surface_density: Any
    critical_density: Any

    @property
    def arcsec_per_mpc(self) -> Any:
        """Angle under which 1 Mpc in the lens plane is seen [arcsec]."""
        return math.degrees(1) * 3600 / self.distance_lens


def check_redshifts(redshift_lens: float, redshift_source: float) -> None:
    """Check that 0 < redshift_lens < redshift_source.

    Raises
    ------
    DarksieveError
        If they are not in that order.
    """
    if not 0 < redshift_lens < redshift_source < math.inf:
        raise DarksieveError(
            f"redshift_lens = {redshift_lens:g} and redshift_source = {redshift_source:g}",
            where="cosmology", mend="the lens lies between us and the source: 0 < redshift_lens < redshift_source",
        )  # fmt: skip


def lens_plane(redshift_lens: float, redshift_source: float, cosmology: Any = None) -> LensPlane:
    """Distances and critical densities for a lens and a source.

    Parameters
    ----------
    redshift_lens, redshift_source : float
        0 < redshift_lens < redshift_source.
    cosmology : astropy.cosmology.Cosmology, optional
        A flat one, by default Planck18.

    Raises
    ------
    DarksieveError
        If the redshifts are not in that order or the cosmology is curved.
    """
    from astropy import constants, units
    from astropy.cosmology import Planck18

    check_redshifts(redshift_lens, redshift_source)
    cosmology = Planck18 if cosmology is None else cosmology
    if cosmology.Ok0 != 0:
        raise DarksieveError(f"curvature Ok0 = {cosmology.Ok0:g}", where="cosmology", mend="use a flat one")
    lens = cosmology.angular_diameter_distance(redshift_lens)
    source = cosmology.angular_diameter_distance(redshift_source)
    between = source - lens * (1 + redshift_lens) / (1 + redshift_source)
    surface = constants.c**2 * source / (4 * math.pi * constants.G * lens * between)
    return LensPlane(
        distance_lens=float(lens.to_value(units.Mpc)),
        distance_source=float(source.to_value(units.Mpc)),
        distance_lens_source=float(between.to_value(units.Mpc)),
        critical_surface_density=float(surface.to_value(units.M_sun / units.Mpc**2)),
        critical_density=float(cosmology.critical_density(redshift_lens).to_value(units.M_sun / units.Mpc**3)),
    )
