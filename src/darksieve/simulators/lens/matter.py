"""How dark matter clusters in the linear theory: the variance of the density field, its growth, and the abundance of
haloes. In numpy, for tables that are made once; masses are in solar masses, lengths in Mpc, both without h.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["MatterField", "matter_field"]

Floats = NDArray[np.floating[Any]]
COLLAPSE_THRESHOLD = 1.68647
WAVENUMBERS = np.geomspace(1e-4, 1e6, 4000)  # 1 / Mpc
SHETH_TORMEN = {"A": 0.3222, "a": 0.707, "p": 0.3}


@dataclass(frozen=True)
class MatterField:
    """A flat universe of matter and a cosmological constant, with the shape of its linear power spectrum.

    Attributes
    ----------
    hubble : float
        H0 / (100 km / s / Mpc).
    matter, baryons : float
        Density parameters today.
    sigma_8, spectral_index, temperature : float
        Normalisation, tilt n_s, and temperature of the microwave background [K].
    """

    hubble: float
    matter: float
    baryons: float
    sigma_8: float
    spectral_index: float
    temperature: float

    @property
    def density(self) -> float:
        """Mean density of matter today [M_sun / Mpc^3]."""
        from astropy import constants, units

        rate = 100 * self.hubble * units.km / units.s / units.Mpc
        critical = 3 * rate**2 / (8 * math.pi * constants.G)
        return self.matter * float(critical.to_value(units.M_sun / units.Mpc**3))

    def lagrangian_radius(self, mass: Floats) -> Floats:
        """Radius of the sphere of mean density that holds a mass [Mpc]."""
        return (3 * mass / (4 * math.pi * self.density)) ** (1 / 3)

    def transfer(self, wavenumber: Floats) -> Floats:
        """Transfer function without baryonic oscillations: Eisenstein & Hu 1998 (ApJ 496, 605), equations 26 to 31."""
        h, physical = self.hubble, self.matter * self.hubble**2
        ratio, theta = self.baryons / self.matter, self.temperature / 2.7
        sound_horizon = 44.5 * math.log(9.83 / physical) / math.sqrt(1 + 10 * (self.baryons * h**2) ** 0.75)
        reduction = 1 - 0.328 * math.log(431 * physical) * ratio + 0.38 * math.log(22.3 * physical) * ratio**2
        shape = self.matter * h * (reduction + (1 - reduction) / (1 + (0.43 * wavenumber * sound_horizon) ** 4))
        q = wavenumber / h * theta**2 / shape
        logarithm = np.log(2 * math.e + 1.8 * q)
        return logarithm / (logarithm + (14.2 + 731 / (1 + 62.5 * q)) * q**2)

    def sigma(self, radius: Floats) -> Floats:
        """Standard deviation today of the linear density in spheres of these radii [Mpc]."""
        return np.sqrt(self._variance(radius) / self._variance(np.array([8 / self.hubble]))) * self.sigma_8

    def _variance(self, radius: Floats) -> Floats:
        k = WAVENUMBERS
        power = k ** (self.spectral_index + 3) * self.transfer(k) ** 2
        x = k * radius[:, None]
        window = np.where(x < 0.01, 1 - x**2 / 10, 3 * (np.sin(x) - x * np.cos(x)) / np.maximum(x, 0.01) ** 3)
        return np.trapezoid(power * window**2, np.log(k), axis=1)

    def growth(self, redshift: float) -> float:
        """Linear growth factor, one today: Heath 1977 (MNRAS 179, 351)."""
        return self._growth_integral(1 / (1 + redshift)) / self._growth_integral(1.0)

    def growth_rate(self, redshift: float) -> float:
        """d ln D / d ln a."""
        a, step = 1 / (1 + redshift), 1e-3
        ratio = self._growth_integral(a * math.exp(step)) / self._growth_integral(a * math.exp(-step))
        return math.log(ratio) / (2 * step)

    def _growth_integral(self, scale_factor: float) -> float:
        a = np.linspace(1e-4, scale_factor, 2000)
        rate = np.sqrt(self.matter / a**3 + 1 - self.matter)
        return float(rate[-1] * np.trapezoid((a * rate) ** -3, a))

    def peak_height(self, mass: Floats, redshift: float) -> Floats:
        """nu = delta_c / sigma(M, z)."""
        return COLLAPSE_THRESHOLD / (self.sigma(self.lagrangian_radius(mass)) * self.growth(redshift))

    def mass_function(self, mass: Floats, redshift: float) -> Floats:
        """Comoving number density of haloes, dn / d ln M [1 / Mpc^3]: Sheth & Tormen 1999, equation 10.

        Sheth & Tormen 1999 is arXiv:astro-ph/9901122.
        """
        radius, step = self.lagrangian_radius(mass), 1e-3
        slope = np.log(self.sigma(radius * math.exp(-step)) / self.sigma(radius * math.exp(step))) / (6 * step)
        squared = SHETH_TORMEN["a"] * self.peak_height(mass, redshift) ** 2
        fraction = SHETH_TORMEN["A"] * np.sqrt(2 * squared / math.pi)
        fraction *= (1 + squared ** -SHETH_TORMEN["p"]) * np.exp(-squared / 2)
        return fraction * self.density / mass * slope


def matter_field(cosmology: Any = None) -> MatterField:
    """The matter field of an astropy cosmology that knows sigma8 and n, by default Planck18."""
    from astropy.cosmology import Planck18

    cosmology = Planck18 if cosmology is None else cosmology
    return MatterField(
        hubble=float(cosmology.h), matter=float(cosmology.Om0), baryons=float(cosmology.Ob0),
        sigma_8=cosmology.meta["sigma8"], spectral_index=cosmology.meta["n"],
        temperature=float(cosmology.Tcmb0.value),
    )  # fmt: skip
