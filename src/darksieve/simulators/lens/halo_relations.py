"""What the mass of a dark matter halo says about it: its concentration, its tidal radius, and how warm dark matter
changes its number and its concentration. Masses are M200 with respect to the critical density, in solar masses.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from darksieve.simulators.lens.matter import MatterField

__all__ = [
    "CONCENTRATIONS",
    "concentration",
    "half_mode_mass",
    "tidal_radius",
    "warm_concentration",
    "warm_suppression",
]

Floats = NDArray[np.floating[Any]]
CONCENTRATIONS = ("duffy_2008", "dutton_maccio_2014", "ishiyama_2021")
SUBHALOES, FIELD_HALOES = (4.2, 2.5, -0.2), (2.3, 0.8, -1.0)  # alpha, beta, gamma of Lovell 2020


def concentration(relation: str, mass: Floats, redshift: float, field: MatterField) -> Floats:
    """Mean concentration r200 / r_s of cold dark matter haloes.

    Parameters
    ----------
    relation : str
        `duffy_2008` (arXiv:0804.2486, full sample, power law fitted above 1e11), `dutton_maccio_2014`
        (arXiv:1402.7073, equations 7, 10 and 11) or `ishiyama_2021` (arXiv:2007.14720, fit to all haloes). The power
        laws are extrapolated below some 1e10 M_sun, where Duffy's lies under and Dutton & Maccio's above.
    mass : array
        M200 [M_sun].
    redshift : float
    field : MatterField
        For h, and for the peak heights of `ishiyama_2021`.
    """
    if relation == "duffy_2008":
        return 5.71 * (mass * field.hubble / 2e12) ** -0.084 * (1 + redshift) ** -0.47
    if relation == "dutton_maccio_2014":
        slope = -0.101 + 0.026 * redshift
        return 10 ** (0.520 + 0.385 * np.exp(-0.617 * redshift**1.21)) * (mass * field.hubble / 1e12) ** slope
    return _diemer_joyce(mass, redshift, field, kappa=1.19, a=(2.54, 1.33), b=(4.04, 1.21), c_alpha=0.22)


def _diemer_joyce(
    mass: Floats, redshift: float, field: MatterField, kappa: float, a: tuple[float, float], b: tuple[float, float],
    c_alpha: float,
) -> Floats:  # fmt: skip
    """The concentration of Diemer & Joyce 2019 (arXiv:1809.07326), which depends on the peak height and its slope."""
    radius, step = kappa * field.lagrangian_radius(mass), 1e-2
    ratio = field.sigma(radius * np.exp(step)) / field.sigma(radius * np.exp(-step))
    slope = -np.log(ratio) / step - 3  # of the power spectrum, effective
    peak = field.peak_height(mass, redshift)
    height = a[0] * (1 + a[1] * (slope + 3)) / peak * (1 + peak**2 / (b[0] * (1 + b[1] * (slope + 3))))
    trial = np.geomspace(1, 1000, 4000)
    enclosed = np.log1p(trial) - trial / (1 + trial)
    found = [np.interp(h, *_rising(trial / enclosed ** ((5 + n) / 6), trial)) for h, n in zip(height, slope)]
    return (1 - c_alpha * (1 - field.growth_rate(redshift))) * np.array(found)


def _rising(abscissa: Floats, ordinate: Floats) -> tuple[Floats, Floats]:
    """The part of a curve from its minimum on."""
    start = int(abscissa.argmin())
    return abscissa[start:], ordinate[start:]


def tidal_radius(mass: Tensor, radius_kpc: Tensor) -> Tensor:
    """Truncation radius [kpc] of a subhalo at a distance [kpc] from the centre of an isothermal host.

    1.4 kpc (m / 1e7 M_sun)^(1/3) (r / 50 kpc)^(2/3), as in Gilman et al. 2020 (arXiv:1908.06983).
    """
    return 1.4 * (mass / 1e7) ** (1 / 3) * (radius_kpc / 50) ** (2 / 3)


def half_mode_mass(particle_mass: Tensor) -> Tensor:
    """M_hm = 5e8 (m / 3 keV)^(-10/3) [M_sun] of thermal relics of this mass [keV].

    Gilman et al. 2020 (arXiv:1908.06983); within 6% of the fits to transfer functions from 1 to 10 keV.
    """
    return 5e8 * (particle_mass / 3) ** (-10 / 3)


def warm_suppression(mass: Tensor, half_mode: Tensor, fit: tuple[float, float, float]) -> Tensor:
    """Number of haloes in warm over that in cold dark matter, (1 + (alpha M_hm / M)^beta)^gamma.

    `fit` is `SUBHALOES` or `FIELD_HALOES`: Lovell 2020 (arXiv:2003.01125).
    """
    alpha, beta, gamma = fit
    return (1 + (alpha * half_mode / mass) ** beta) ** gamma


def warm_concentration(mass: Tensor, half_mode: Tensor, redshift: Tensor | float) -> Tensor:
    """Concentration in warm over that in cold dark matter: Bose et al. 2016 (arXiv:1507.01998)."""
    return (1 + torch.as_tensor(redshift)) ** (0.026 * redshift - 0.04) * (1 + 60 * half_mode / mass) ** -0.17
