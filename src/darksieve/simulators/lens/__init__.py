"""Galaxy-galaxy strong lenses: mass, substructure, light, the instrument, and the simulator made of them."""

from darksieve.simulators.lens.cosmology import LensPlane, lens_plane
from darksieve.simulators.lens.instrument import Instrument, convolve, gaussian_kernel, ray_grid
from darksieve.simulators.lens.light import sersic_brightness, sersic_coefficients, sersic_exponent
from darksieve.simulators.lens.mass import epl_coefficients, epl_deflection, epl_terms, shear_deflection
from darksieve.simulators.lens.noise import Noise
from darksieve.simulators.lens.strong_lens import StrongLens
from darksieve.simulators.lens.substructure import (
    Haloes,
    haloes_from_mass,
    nfw_deflection,
    tnfw_coefficients,
    tnfw_deflection,
)

__all__ = [
    "Haloes",
    "Instrument",
    "LensPlane",
    "Noise",
    "StrongLens",
    "convolve",
    "epl_coefficients",
    "epl_deflection",
    "epl_terms",
    "gaussian_kernel",
    "haloes_from_mass",
    "lens_plane",
    "nfw_deflection",
    "ray_grid",
    "sersic_brightness",
    "sersic_coefficients",
    "sersic_exponent",
    "shear_deflection",
    "tnfw_coefficients",
    "tnfw_deflection",
]
