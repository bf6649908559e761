"""Convergence maps of populations of subhaloes in cold or warm dark matter, as a noisy survey of the mass sees them."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from darksieve.simulators.lens.cosmology import lens_plane
from darksieve.simulators.lens.halo_options import SubhaloOptions
from darksieve.simulators.lens.matter import matter_field
from darksieve.simulators.lens.population import SubhaloPopulation
from darksieve.simulators.lens.substructure import Haloes, tnfw_coefficients, tnfw_deflection

__all__ = ["PIXELS", "PIXEL_SCALE", "draw_maps", "mean_convergence", "normalise"]

Floats = NDArray[np.float64]

REDSHIFTS = (0.5, 2.0)  # of lens and source
PIXELS, PIXEL_SCALE = 12, 0.1  # arcsec
OPTIONS = SubhaloOptions(mass_range=[1e7, 1e10], radius=1.5, negative_sheet=False)
DENSITY, SLOPE = 0.05, -0.9  # subhaloes a kpc^2 and unit of ln m at 1e8 M_sun; slope of their number
ROWS_AT_ONCE = 100


def draw_maps(number: int, log10_half_mode: float | None, seed: int) -> Floats:
    """Mean convergence (n, P, P) of the pixels of maps, without noise.

    `log10_half_mode` is the half-mode mass [log10 M_sun] of warm dark matter; without one it is cold.
    """
    population = SubhaloPopulation(OPTIONS, lens_plane(*REDSHIFTS), REDSHIFTS, matter_field())
    generator = torch.Generator().manual_seed(seed)
    values = {"beta": SLOPE, "sigma_sub_at_1e8": DENSITY}
    if log10_half_mode is not None:
        values["log10_m_hm"] = log10_half_mode
    parts = []
    for start in range(0, number, ROWS_AT_ONCE):
        shape = (min(ROWS_AT_ONCE, number - start), 1)
        drawn = {name: torch.full(shape, value, dtype=torch.float64) for name, value in values.items()}
        parts.append(mean_convergence(population.draw(drawn, generator)[0]))
    return torch.cat(parts).numpy()


def mean_convergence(haloes: Haloes) -> Tensor:
    """Mean convergence (B, P, P) of pixels: half the flux of the deflection through their sides, by the middle of each.

    Rows are y, columns x.
    """
    middles = (torch.arange(PIXELS, dtype=torch.float64) - 0.5 * (PIXELS - 1)) * PIXEL_SCALE
    edges = (torch.arange(PIXELS + 1, dtype=torch.float64) - 0.5 * PIXELS) * PIXEL_SCALE
    coefficients = tnfw_coefficients(haloes)

    def deflect(y: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        rows, columns = torch.meshgrid(y, x, indexing="ij")
        found = tnfw_deflection(columns.reshape(1, -1), rows.reshape(1, -1), coefficients)
        return found[0].reshape(-1, len(y), len(x)), found[1].reshape(-1, len(y), len(x))

    along_x, along_y = deflect(middles, edges)[0], deflect(edges, middles)[1]
    return (along_x.diff(dim=2) + along_y.diff(dim=1)) / (2.0 * PIXEL_SCALE)


def normalise(maps: Floats, unit: float, noise: float, generator: np.random.Generator) -> Floats:
    """Fields of mean zero and variance one: arsinh of the convergence in a unit, with white noise of so many units.

    Noise makes the density of a pixel smooth, which score matching needs; arsinh keeps rare massive haloes from
    outweighing all others.
    """
    fields = np.arcsinh(maps / unit + noise * generator.normal(size=maps.shape))
    return (fields - fields.mean()) / math.sqrt(fields.var())
