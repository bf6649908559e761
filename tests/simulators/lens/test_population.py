import math

import numpy as np
import pytest
import torch
from scipy import stats

from darksieve.problem.errors import DarksieveError
from darksieve.simulators.lens.cosmology import lens_plane
from darksieve.simulators.lens.halo_options import LineOfSightOptions, SubhaloOptions
from darksieve.simulators.lens.halo_relations import (
    FIELD_HALOES,
    SUBHALOES,
    half_mode_mass,
    tidal_radius,
    warm_concentration,
    warm_suppression,
)
from darksieve.simulators.lens.line_of_sight import LineOfSightPopulation
from darksieve.simulators.lens.matter import matter_field
from darksieve.simulators.lens.population import ConcentrationTable, SubhaloPopulation
from darksieve.simulators.lens.substructure import tnfw_cylinder

REDSHIFTS = (0.5, 1.5)
LOW, HIGH = 1e7, 1e9


@pytest.fixture(scope="module")
def matter():
    return matter_field()


@pytest.fixture(scope="module")
def subhaloes(matter):
    """A population with these options."""

    def make(**options):
        options = {"mass_range": [LOW, HIGH], "concentration": 15.0} | options
        return SubhaloPopulation(SubhaloOptions(**options), lens_plane(*REDSHIFTS), REDSHIFTS, matter)

    return make


@pytest.fixture(scope="module")
def line_of_sight(matter):
    return LineOfSightPopulation(LineOfSightOptions(mass_range=[LOW, HIGH], radius=2.0), REDSHIFTS, matter)


def lenses(count, **values):
    values = {"beta": -0.9, "sigma_sub_at_1e8": 0.02} | values
    return {name: torch.full((count, 1), value, dtype=torch.float64) for name, value in values.items()}


def mass_of(haloes, plane, concentration=15.0):
    """M200 from the scale radius."""
    radius = haloes.scale_radius / plane.arcsec_per_mpc * concentration
    return 4 / 3 * math.pi * 200 * plane.critical_density * radius**3


@pytest.mark.parametrize(
    ("normalisation", "mass_range", "beta", "value", "expected"),
    [
        ("sigma_sub_at_1e8", [1e6, 1e10], -0.9, 0.025, 2372),
        ("sigma_sub_at_1e8", [1e7, 1e10], -0.9, 0.025, 298),
        ("sigma_sub_at_1e10", [1e7, 1e10], -0.87, 2e-3, 1265),
    ],
)
def test_mean_numbers_are_those_of_the_published_mass_functions(
    subhaloes, normalisation, mass_range, beta, value, expected
):
    # within 3.3 arcsec of a host of 1e13 M_sun at z = 0.5; an arcsec is 6.29 kpc
    population = subhaloes(normalisation=normalisation, mass_range=mass_range, radius=3.3)
    number = population.mean_number(lenses(1, beta=beta, **{normalisation: value}))
    assert float(number) == pytest.approx(expected, rel=3e-3)


def test_the_number_is_poisson_distributed(subhaloes, generator):
    population, values = subhaloes(), lenses(2000)
    haloes, _ = population.draw(values, generator)
    counts, mean = haloes.mask.sum(dim=1).double(), float(population.mean_number(values)[0])
    # seed 42; four standard errors of the mean and of the variance
    assert float(counts.mean()) == pytest.approx(mean, abs=4 * math.sqrt(mean / 2000))
    assert float(counts.var()) == pytest.approx(mean, rel=4 * math.sqrt(2 / 2000 + 1 / (2000 * mean)))


