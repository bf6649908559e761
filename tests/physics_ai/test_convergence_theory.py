"""Convergence maps: pixels hold the mass that lies in them, and couplings of parts tell universes apart."""

import numpy as np
import pytest
import torch

from darksieve.physics_ai.convergence_theory.maps import PIXEL_SCALE, PIXELS, draw_maps, mean_convergence, normalise
from darksieve.physics_ai.convergence_theory.study import part_couplings, significance, study
from darksieve.problem.theories import ConvergenceTheoryConfig
from darksieve.simulators.lens.substructure import Haloes, tnfw_cylinder


def test_pixels_hold_the_mass_of_a_halo():
    """The mass of a compact halo: 4 pi kappa_s r_s^2 times that of its cylinder, all within the map."""
    halo = {"x": 0.02, "y": -0.13, "scale_radius": 0.05, "convergence": 0.2, "truncation": 2.0}
    tensors = {name: torch.full((1, 1), value, dtype=torch.float64) for name, value in halo.items()}
    maps = mean_convergence(Haloes(**tensors, mask=torch.ones(1, 1, dtype=torch.bool)))
    half = 0.5 * PIXELS * PIXEL_SCALE
    within, around = (
        4 * np.pi * 0.2 * 0.05**2 * float(tnfw_cylinder(torch.full((1, 1), radius / 0.05), torch.full((1, 1), 2.0)))
        for radius in (half - 0.13, half * np.sqrt(2) + 0.13)
    )
    assert within < 1.03 * float(maps.sum()) * PIXEL_SCALE**2
    assert 0.97 * float(maps.sum()) * PIXEL_SCALE**2 < around
    assert np.unravel_index(maps[0].argmax(), (PIXELS, PIXELS)) == (4, 6)  # row y, column x


def test_warm_dark_matter_has_less_of_what_cold_has():
    cold, warm = draw_maps(100, None, 1), draw_maps(100, 8.5, 1)
    assert cold.shape == (100, PIXELS, PIXELS)
    assert cold.min() > 0.0
    assert warm.mean() < 0.8 * cold.mean()


def test_couplings_of_two_draws_agree_and_those_of_another_field_do_not():
    generator = np.random.default_rng(2)
    one, same, other = (generator.normal(size=(1600, 8, 8)) for _ in range(3))
    found = [part_couplings(fields) for fields in (one, same, normalise(np.exp(0.3 * other), 1.0, 0.1, generator))]
    assert np.abs(significance(found[0], found[1])).max() < 4.0  # 10 differences of 30 degrees of freedom: 0.4%
    assert np.abs(significance(found[0], found[2])).max() > 8.0
    assert found[0].mean(axis=0)[1] == pytest.approx(1.0, abs=0.05)


@pytest.mark.slow
def test_full_study_passes_its_bars():
    assert study(ConvergenceTheoryConfig())["passed"]
