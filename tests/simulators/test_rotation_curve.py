import math
import warnings

import numpy as np
import pytest
import torch
from astropy import units
from scipy.integrate import quad

from darksieve.problem.errors import DarksieveError
from darksieve.simulators.rotation_curve import (
    HALOES,
    RotationCurve,
    accelerated_velocity,
    burkert_velocity,
    isothermal_velocity,
    mean_concentration,
    nfw_velocity,
)

R200 = 150.0 / 0.73  # kpc, of 150 km / s
CORE = 7.0  # kpc
DENSITIES = {
    "nfw": (nfw_velocity, R200 / CORE, lambda y: 1 / (y * (1 + y) ** 2)),
    "burkert": (burkert_velocity, CORE, lambda y: 1 / ((1 + y) * (1 + y**2))),
    "isothermal": (isothermal_velocity, CORE, lambda y: 1 / (1 + y**2)),
}
VALUES = {
    "log10_v200": 2.1, "log10_c200_excess": 0.05, "log10_core_radius": 0.8, "acceleration_scale": 1.2,
    "log10_ml_disc": -0.3, "log10_ml_bulge": -0.15,
}  # fmt: skip


def number(value):
    return torch.tensor(value, dtype=torch.float64)


@pytest.fixture
def make(data_file):
    files = {"curves": data_file("Rotmod_LTG.zip"), "table": data_file("MasterSheet_SPARC.mrt")}
    return lambda galaxy="NGC3198", halo="nfw": RotationCurve(galaxy=galaxy, halo=halo, **files)


def rotate(simulator, **changed):
    """The rotation curve at usual values, some of them changed, (points,)."""
    galaxy = simulator.galaxy
    values = VALUES | {"distance": galaxy.distance, "inclination": galaxy.inclination} | changed
    z = torch.tensor([[values[name] for name in simulator.parameters]], dtype=torch.float64)
    return simulator.simulate(z, torch.Generator())["velocity"][0].numpy()


@pytest.mark.parametrize("halo", DENSITIES)
@pytest.mark.parametrize("radius", [0.1, 5.0, 60.0, R200])
def test_haloes_have_the_mass_of_their_density(halo, radius):
    velocity, shape, density = DENSITIES[halo]

    def mass(edge):
        return quad(lambda y: y**2 * density(y), 0, edge / CORE, epsrel=1e-10)[0]

    expected = 150.0**2 * mass(radius) / mass(R200) * R200 / radius
    found = velocity(number(radius), number(150.0), number(shape))
    assert float(found) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("v200", [40.0, 100.0, 250.0])
def test_mean_concentration_is_that_of_colossus(v200):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from colossus.cosmology import cosmology
        from colossus.halo import concentration
    cosmology.setCosmology("planck13")
    mass = v200**3 / (10 * 0.073 * 4.30091e-6) * 0.73  # solar masses / h
    expected = concentration.concentration(mass, "200c", 0.0, model="dutton14")
    # to 0.1%: they interpolate in redshift, and their constants have six digits
    assert float(mean_concentration(number(v200))) == pytest.approx(float(expected), rel=1e-3)


def test_weak_accelerations_give_the_baryonic_tully_fisher_relation():
    """V^4 = G M g: the limit of the radial acceleration relation; strong ones give Newton's law."""
    baryons = number(1.0)  # (km / s)^2 at 1000 kpc
    scale = (1.2e-10 * units.m / units.s**2).to_value(units.km**2 / units.s**2 / units.kpc)
    found = accelerated_velocity(number(1000.0), baryons, number(1.2))
    assert float(found) ** 2 == pytest.approx(1.0 * 1000.0 * scale, rel=0.01)
    assert float(accelerated_velocity(number(0.01), number(300.0**2), number(1.2))) == pytest.approx(300.0**2)


@pytest.mark.parametrize("halo", HALOES)
def test_inclination_scales_the_curve_as_it_was_corrected(make, halo):
    simulator = make(halo=halo)
    ratio = math.sin(math.radians(60.0)) / math.sin(math.radians(simulator.galaxy.inclination))
    np.testing.assert_allclose(rotate(simulator, inclination=60.0), ratio * rotate(simulator), rtol=1e-12)


def test_distance_scales_radii_and_the_mass_of_baryons(make):
    simulator = make()
    distance, curve = 1.3 * simulator.galaxy.distance, simulator.curve
    v200, c200 = number(10**2.1), mean_concentration(number(10**2.1)) * 10**0.05
    halo = nfw_velocity(1.3 * torch.from_numpy(curve.radius), v200, c200).numpy()
    baryons = curve.gas * abs(curve.gas) + 10**-0.3 * curve.disc**2
    expected = np.sqrt(1.3 * baryons + halo)
    np.testing.assert_allclose(rotate(simulator, distance=distance), expected, rtol=1e-10)


def test_bulge_counts_where_there_is_one(make):
    assert "log10_ml_bulge" not in make().parameters
    simulator = make("NGC7331")
    more = rotate(simulator, log10_ml_bulge=0.0) ** 2 - rotate(simulator) ** 2
    np.testing.assert_allclose(more, (1 - 10**-0.15) * simulator.curve.bulge**2, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("halo", HALOES)
def test_gas_that_pulls_outwards_leaves_the_curve_and_its_gradient_finite(make, halo):
    simulator = make("UGC01281", halo)
    assert simulator.curve.gas[0] < -5
    values = VALUES | {"distance": 5.0, "inclination": 88.0, "log10_ml_disc": -3.0, "log10_v200": 1.0}
    z = torch.tensor([[values[name] for name in simulator.parameters]], dtype=torch.float64, requires_grad=True)
    velocity = simulator.simulate(z, torch.Generator())["velocity"]
    (gradient,) = torch.autograd.grad(velocity.sum(), z)
    assert torch.isfinite(velocity).all()
    assert torch.isfinite(gradient).all()


def test_noise_and_likelihood_have_the_published_errors(make):
    """Chi-squared of 4000 draws about their signal: a mean of N to five standard errors, sqrt(2 N / 4000)."""
    simulator = make()
    signal = {"velocity": torch.from_numpy(rotate(simulator)).expand(4000, -1)}
    draws = simulator.observe(signal, torch.Generator().manual_seed(1))
    x = {"velocity": signal["velocity"][0]}
    chi_squared, n = -2 * simulator.log_likelihood(x, draws), len(simulator.curve.radius)
    assert float(chi_squared.mean()) == pytest.approx(n, abs=5 * (2 * n / 4000) ** 0.5)


def test_options_that_make_no_sense_are_one_line(make):
    with pytest.raises(DarksieveError, match=r"option halo: 'einasto'; write one of nfw, burkert, isothermal, mond"):
        make(halo="einasto")
    with pytest.raises(DarksieveError, match="no galaxy 'NGC319'"):
        make("NGC319")