@pytest.mark.parametrize("half_mode", [None, 1e8])
@pytest.mark.parametrize("beta", [-1.5, -0.9, 0.0])
def test_masses_follow_the_mass_function(subhaloes, generator, half_mode, beta):
    population = subhaloes()
    warm = {} if half_mode is None else {"log10_m_hm": math.log10(half_mode)}
    haloes, _ = population.draw(lenses(40, beta=beta, **warm), generator)
    grid = np.geomspace(LOW, HIGH, 4000)
    density = grid**beta
    concentration = np.full_like(grid, 15.0)
    if half_mode is not None:
        mass, scale = torch.from_numpy(grid), torch.tensor(half_mode)
        density = density * warm_suppression(mass, scale, SUBHALOES).numpy()
        concentration *= warm_concentration(mass, scale, REDSHIFTS[0]).numpy()
    cumulative = np.concatenate([[0], np.cumsum(density[1:] + density[:-1])])
    radii = np.cbrt(grid) / concentration  # the scale radius rises with the mass
    drawn = haloes.scale_radius[haloes.mask].numpy()
    unit = population.plane.arcsec_per_mpc / np.cbrt(4 / 3 * math.pi * 200 * population.plane.critical_density)
    result = stats.kstest(drawn, lambda r: np.interp(r / unit, radii, cumulative / cumulative[-1]))
    assert len(drawn) > 1000
    assert result.pvalue > 1e-3  # one of a thousand seeds would fail


def test_f_sub_is_the_fraction_of_the_projected_host_mass(subhaloes, generator):
    host = 1e13
    population = subhaloes(normalisation="f_sub", mass_range=[1e6, 1e11], radius=3.0, host_mass=host)
    haloes, _ = population.draw(lenses(400, f_sub=0.1), generator)
    mass = (mass_of(haloes, population.plane) * haloes.mask).sum(dim=1)
    expected = 0.1 * float(population._host_mass_within(torch.full((1, 1), host, dtype=torch.float64)))
    assert float(mass.mean()) == pytest.approx(expected, abs=4 * float(mass.std()) / 20)
    assert 0.01 * host < expected / 0.1 < 0.2 * host


@pytest.mark.parametrize("positions", ["uniform", "host"])
def test_positions_follow_their_profile(subhaloes, generator, positions):
    population = subhaloes(positions=positions)
    haloes, sheet = population.draw(lenses(40), generator)
    radius = torch.hypot(haloes.x, haloes.y)[haloes.mask].numpy()
    # with one truncation for all, their mass lies as they do
    expected = stats.kstest(radius, lambda r: np.interp(r, sheet.radius.numpy(), sheet.within.numpy()))
    assert expected.pvalue > 1e-3
    assert radius.max() <= population.options.radius
    assert abs(float(haloes.x[haloes.mask].mean())) < 4 * radius.max() / 2 / math.sqrt(len(radius))


@pytest.mark.parametrize(
    "options",
    [
        {},
        pytest.param(
            {"positions": "host", "truncation": "tidal", "concentration_scatter": 0.15}, marks=pytest.mark.slow
        ),
    ],
)
@pytest.mark.parametrize("warm", [{}, {"log10_m_hm": 8.0}])
def test_population_and_sheet_have_no_mean_convergence(subhaloes, generator, options, warm):
    population = subhaloes(**options)
    haloes, sheet = population.draw(lenses(400, **warm), generator)
    # mean deflection around circles, that is the mean convergence within these
    for radius in (0.5, 1.5):
        x = torch.full((1, 1), radius, dtype=torch.float64)
        inside = _mean_within(haloes, radius)
        compensation = sheet.deflection(x, 0 * x)[0][:, 0] / radius
        mean, error = (inside + compensation).mean(), inside.std() / math.sqrt(400)
        assert inside.mean() > 10 * error
        # beyond the error of the mean: truncation by distance, and haloes that reach out of the disc
        assert abs(float(mean)) < 4 * float(error) + 0.02 * float(inside.mean())


def _mean_within(haloes, radius):
    """Mean convergence (B,) of haloes within a circle around the origin: the radial deflection, averaged over it."""
    angles = torch.arange(12, dtype=torch.float64) * 2 * math.pi / 12
    total = 0.0
    for angle in angles:
        dx, dy = radius * torch.cos(angle) - haloes.x, radius * torch.sin(angle) - haloes.y
        x = torch.hypot(dx, dy) / haloes.scale_radius
        strength = 4 * haloes.convergence * tnfw_cylinder(x, haloes.truncation) / x**2 * haloes.mask
        total = total + (strength * (dx * torch.cos(angle) + dy * torch.sin(angle))).nan_to_num().sum(dim=1)
    return total / 12 / radius


