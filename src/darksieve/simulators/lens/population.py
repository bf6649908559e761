"""Populations of subhaloes in the lens: how many, where, how heavy and how concentrated, drawn for a batch of lenses.

The number that a mass function gives in cold dark matter is drawn first, and warm dark matter then removes haloes at
random. Whatever the mass function depends on is a parameter of the simulator, and `fixed` holds it at a value.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from darksieve.problem.errors import DarksieveError
from darksieve.problem.simulator import Description
from darksieve.simulators.lens.cosmology import LensPlane
from darksieve.simulators.lens.halo_options import SubhaloOptions
from darksieve.simulators.lens.halo_relations import (
    SUBHALOES,
    concentration,
    half_mode_mass,
    tidal_radius,
    warm_concentration,
    warm_suppression,
)
from darksieve.simulators.lens.matter import MatterField
from darksieve.simulators.lens.substructure import Haloes, haloes_from_mass, tnfw_cylinder, tnfw_total

__all__ = [
    "NORMALISATIONS",
    "SLOPE",
    "WARM",
    "ConcentrationTable",
    "Sheet",
    "SubhaloPopulation",
    "half_mode",
    "pad",
]

PIVOT = 1e8  # M_sun
NORMALISATIONS = {
    "f_sub": Description("", r"f_\mathrm{sub}"),
    "sigma_sub_at_1e8": Description("kpc-2", r"\Sigma_\mathrm{sub}(10^8\,\mathrm{M}_\odot)"),
    "sigma_sub_at_1e10": Description("kpc-2", r"\Sigma_\mathrm{sub}(10^{10}\,\mathrm{M}_\odot)"),
}
SLOPE = {"beta": Description("", r"\beta")}
PIVOTS = {"sigma_sub_at_1e8": 1e8, "sigma_sub_at_1e10": 1e10}
WARM = {
    "half_mode_mass": {"log10_m_hm": Description("", r"\log_{10} M_\mathrm{hm} / \mathrm{M}_\odot")},
    "particle_mass": {"wdm_mass": Description("keV", r"m_\mathrm{WDM}")},
}
FRACTION_RANGE = (1e6, 0.01)  # M_sun, and of the host's mass: where f_sub counts
MASS_NODES, SCATTER_NODES, DISTANCE_NODES = 40, 5, 8  # of the mean convergence
RADII = 400
TRUNCATIONS = (1.0, 64.0)  # of tidal truncation, scale radii


@dataclass(frozen=True)
class Sheet:
    """Negative convergence that makes up for a population: the fraction (r) of the haloes within a radius, tabulated.

    Attributes
    ----------
    radius : Tensor
        Radii from zero to the edge of the population, (r,) [arcsec].
    within : Tensor
        Fraction of the haloes within these, (r,).
    total : Tensor
        Deflection times radius that all haloes cause on average far from the centre, (B, 1) [arcsec^2].
    """

    radius: Tensor
    within: Tensor
    total: Tensor

    def deflection(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Deflection (B, R) [arcsec] at rays x, y (1, R): away from the centre."""
        squared = x**2 + y**2
        strength = -self.total * _interpolate(squared.sqrt(), self.radius, self.within) / squared.clamp(min=1e-12)
        return x * strength, y * strength


