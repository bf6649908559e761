"""Haloes between us and the source, but not in the lens, as haloes in the lens plane that have nearly the same effect.

The main lens is taken for a sheet of convergence one, which it is on average within its Einstein radius. With
b = D_12 D_s / (D_2 D_1s) of the nearer (1) and the farther (2) of lens and halo, a halo before the lens then deflects
as one in the lens plane of the same position and size and 1 - b times the convergence. A halo behind it is seen
through the lens: its position and its size grow by 1 / (1 - b), its convergence falls by 1 - b. What this leaves out
is the shear of the lens and the curl of the true deflection; Sengul et al. 2020 (arXiv:2006.07383) discuss such
effective haloes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from darksieve.problem.simulator import Description
from darksieve.simulators.lens.cosmology import LensPlane, lens_plane
from darksieve.simulators.lens.halo_options import LineOfSightOptions
from darksieve.simulators.lens.halo_relations import FIELD_HALOES, warm_concentration, warm_suppression
from darksieve.simulators.lens.matter import MatterField
from darksieve.simulators.lens.population import ConcentrationTable, Sheet, half_mode, pad
from darksieve.simulators.lens.substructure import Haloes, haloes_from_mass, tnfw_cylinder

__all__ = ["LINE_OF_SIGHT", "LineOfSightPopulation"]

LINE_OF_SIGHT = {"delta_los": Description("", r"\delta_\mathrm{los}")}
SLICES, MASSES = 32, 40
NEAREST = 0.02  # of the redshifts from us to the lens and from the lens to the source: no haloes so close to an end


class LineOfSightPopulation:
    """Draws effective haloes with the mass function of Sheth & Tormen, times the parameter `delta_los`.

    Parameters
    ----------
    options : LineOfSightOptions
    redshifts : tuple of float
        Of lens and source.
    field : MatterField
    """

    def __init__(self, options: LineOfSightOptions, redshifts: tuple[float, float], field: MatterField) -> None:
        self.options = options
        lens, source = redshifts
        share = NEAREST + (1 - 2 * NEAREST) * (np.arange(SLICES // 2) + 0.5) / (SLICES // 2)
        self.redshifts = np.concatenate([lens * share, lens + (source - lens) * share])
        widths = np.repeat([lens, source - lens], SLICES // 2) * (1 - 2 * NEAREST) / (SLICES // 2)
        planes = [lens_plane(float(z), source) for z in self.redshifts]
        self._planes = {name: torch.tensor([getattr(p, name) for p in planes]).double() for name in vars(planes[0])}
        self.reduction = torch.tensor([1 - _coupling(float(z), lens, source) for z in self.redshifts]).double()
        self.behind = torch.from_numpy(self.redshifts > lens)
        edges = np.geomspace(options.mass_range[0], options.mass_range[1], MASSES + 1)
        self.masses = torch.from_numpy(np.sqrt(edges[1:] * edges[:-1]))
        self.step = math.log(edges[1] / edges[0])
        self.numbers = torch.stack(
            [
                torch.from_numpy(field.mass_function(self.masses.numpy(), float(z))) * self.step * volume
                for z, volume in zip(self.redshifts, self._volumes(widths))
            ]
        )  # (slices, masses), mean of each cell
        self.concentrations = ConcentrationTable(options.concentration, self.redshifts.tolist(), field)

    @property
    def truncations(self) -> tuple[float, float]:
        """Smallest and largest tau."""
        return self.options.truncation, self.options.truncation

    def _volumes(self, widths: np.ndarray) -> list[float]:
        """Comoving volume of each slice of the double cone that the disc of effective positions stands for [Mpc^3]."""
        from astropy.cosmology import Planck18

        per_area = Planck18.differential_comoving_volume(self.redshifts).value * widths
        opening = np.where(self.behind.numpy(), self.reduction.numpy(), 1.0) * math.radians(self.options.radius / 3600)
        return (per_area * math.pi * opening**2).tolist()

    def draw(self, values: Mapping[str, Tensor], generator: torch.Generator) -> tuple[Haloes, Sheet]:
        """Effective haloes (B, H) of lenses with these parameters (B, 1), and the sheet beneath them.

        Raises
        ------
        DarksieveError
            If there are more of them in an image than `maximum`.
        """
        delta = values["delta_los"]
        numbers = self.numbers.to(delta)
        counts = torch.poisson(delta * numbers.sum(), generator=generator)
        mask = pad(counts, self.options.maximum, "option line_of_sight.maximum")
        uniform = torch.rand(5, *mask.shape, generator=generator, dtype=delta.dtype, device=delta.device)
        cumulative = numbers.flatten().cumsum(0)
        cell = torch.searchsorted(cumulative, uniform[0] * cumulative[-1]).clamp(max=numbers.numel() - 1)
        plane, mass = cell // MASSES, self.masses.to(delta)[cell % MASSES]
        mass = mass * torch.exp((uniform[1] - 0.5) * self.step)
        warm = half_mode(values)
        if warm is not None:
            mask = mask & (uniform[4] < warm_suppression(mass, warm, FIELD_HALOES))
        scatter = torch.randn(mask.shape, generator=generator, dtype=delta.dtype, device=delta.device)
        radius, angle = self.options.radius * uniform[2].sqrt(), 2 * math.pi * uniform[3]
        haloes = self._effective(mass, plane, warm, scatter, mask)
        haloes = replace(haloes, x=radius * torch.cos(angle), y=radius * torch.sin(angle))
        order = torch.where(mask, mass, 0).argsort(dim=1, descending=True)[:, : int(mask.sum(dim=1).max())]
        return haloes.take(order), self._sheet(values)

    def mean_number(self, values: Mapping[str, Tensor]) -> Tensor:
        """Mean number (B, 1) of haloes, in warm dark matter where that is asked for."""
        return self._cells(values)[2].sum(dim=1, keepdim=True)

    def _cells(self, values: Mapping[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Slice and mass of every cell, (cells,) and (1, cells), and its mean number of haloes (B, cells)."""
        delta = values["delta_los"]
        plane = torch.arange(SLICES, device=delta.device).repeat_interleave(MASSES)
        mass = self.masses.to(delta).repeat(SLICES)[None]
        number, warm = delta * self.numbers.to(delta).view(1, -1), half_mode(values)
        return plane, mass, number if warm is None else number * warm_suppression(mass, warm, FIELD_HALOES)

    def _effective(self, mass: Tensor, plane: Tensor, warm: Tensor | None, scatter: Tensor, mask: Tensor) -> Haloes:
        """Haloes of the lens plane at the origin that stand for haloes of these masses and slices."""
        there = {name: values.to(mass)[plane] for name, values in self._planes.items()}
        c = self.concentrations(mass, plane)
        if warm is not None:
            c = c * warm_concentration(mass, warm, torch.from_numpy(self.redshifts).to(mass)[plane])
        c = c * 10 ** (self.options.concentration_scatter * scatter)
        zero = torch.zeros_like(c)
        haloes = haloes_from_mass(
            zero, zero, mass.expand_as(c), c, self.options.truncation, mask.expand_as(c), LensPlane(**there)
        )
        reduction, behind = self.reduction.to(mass)[plane], self.behind.to(mass.device)[plane]
        return replace(
            haloes, scale_radius=haloes.scale_radius / torch.where(behind, reduction, 1),
            convergence=haloes.convergence * reduction,
        )  # fmt: skip

    def _sheet(self, values: Mapping[str, Tensor]) -> Sheet:
        """The mean of the population."""
        plane, mass, number = self._cells(values)
        radius = torch.linspace(0, self.options.radius, 200, dtype=mass.dtype, device=mass.device)
        within = (radius / self.options.radius) ** 2
        if not self.options.negative_sheet:
            return Sheet(radius, within, mass.new_zeros(len(number), 1))
        warm = half_mode(values)
        halo = self._effective(mass, plane, warm, torch.zeros_like(mass), mass > 0)
        cylinder = tnfw_cylinder(self.options.radius / halo.scale_radius, halo.truncation)
        strength = 4 * halo.convergence * halo.scale_radius**2 * cylinder
        return Sheet(radius, within, (number * strength).sum(dim=1, keepdim=True))


def _coupling(redshift: float, lens: float, source: float) -> float:
    """D_12 D_s / (D_2 D_1s) of the nearer and the farther of lens and halo: 0 in the lens plane, 1 at the ends."""
    near, far = sorted((redshift, lens))
    between, whole = lens_plane(near, far), lens_plane(near, source)
    return between.distance_lens_source * whole.distance_source / (between.distance_source * whole.distance_lens_source)
