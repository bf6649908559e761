"""The options `subhaloes` and `line_of_sight` of `StrongLens`: every key, its default and what it means."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from darksieve.problem.section import Section
from darksieve.simulators.lens.halo_relations import CONCENTRATIONS

__all__ = ["LineOfSightOptions", "SubhaloOptions"]

MassRange = Annotated[list[float], Field(min_length=2, max_length=2)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class PopulationOptions(Section):
    """What both kinds of haloes have."""

    mass_range: MassRange = Field([1e6, 1e10], description="M200 of the haloes that are drawn [M_sun]")
    radius: Positive = Field(3.0, description="they lie within this angle of the centre of the image [arcsec]")
    concentration: float | str = Field(
        "dutton_maccio_2014", description=f"r200 / r_s: a number, or a relation: {', '.join(CONCENTRATIONS)}"
    )
    concentration_scatter: float = Field(0.0, ge=0, le=0.5, description="log-normal scatter of the concentration [dex]")
    negative_sheet: bool = Field(True, description="whether the mean convergence of the population is taken away again")
    maximum: int = Field(20000, ge=1, description="haloes an image at most; more of them are an error")

    @field_validator("mass_range")
    @classmethod
    def _rising(cls, value: list[float]) -> list[float]:
        if not 1e4 <= value[0] < value[1] <= 1e12:
            raise ValueError(f"{value}: give [low, high] from 1e4 to 1e12")
        return value

    @field_validator("concentration")
    @classmethod
    def _known(cls, value: float | str) -> float | str:
        if value not in CONCENTRATIONS and not (isinstance(value, float) and 1 < value < 1000):
            raise ValueError(f"{value!r}: give a number above 1 or one of {', '.join(CONCENTRATIONS)}")
        return value


class SubhaloOptions(PopulationOptions):
    """The option `subhaloes`.

    Of the normalisations, `f_sub` is the fraction of the host's mass in subhaloes from 1e6 M_sun to a hundredth of the
    host's, of which none is heavier (Brehmer et al. 2019, arXiv:1909.02005). The others are projected number densities
    in a unit of ln m at the mass that they name, of a host of 1e13 M_sun at z = 0.5, scaled with the host's mass and
    redshift as in Gilman et al. 2020 (arXiv:1909.02573).
    """

    normalisation: Literal["f_sub", "sigma_sub_at_1e8", "sigma_sub_at_1e10"] = Field(
        "sigma_sub_at_1e8", description="the parameter that sets their number; `beta` is the slope of dN / d ln m"
    )
    positions: Literal["uniform", "host"] = Field(
        "uniform", description="uniform in the disc, or as the projected mass of a host with a core of r200 / 10"
    )
    host_mass: Positive | Literal["velocity_dispersion"] = Field(
        1e13,
        description="M200 [M_sun], or from the Einstein radius by the relation to the velocity dispersion of Brehmer "
        "et al. 2019",
    )
    truncation: Positive | Literal["tidal"] = Field(
        6.0, description="tau = r_t / r_s, or from the mass and the distance from the host's centre"
    )


class LineOfSightOptions(PopulationOptions):
    """The option `line_of_sight`: its parameter `delta_los` scales the number of haloes."""

    truncation: Positive = Field(10.0, description="tau = r_t / r_s")