class SubhaloPopulation:
    """Draws the subhaloes of lenses.

    Parameters
    ----------
    options : SubhaloOptions
    plane : LensPlane
        Of the lens.
    redshifts : tuple of float
        Of lens and source.
    field : MatterField
        For the concentrations.
    """

    def __init__(
        self, options: SubhaloOptions, plane: LensPlane, redshifts: tuple[float, float], field: MatterField
    ) -> None:
        self.options, self.plane, self.redshift = options, plane, redshifts[0]
        self.kpc_per_arcsec = 1e3 / plane.arcsec_per_mpc
        self.concentrations = ConcentrationTable(options.concentration, [self.redshift], field)
        self.field = field

    @property
    def truncations(self) -> tuple[float, float]:
        """Smallest and largest tau."""
        tau = self.options.truncation
        return TRUNCATIONS if tau == "tidal" else (float(tau), float(tau))

    def draw(self, values: Mapping[str, Tensor], generator: torch.Generator) -> tuple[Haloes, Sheet]:
        """Subhaloes (B, H) of lenses with these parameters (B, 1), the heaviest first, and the sheet beneath them.

        Raises
        ------
        DarksieveError
            If there are more of them in an image than `maximum`.
        """
        beta, low, high = self._mass_function(values)
        number = self._number(values)
        counts = torch.poisson(number, generator=generator)  # (B, 1)
        mask = pad(counts, self.options.maximum, "option subhaloes.maximum")
        uniform = torch.rand(4, *mask.shape, generator=generator, dtype=beta.dtype, device=beta.device)
        mass = _power_law(uniform[0], beta, low, high)
        warm = half_mode(values)
        if warm is not None:
            kept = torch.rand(mask.shape, generator=generator, dtype=beta.dtype, device=beta.device)
            mask = mask & (kept < warm_suppression(mass, warm, SUBHALOES))
        scatter = torch.randn(mask.shape, generator=generator, dtype=beta.dtype, device=beta.device)
        radius = _interpolate(uniform[1], self._profile[1].to(mass), self._profile[0].to(mass))
        angle = 2 * math.pi * uniform[2]
        haloes = haloes_from_mass(
            radius * torch.cos(angle), radius * torch.sin(angle), mass,
            self._concentration(mass, warm, scatter), 1.0, mask, self.plane,
        )  # fmt: skip
        distance = self._distance(radius, uniform[3])
        haloes = replace(haloes, truncation=self._truncation(mass, distance, haloes.scale_radius))
        order = torch.where(mask, mass, 0).argsort(dim=1, descending=True)[:, : int(mask.sum(dim=1).max())]
        return haloes.take(order), self._sheet(values)

    def mean_number(self, values: Mapping[str, Tensor]) -> Tensor:
        """Mean number (B, 1) of subhaloes, in warm dark matter where that is asked for."""
        _, weights = self._quadrature(values)
        return weights.sum(dim=1, keepdim=True)

    def _mass_function(self, values: Mapping[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Slope, and the smallest and largest mass that are drawn, (B, 1) each."""
        beta = values["beta"]
        low, high = (torch.full_like(beta, mass) for mass in self.options.mass_range)
        if self.options.normalisation == "f_sub":
            high = torch.minimum(high, FRACTION_RANGE[1] * self._host_mass(values)).maximum(1.0001 * low)
        return beta, low, high

    def _number(self, values: Mapping[str, Tensor]) -> Tensor:
        """Mean number (B, 1) in cold dark matter."""
        beta, low, high = self._mass_function(values)
        name, host = self.options.normalisation, self._host_mass(values)
        if name == "f_sub":
            mass = _power_integral(beta + 1, torch.full_like(host, FRACTION_RANGE[0]), FRACTION_RANGE[1] * host)
            at_pivot = values[name] * self._host_mass_within(host) / (PIVOT * mass)
        else:
            scale = 10 ** (0.88 * torch.log10(host / 1e13) + 1.7 * math.log10(self.redshift + 0.5))
            area = math.pi * (self.options.radius * self.kpc_per_arcsec) ** 2
            at_pivot = values[name] * scale * area * (PIVOT / PIVOTS[name]) ** beta
        return at_pivot * _power_integral(beta, low, high)

    def _host_mass(self, values: Mapping[str, Tensor]) -> Tensor:
        """M200 of the host, (B, 1) [M_sun]."""
        if self.options.host_mass != "velocity_dispersion":
            return torch.full_like(values["beta"], float(self.options.host_mass))
        ratio = self.plane.distance_lens_source / self.plane.distance_source
        dispersion = torch.sqrt(values["einstein_radius"] / (3600 * math.degrees(4 * math.pi * ratio))) * 299792.458
        return 1e12 * 10 ** (0.09 + 3.48 * torch.log10(dispersion / 100))

    def _host_mass_within(self, host: Tensor) -> Tensor:
        """Mass of the host, an NFW halo, in the cylinder of the population, (B, 1) [M_sun]."""
        c = 10 ** (0.520 + 0.385 * math.exp(-0.617 * self.redshift**1.21)) * (host * self.field.hubble / 1e12) ** (
            -0.101 + 0.026 * self.redshift
        )  # Dutton & Maccio 2014
        halo = haloes_from_mass(host, host, host, c, 1e4, host > 0, self.plane)
        cylinder = tnfw_cylinder(self.options.radius / halo.scale_radius, halo.truncation)
        return host * cylinder / (torch.log1p(c) - c / (1 + c))

    def _concentration(self, mass: Tensor, warm: Tensor | None, scatter: Tensor | float) -> Tensor:
        mean = self.concentrations(mass)
        if warm is not None:
            mean = mean * warm_concentration(mass, warm, self.redshift)
        return (mean * 10 ** (self.options.concentration_scatter * torch.as_tensor(scatter))).to(mass.dtype)

    def _truncation(self, mass: Tensor, distance: Tensor, scale_radius: Tensor) -> Tensor:
        """tau from the distance from the host's centre [kpc] and r_s [arcsec]."""
        if self.options.truncation != "tidal":
            return torch.full_like(mass, float(self.options.truncation))
        tau = tidal_radius(mass, distance) / (scale_radius * self.kpc_per_arcsec)
        return tau.clamp(*TRUNCATIONS)

    def _quadrature(self, values: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Masses (B, m) and the mean number of haloes that each stands for."""
        beta, low, high = self._mass_function(values)
        nodes, weights = (torch.from_numpy(v).to(beta) for v in np.polynomial.legendre.leggauss(MASS_NODES))
        half = torch.log(high / low) / 2
        mass = low * torch.exp(half * (nodes + 1))
        density = self._number(values) / _power_integral(beta, low, high) * (mass / PIVOT) ** beta  # dN / d ln m
        number = density * half * weights
        warm = half_mode(values)
        return mass, number if warm is None else number * warm_suppression(mass, warm, SUBHALOES)

    def _sheet(self, values: Mapping[str, Tensor]) -> Sheet:
        """The mean of the population."""
        mass, number = self._quadrature(values)
        radius, within = (v.to(mass) for v in self._mass_profile)
        if not self.options.negative_sheet:
            return Sheet(radius, within, mass.new_zeros(len(mass), 1))
        draws, weights = np.polynomial.hermite_e.hermegauss(SCATTER_NODES if self.options.concentration_scatter else 1)
        distances = self._mean_distances if self.options.truncation == "tidal" else [1.0]
        total = torch.zeros_like(mass)
        for draw, weight in zip(draws, weights / weights.sum()):
            c = self._concentration(mass, half_mode(values), float(draw))
            halo = haloes_from_mass(mass, mass, mass, c, 1.0, mass > 0, self.plane)
            for distance in distances:
                tau = self._truncation(mass, mass.new_full((1, 1), distance), halo.scale_radius)
                cylinder = tnfw_cylinder(self.options.radius / halo.scale_radius, tau)
                total += 4 * halo.convergence * halo.scale_radius**2 * cylinder * weight / len(distances)
        return Sheet(radius, within, (number * total).sum(dim=1, keepdim=True))

    @cached_property
    def _profile(self) -> tuple[Tensor, Tensor]:
        """Radii [arcsec], and the fraction of the haloes within these."""
        radius = torch.linspace(0, self.options.radius, RADII, dtype=torch.float64)
        if self.options.positions == "uniform":
            return radius, (radius / self.options.radius) ** 2
        height = torch.from_numpy(np.geomspace(1e-3, 1, RADII)) * self._host_radius
        density = self._host_density(torch.hypot(radius[:, None] * self.kpc_per_arcsec, height))
        surface = torch.trapezoid(density, height, dim=1)
        steps = (radius * surface)[1:] + (radius * surface)[:-1]
        within = torch.cat([torch.zeros(1, dtype=torch.float64), steps.cumsum(0)])
        return radius, within / within[-1]

    @cached_property
    def _mass_profile(self) -> tuple[Tensor, Tensor]:
        """Radii [arcsec], and the fraction of the mass within these, whose profile is that of haloes of 1e8 M_sun."""
        radius, within = self._profile
        if self.options.truncation != "tidal":
            return radius, within
        share = (torch.arange(DISTANCE_NODES, dtype=torch.float64) + 0.5) / DISTANCE_NODES
        distance = self._distance(((radius[1:] + radius[:-1]) / 2)[:, None], share[None])
        mass = torch.full_like(distance, PIVOT)
        halo = haloes_from_mass(mass, mass, mass, self._concentration(mass, None, 0.0), 1.0, mass > 0, self.plane)
        left = tnfw_total(self._truncation(mass, distance, halo.scale_radius)).mean(dim=1)
        steps = torch.cat([torch.zeros(1, dtype=torch.float64), (within.diff() * left).cumsum(0)])
        return radius, steps / steps[-1]

    @property
    def _host_radius(self) -> float:
        """r200 of the host, or of one of 1e13 M_sun where its mass varies [kpc]."""
        mass = 1e13 if self.options.host_mass == "velocity_dispersion" else float(self.options.host_mass)
        return 1e3 * (mass / (4 / 3 * math.pi * 200 * self.plane.critical_density)) ** (1 / 3)

    def _host_density(self, radius_kpc: Tensor) -> Tensor:
        """Density of subhaloes around the host, to a factor: constant in a core of a tenth of r200, then as r^-2."""
        return 1 / (1 + (radius_kpc / (0.1 * self._host_radius)) ** 2)

    def _distance(self, radius: Tensor, uniform: Tensor) -> Tensor:
        """Distance from the host's centre [kpc] at these radii [arcsec], by the density along the line of sight."""
        across = radius * self.kpc_per_arcsec
        core = torch.hypot(across, torch.full_like(across, 0.1 * self._host_radius))
        height = core * torch.tan(uniform * torch.atan(self._host_radius / core))
        return torch.hypot(across, height)

    @cached_property
    def _mean_distances(self) -> list[float]:
        """Distances [kpc] that stand for those of equally many haloes each."""
        share = (torch.arange(DISTANCE_NODES**2, dtype=torch.float64) + 0.5) / DISTANCE_NODES**2
        radius = _interpolate(share, self._profile[1], self._profile[0])
        distance = self._distance(radius[:, None], share[None]).flatten().sort().values
        return distance.view(DISTANCE_NODES, -1).mean(dim=1).tolist()


class ConcentrationTable:
    """Mean concentration of cold haloes: a number, or a relation tabulated in ln m at some redshifts."""

    def __init__(self, relation: float | str, redshifts: list[float], field: MatterField) -> None:
        masses = np.geomspace(1e4, 1e13, 64)
        if isinstance(relation, str):
            rows = [concentration(relation, masses, redshift, field) for redshift in redshifts]
        else:
            rows = [np.full_like(masses, float(relation)) for _ in redshifts]
        self.log_mass, self.log_concentration = (torch.from_numpy(np.log(v)) for v in (masses, np.stack(rows)))

    def __call__(self, mass: Tensor, row: Tensor | int = 0) -> Tensor:
        """Concentration at these masses [M_sun], of any shape, and at the redshifts of these numbers."""
        table, grid = self.log_concentration.to(mass), self.log_mass.to(mass)
        index = (torch.log(mass) - grid[0]) / (grid[1] - grid[0])
        below = index.floor().clamp(0, len(grid) - 2).long()
        low, high = table[row, below], table[row, below + 1]
        return torch.exp(low + (index - below) * (high - low))


def half_mode(values: Mapping[str, Tensor]) -> Tensor | None:
    """Half-mode mass (B, 1) [M_sun] where the parameters say that dark matter is warm."""
    if "log10_m_hm" in values:
        return 10 ** values["log10_m_hm"]
    return half_mode_mass(values["wdm_mass"]) if "wdm_mass" in values else None


def pad(counts: Tensor, maximum: int, where: str) -> Tensor:
    """Mask (B, H) of the first `counts` (B, 1) of H haloes, H the largest count.

    Raises
    ------
    DarksieveError
        If a count exceeds the maximum.
    """
    largest = int(counts.nan_to_num().max()) if len(counts) else 0
    if largest > maximum:
        raise DarksieveError(
            f"{largest} haloes in an image, {maximum} allowed", where=where, mend="allow more, or narrow the prior"
        )
    return torch.arange(largest, device=counts.device) < counts


def _power_integral(power: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Integral of (m / pivot)^power d ln m."""
    power = torch.where(power.abs() < 1e-4, 1e-4, power)
    return (low / PIVOT) ** power * torch.expm1(power * torch.log(high / low)) / power


def _power_law(uniform: Tensor, power: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Masses (B, H) of dN / d ln m ~ m^power between two (B, 1), from uniform draws; without loss at the heavy end."""
    power = torch.where(power.abs() < 1e-3, 1e-3, power)
    end = torch.exp(power * torch.log(high / low))
    return low * torch.exp(torch.log(end + uniform * (1 - end)) / power)


def _interpolate(values: Tensor, abscissa: Tensor, ordinate: Tensor) -> Tensor:
    """Linear interpolation in a rising table, constant beyond it."""
    above = torch.searchsorted(abscissa, values.contiguous()).clamp(1, len(abscissa) - 1)
    left, right = abscissa[above - 1], abscissa[above]
    fraction = ((values - left) / (right - left)).clamp(0, 1)
    return ordinate[above - 1] + fraction * (ordinate[above] - ordinate[above - 1])