def test_more_haloes_than_allowed_are_an_error(subhaloes, generator):
    with pytest.raises(DarksieveError, match=r"option subhaloes.maximum: \d+ haloes in an image, 5 allowed"):
        subhaloes(maximum=5).draw(lenses(3), generator)


def test_scatter_of_the_concentration_is_log_normal(subhaloes, generator):
    population = subhaloes(concentration_scatter=0.1, mass_range=[1e8, 1.0001e8])
    haloes, _ = population.draw(lenses(20, sigma_sub_at_1e8=1e3), generator)
    radius = haloes.scale_radius[haloes.mask].log10()
    assert float(radius.std()) == pytest.approx(0.1, rel=4 / math.sqrt(2 * len(radius)))


def test_tidal_truncation_is_tighter_near_the_host():
    near, far = (tidal_radius(torch.tensor(1e7), torch.tensor(r)) for r in (10.0, 50.0))
    assert float(far) == pytest.approx(1.4)
    assert near < far


def test_suppression_and_half_mode_mass_have_the_published_values():
    mass, scale = torch.tensor([0.1, 1.0, 10.0]), torch.tensor(1.0)
    assert warm_suppression(mass, scale, SUBHALOES).tolist() == pytest.approx([0.154, 0.485, 0.979], abs=1e-3)
    assert warm_suppression(mass, scale, FIELD_HALOES).tolist() == pytest.approx([0.075, 0.339, 0.764], abs=1e-3)
    chain = {1.0: 1.90e10, 2.0: 1.88e9, 3.0: 4.88e8, 5.3: 7.34e7, 10.0: 8.9e6}  # by way of the transfer function
    assert half_mode_mass(torch.tensor(list(chain))).tolist() == pytest.approx(list(chain.values()), rel=0.06)
    assert float(warm_concentration(torch.tensor(1e12), torch.tensor(1e6), 0.0)) == pytest.approx(1, abs=1e-4)


def test_concentration_table_interpolates_the_relation(matter):
    table = ConcentrationTable("dutton_maccio_2014", [0.5], matter)
    assert float(table(torch.tensor(1e8))) == pytest.approx(15.20, rel=1e-3)


def test_line_of_sight_haloes_are_as_many_as_the_mass_function_says(line_of_sight, generator):
    values = {"delta_los": torch.full((500, 1), 1.5)}
    haloes, _ = line_of_sight.draw(values, generator)
    mean = float(line_of_sight.mean_number(values)[0])
    assert float(haloes.mask.sum(dim=1).double().mean()) == pytest.approx(mean, abs=4 * math.sqrt(mean / 500))
    warm, _ = line_of_sight.draw(values | {"log10_m_hm": torch.full((500, 1), 8.5)}, generator)
    assert warm.mask.sum() < 0.5 * haloes.mask.sum()


def test_haloes_at_the_lens_count_in_full_and_at_the_ends_not_at_all(line_of_sight):
    reduction, redshift = line_of_sight.reduction.numpy(), line_of_sight.redshifts
    nearest = np.abs(redshift - REDSHIFTS[0]).argmin()
    assert reduction[nearest] > 0.9
    assert reduction[0] < 0.1
    assert reduction[-1] < 0.1
    behind = redshift > REDSHIFTS[0]
    assert (np.diff(reduction[behind]) < 0).all()
    assert (np.diff(reduction[~behind]) > 0).all()


def test_line_of_sight_haloes_and_their_sheet_have_no_mean_convergence(line_of_sight, generator):
    haloes, sheet = line_of_sight.draw({"delta_los": torch.full((600, 1), 1.0, dtype=torch.float64)}, generator)
    inside = _mean_within(haloes, 1.0)
    compensation = sheet.deflection(torch.ones(1, 1).double(), torch.zeros(1, 1).double())[0][:, 0]
    error = float(inside.std()) / math.sqrt(600)
    assert inside.mean() > 10 * error
    assert abs(float((inside + compensation).mean())) < 4 * error + 0.02 * float(inside.mean())
