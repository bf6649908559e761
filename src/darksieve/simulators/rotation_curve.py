"""The rotation curve of a disc galaxy: gas, disc and bulge in a dark halo, or without one under modified dynamics.

Distance and inclination are parameters like the mass-to-light ratios: their published errors belong into the priors.

References: Li, Lelli, McGaugh & Schombert 2020, ApJS 247, 31 (haloes, nuisances and their priors).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor

from darksieve.problem.errors import DarksieveError
from darksieve.problem.simulator import Description, Simulator
from darksieve.simulators.options import option_file
from darksieve.simulators.sparc import Floats, read_curve, read_galaxy

__all__ = [
    "ACCELERATION_UNIT",
    "HALOES",
    "RotationCurve",
    "accelerated_velocity",
    "burkert_velocity",
    "isothermal_velocity",
    "mean_concentration",
    "nfw_velocity",
]

HUBBLE = 0.073  # km / s / kpc, the value behind SPARC's Hubble-flow distances
ACCELERATION_UNIT = 1e-16 * 3.0856775814913673e19  # 1e-10 m / s^2 in (km / s)^2 / kpc
SLOWEST = 1e-3  # km / s: the least circular velocity, where an outward force wins

V200 = {"log10_v200": Description("", r"\log_{10} V_{200} / (\mathrm{km\,s^{-1}})")}
CORE = V200 | {"log10_core_radius": Description("", r"\log_{10} r_\mathrm{c} / \mathrm{kpc}")}
HALOES = {
    "nfw": V200 | {"log10_c200_excess": Description("", r"\Delta \log_{10} c_{200}")},
    "burkert": CORE,
    "isothermal": CORE,
    "mond": {"acceleration_scale": Description("1e-10 m / s2", r"g_\dagger")},
}
NUISANCES = {
    "log10_ml_disc": Description("", r"\log_{10} \Upsilon_\mathrm{disc}"),
    "log10_ml_bulge": Description("", r"\log_{10} \Upsilon_\mathrm{bulge}"),
    "distance": Description("Mpc", "D"),
    "inclination": Description("deg", "i"),
}


def mean_concentration(v200: Tensor) -> Tensor:
    """Mean c200 of haloes today whose circular velocity at r200 is v200 [km / s].

    References: Dutton & Maccio 2014, MNRAS 441, 3359, the relation of c200 and M200 (Planck cosmology); its scatter
    is 0.11 dex.
    """
    mass = v200**3 / (10 * HUBBLE * _gravity())  # solar masses; r200 = v200 / (10 H0)
    return 10 ** (0.905 - 0.101 * torch.log10(mass * 10 * HUBBLE / 1e12))  # of 1e12 / h


def nfw_velocity(radius: Tensor, v200: Tensor, c200: Tensor) -> Tensor:
    """Circular velocity squared [km^2 / s^2] at a radius [kpc] of the halo of Navarro, Frenk & White.

    References: Navarro, Frenk & White 1996, ApJ 462, 563, equation 3.
    """
    x = radius / _radius_200(v200)

    def mass(y: Tensor) -> Tensor:
        return torch.log1p(y) - y / (1 + y)

    return v200**2 * mass(c200 * x) / (x * mass(c200))


def burkert_velocity(radius: Tensor, v200: Tensor, core_radius: Tensor) -> Tensor:
    """Circular velocity squared [km^2 / s^2] at a radius [kpc] of the density 1 / ((1 + y) (1 + y^2)), y = r / r_c.

    References: Burkert 1995, ApJ 447, L25, equation 2.
    """

    def mass(r: Tensor) -> Tensor:
        y = r / core_radius
        return torch.log1p(y) + 0.5 * torch.log1p(y**2) - torch.atan(y)

    edge = _radius_200(v200)
    return v200**2 * mass(radius) * edge / (radius * mass(edge))


def isothermal_velocity(radius: Tensor, v200: Tensor, core_radius: Tensor) -> Tensor:
    """Circular velocity squared [km^2 / s^2] at a radius [kpc] of the density 1 / (1 + (r / r_c)^2).

    It is called pseudo-isothermal. References: Begeman, Broeils & Sanders 1991, MNRAS 249, 523.
    """

    def fraction(r: Tensor) -> Tensor:
        return 1 - core_radius / r * torch.atan(r / core_radius)

    return v200**2 * fraction(radius) / fraction(_radius_200(v200))


def accelerated_velocity(radius: Tensor, baryons: Tensor, acceleration_scale: Tensor) -> Tensor:
    """Circular velocity squared [km^2 / s^2] that baryons alone cause by the radial acceleration relation.

    Parameters
    ----------
    radius : Tensor
        [kpc]
    baryons : Tensor
        Circular velocity squared by Newton's law [km^2 / s^2], above zero.
    acceleration_scale : Tensor
        [1e-10 m / s^2]

    References: McGaugh, Lelli & Schombert 2016, PRL 117, 201101, equation 4.
    """
    acceleration = baryons / radius / ACCELERATION_UNIT
    return baryons / -torch.expm1(-(acceleration / acceleration_scale).sqrt())


class RotationCurve(Simulator):
    """The rotation curve of a SPARC galaxy, `velocity` (n, points) [km / s].

    It is corrected for the published inclination, as the data are, whatever inclination the galaxy has. The bulge's
    mass-to-light ratio is a parameter only where the galaxy has a bulge.

    Parameters
    ----------
    galaxy : str
        Name in SPARC.
    curves, table : mapping
        `{file: path}` of `Rotmod_LTG.zip` and of `MasterSheet_SPARC.mrt`.
    halo : str
        `nfw`, `burkert`, `isothermal` (pseudo-isothermal) or `mond`: no halo, and the radial acceleration relation.

    Raises
    ------
    DarksieveError
        If the halo is unknown, a file is not what it should be, or the galaxy is not in it or not fit for dynamics.
    """

    def __init__(self, *, galaxy: str, curves: Mapping[str, Any], table: Mapping[str, Any], halo: str = "nfw") -> None:
        if halo not in HALOES:
            raise DarksieveError(f"{halo!r}", where="option halo", mend=f"write one of {', '.join(HALOES)}")
        self.galaxy = read_galaxy(option_file("table", table), galaxy)
        self.curve = read_curve(option_file("curves", curves), galaxy)
        if self.galaxy.distance != self.curve.distance:
            raise DarksieveError(
                f"{galaxy} lies at {self.galaxy.distance} Mpc in the one and {self.curve.distance} Mpc in the other",
                where="options curves and table", mend="use files of one release",
            )  # fmt: skip
        self.halo = halo
        nuisances = dict(NUISANCES)
        if not self.curve.bulge.any():
            del nuisances["log10_ml_bulge"]
        described = HALOES[halo] | nuisances
        self.parameters = tuple(described)
        self.descriptions = described | {
            "velocity": Description("km / s", "V", coordinate=tuple(self.curve.radius), coordinate_label="radius [kpc]")
        }

    def simulate(self, z: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Rotation curves, `velocity` (n, points), for z (n, P), columns as in `parameters`.

        They are computed in float64, for the cores of haloes, and returned in the dtype of z.
        """
        double = z.double()
        values = dict(zip(self.parameters, double.split(1, dim=1)))
        stretch = values["distance"] / self.galaxy.distance
        radius = self._tensor(self.curve.radius, double) * stretch  # (n, points)
        stars = 10 ** values["log10_ml_disc"] * self._force(self.curve.disc, double)
        if "log10_ml_bulge" in values:
            stars = stars + 10 ** values["log10_ml_bulge"] * self._force(self.curve.bulge, double)
        baryons = stretch * (self._force(self.curve.gas, double) + stars)  # mass as D^2, radius as D
        tilt = torch.sin(torch.deg2rad(values["inclination"])) / math.sin(math.radians(self.galaxy.inclination))
        squared = self._squared(radius, baryons, values).clamp_min(SLOWEST**2)
        return {"velocity": (tilt * squared.sqrt()).to(z.dtype)}

    def observe(self, signal: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """The rotation curves with normal noise of the published errors."""
        v = signal["velocity"]
        noise = torch.randn(v.shape, generator=generator, device=v.device, dtype=v.dtype)
        return {"velocity": v + self._tensor(self.curve.error, v) * noise}

    def observed(self) -> dict[str, Floats]:
        """The published rotation curve."""
        return {"velocity": self.curve.velocity}

    def log_likelihood(self, x: dict[str, Tensor], signal: dict[str, Tensor]) -> Tensor:
        """Minus half of chi-squared, (n,), of one rotation curve (points,) for signals (n, points)."""
        v = signal["velocity"]
        return -0.5 * (((x["velocity"] - v) / self._tensor(self.curve.error, v)) ** 2).sum(dim=-1)

    def _squared(self, radius: Tensor, baryons: Tensor, values: Mapping[str, Tensor]) -> Tensor:
        """Circular velocity squared, (n, points) [km^2 / s^2]."""
        if self.halo == "mond":
            return accelerated_velocity(radius, baryons.clamp_min(SLOWEST**2), values["acceleration_scale"])
        v200 = 10 ** values["log10_v200"]
        match self.halo:
            case "nfw":
                c200 = mean_concentration(v200) * 10 ** values["log10_c200_excess"]
                return baryons + nfw_velocity(radius, v200, c200)
            case "burkert":
                return baryons + burkert_velocity(radius, v200, 10 ** values["log10_core_radius"])
            case _:
                return baryons + isothermal_velocity(radius, v200, 10 ** values["log10_core_radius"])

    def _force(self, velocity: Floats, like: Tensor) -> Tensor:
        """v |v|: a component's circular velocity squared, negative where its force points outwards."""
        return self._tensor(velocity * abs(velocity), like)

    @staticmethod
    def _tensor(values: Floats, like: Tensor) -> Tensor:
        return torch.from_numpy(values).to(like)


def _radius_200(v200: Tensor) -> Tensor:
    """Radius [kpc] inside which the mean density is 200 times the critical one."""
    return v200 / (10 * HUBBLE)


@cache
def _gravity() -> float:
    """Gravitational constant [kpc km^2 / s^2 / solar mass]."""
    from astropy import constants, units

    return float(constants.G.to_value(units.kpc * units.km**2 / units.s**2 / units.M_sun))
