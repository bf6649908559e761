"""All populations of haloes of a simulator: their parameters, their draws for a batch of lenses, their deflection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from darksieve.problem.errors import DarksieveError
from darksieve.problem.section import read_config
from darksieve.problem.simulator import Description
from darksieve.simulators.lens.cosmology import lens_plane
from darksieve.simulators.lens.halo_field import HaloField
from darksieve.simulators.lens.halo_options import LineOfSightOptions, SubhaloOptions
from darksieve.simulators.lens.line_of_sight import LINE_OF_SIGHT, LineOfSightPopulation
from darksieve.simulators.lens.matter import matter_field
from darksieve.simulators.lens.population import NORMALISATIONS, SLOPE, WARM, Sheet, SubhaloPopulation
from darksieve.simulators.lens.substructure import Haloes

__all__ = ["DrawnHaloes", "Populations"]


@dataclass(frozen=True)
class DrawnHaloes:
    """The haloes (B, H) of a batch of lenses, and the sheets that make up for their mean."""

    haloes: Haloes
    sheets: tuple[Sheet, ...]

    def rows(self, rows: slice) -> DrawnHaloes:
        """Those of some of the lenses."""
        sheets = tuple(Sheet(sheet.radius, sheet.within, sheet.total[rows]) for sheet in self.sheets)
        return DrawnHaloes(self.haloes.rows(rows), sheets)


class Populations:
    """Subhaloes and haloes along the line of sight, as the options of a simulator ask for them.

    Parameters
    ----------
    subhaloes, line_of_sight : mapping, optional
        See `SubhaloOptions` and `LineOfSightOptions`.
    warm_dark_matter : str, optional
        `half_mode_mass` or `particle_mass`: the parameter that warm dark matter adds.
    redshifts : tuple of float
        Of lens and source.
    pixels, pixel_scale, supersampling : int, float, int
        Of the image.
    accuracy : float
        Root-mean-square error that is allowed of the deflection in an image [arcsec]; 0 sums all haloes at each ray.

    Raises
    ------
    DarksieveError
        If an option is not what it should be.
    """

    def __init__(
        self,
        subhaloes: Mapping[str, Any] | None,
        line_of_sight: Mapping[str, Any] | None,
        warm_dark_matter: str | None,
        redshifts: tuple[float, float],
        pixels: int,
        pixel_scale: float,
        supersampling: int,
        accuracy: float,
    ) -> None:
        self.descriptions: dict[str, Description] = {}
        self._redshifts, self._image, self._accuracy = redshifts, (pixels, pixel_scale, supersampling), accuracy
        self._options: dict[str, SubhaloOptions | LineOfSightOptions] = {}
        if subhaloes is not None:
            options = read_config(SubhaloOptions, _mapping(subhaloes, "subhaloes"), where="option subhaloes")
            self._options["subhaloes"] = options
            self.descriptions |= {options.normalisation: NORMALISATIONS[options.normalisation]} | SLOPE
        if line_of_sight is not None:
            option = _mapping(line_of_sight, "line_of_sight")
            self._options["line_of_sight"] = read_config(LineOfSightOptions, option, where="option line_of_sight")
            self.descriptions |= LINE_OF_SIGHT
        if warm_dark_matter is not None:
            if warm_dark_matter not in WARM or not self._options:
                raise DarksieveError(
                    f"{warm_dark_matter!r}", where="option warm_dark_matter",
                    mend=f"say {' or '.join(WARM)}, and give `subhaloes` or `line_of_sight`",
                )  # fmt: skip
            self.descriptions |= WARM[warm_dark_matter]

    def __bool__(self) -> bool:
        return bool(self._options)

    def draw(self, values: Mapping[str, Tensor], generator: torch.Generator) -> DrawnHaloes:
        """The haloes of lenses with these parameters (B, 1).

        Raises
        ------
        DarksieveError
            If there are more of them in an image than the options allow.
        """
        drawn = [population.draw(values, generator) for population in self.members.values()]
        names = [field.name for field in fields(Haloes)]
        together = {name: torch.cat([getattr(haloes, name) for haloes, _ in drawn], dim=1) for name in names}
        return DrawnHaloes(Haloes(**together), tuple(sheet for _, sheet in drawn))

    def deflection(self, drawn: DrawnHaloes, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Deflection (B, R) [arcsec] at the rays x, y (1, R) of the image."""
        deflection_x, deflection_y = self.field.deflection(drawn.haloes)
        for sheet in drawn.sheets:
            sheet_x, sheet_y = sheet.deflection(x, y)
            deflection_x += sheet_x
            deflection_y += sheet_y
        return deflection_x, deflection_y

    @cached_property
    def members(self) -> dict[str, SubhaloPopulation | LineOfSightPopulation]:
        """The populations by the name of their option, with their tables: astropy takes a second to load."""
        matter = matter_field()
        return {
            name: SubhaloPopulation(options, lens_plane(*self._redshifts), self._redshifts, matter)
            if isinstance(options, SubhaloOptions)
            else LineOfSightPopulation(options, self._redshifts, matter)
            for name, options in self._options.items()
        }

    @cached_property
    def field(self) -> HaloField:
        """Their deflection, to the accuracy asked for."""
        edges = [edge for population in self.members.values() for edge in population.truncations]
        extent = max(options.radius for options in self._options.values())
        return HaloField(*self._image, extent=extent, truncation=(min(edges), max(edges)), accuracy=self._accuracy)


def _mapping(option: object, name: str) -> Mapping[str, Any]:
    if not isinstance(option, Mapping):
        raise DarksieveError(f"{option!r}", where=f"option {name}", mend="give a mapping of its keys")
    return option
