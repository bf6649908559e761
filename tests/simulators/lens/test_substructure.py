import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from darksieve.simulators.lens.cosmology import lens_plane
from darksieve.simulators.lens.substructure import (
    Haloes,
    haloes_from_mass,
    nfw_deflection,
    tnfw_coefficients,
    tnfw_deflection,
)

SCALE_RADIUS, ALPHA_RS = 0.1, 1e-3
CONVERGENCE = ALPHA_RS / (4 * SCALE_RADIUS * (1 - math.log(2)))
NFW = {0.01: 7.819173746546735e-05, 0.1: 4.096386118845193e-04, 1.0: 1e-3, 5.0: 7.79413516962145e-04}
TNFW = {
    0.01: 7.766130525266101e-05, 0.1: 4.04314975436932e-04, 1.0: 9.457846270051512e-04,
    5.0: 5.912710458715797e-04, 20.0: 1.864807217025921e-04,
}  # fmt: skip


def haloes(dtype=torch.float64, x=0.0, y=0.0, scale_radius=SCALE_RADIUS, convergence=CONVERGENCE, tau=6.0, mask=True):
    values = [torch.as_tensor(v, dtype=dtype).reshape(-1, 1) for v in (x, y, scale_radius, convergence, tau)]
    return Haloes(*values, mask=torch.as_tensor(mask).reshape(-1, 1))


def deflect(x, y, population):
    return tnfw_deflection(x, y, tnfw_coefficients(population))


def on_axis(radii, dtype, **options):
    x = torch.as_tensor(radii, dtype=torch.float64).mul(options.get("scale_radius", SCALE_RADIUS)).to(dtype)[None]
    return deflect(x, torch.zeros_like(x), haloes(dtype, **options))[0][0]


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 2e-9)])
def test_nfw_and_tnfw_deflections_have_the_frozen_values(columns, dtype, tolerance):
    x = torch.tensor([list(NFW)], dtype=torch.float64).mul(SCALE_RADIUS).to(dtype)
    nfw, _ = nfw_deflection(x, torch.zeros_like(x), *columns(SCALE_RADIUS, CONVERGENCE, dtype=dtype))
    assert nfw[0].tolist() == pytest.approx(list(NFW.values()), rel=tolerance)
    assert on_axis(list(TNFW), dtype).tolist() == pytest.approx(list(TNFW.values()), rel=tolerance)


@pytest.mark.parametrize(
    ("x", "mass"),
    [(0.1, 0.01240651901546516), (1, 0.29021667937959), (5, 0.90716593739482), (100, 1.17062062044114)],
)
def test_tnfw_mass_in_the_cylinder_has_the_frozen_values(x, mass):
    assert float(on_axis([x], torch.float64, scale_radius=1.0, convergence=0.25)) * x == pytest.approx(mass, rel=1e-9)


def test_total_mass_is_that_of_baltz_et_al():
    total = 1.17180492651771  # of 4 pi rho_s r_s^3, at tau = 6
    assert float(on_axis([1e5], torch.float64, scale_radius=1.0, convergence=0.25)) * 1e5 == pytest.approx(
        total, rel=1e-5
    )


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-9)])
@pytest.mark.parametrize("tau", [3.0, 6.0, 20.0])
def test_tnfw_deflection_equals_lenstronomy(rays, dtype, tolerance, tau):
    tnfw = pytest.importorskip("lenstronomy.LensModel.Profiles.tnfw").TNFW()
    x, y = rays(dtype)
    alpha_rs = 0.05  # a subhalo of some 1e10 M_sun
    ours = deflect(x, y, haloes(dtype, 0.9, 0.7, convergence=50 * CONVERGENCE, tau=tau))
    expected = tnfw.derivatives(
        x[0].double().numpy(), y[0].double().numpy(), Rs=SCALE_RADIUS, alpha_Rs=alpha_rs, r_trunc=tau * SCALE_RADIUS,
        center_x=0.9, center_y=0.7,
    )  # fmt: skip
    # lenstronomy itself is a Taylor series about x = 1
    outside = (torch.hypot(x - 0.9, y - 0.7)[0] / SCALE_RADIUS - 1).abs() > 0.011
    for component, theirs in zip(ours, expected):
        np.testing.assert_allclose(component[0][outside], theirs[outside.numpy()], rtol=0, atol=tolerance)


def test_tnfw_deflection_equals_caustics(rays):
    func = pytest.importorskip("caustics.lenses.func")
    x, y = rays()
    radius = torch.hypot(x - 0.9, y - 0.7)
    scale_radius, tau, unit = (torch.tensor(v, dtype=x.dtype) for v in (SCALE_RADIUS, 6.0, 1.0))
    mass = func.mass_enclosed_2d_tnfw(radius, scale_radius, tau, unit)
    expected = 4 * CONVERGENCE * SCALE_RADIUS**2 * mass / radius
    # caustics holds F(x) fixed within 1e-3 of x = 1
    outside = (radius / SCALE_RADIUS - 1).abs() > 1.1e-3
    ours = torch.hypot(*deflect(x, y, haloes(x=0.9, y=0.7)))
    assert torch.allclose(ours[outside], expected[outside], rtol=0, atol=1e-9)


def test_float32_keeps_its_accuracy_at_small_radii_and_around_one():
    radii = torch.cat([torch.logspace(-5, 1.5, 400, dtype=torch.float64), 1 + torch.logspace(-7, -1, 50).double()])
    radii = (radii * SCALE_RADIUS).float()[None]
    narrow = deflect(radii, torch.zeros_like(radii), haloes(torch.float32))[0]
    wide = deflect(radii.double(), torch.zeros_like(radii).double(), haloes(torch.float64))[0]
    assert float((narrow / wide - 1).abs().max()) < 3e-6


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("tau", [0.5, 1.0, 6.0, 100.0])
def test_tnfw_deflection_is_finite_everywhere_and_zero_at_the_centre(dtype, tau):
    deflection = on_axis([0.0, 1e-20, 1e-6, 1.0, 1e5], dtype, tau=tau, scale_radius=1.0)
    assert torch.isfinite(deflection).all()
    assert deflection[0] == 0


def test_tnfw_becomes_nfw_when_it_is_truncated_far_out(columns):
    x = torch.logspace(-2, 1, 50, dtype=torch.float64)[None] * SCALE_RADIUS
    nfw, _ = nfw_deflection(x, torch.zeros_like(x), *columns(SCALE_RADIUS, CONVERGENCE))
    assert torch.allclose(deflect(x, torch.zeros_like(x), haloes(tau=1e4))[0], nfw, rtol=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.floats(1.5, 50.0), st.floats(0.05, 8.0))
def test_half_the_divergence_of_tnfw_deflection_is_its_projected_density(tau, x):
    step = 1e-5 * x
    inner, outer = on_axis([x - step, x + step], torch.float64, scale_radius=1.0, convergence=0.5, tau=tau)
    convergence = float((outer * (x + step) - inner * (x - step)) / (4 * step * x))
    line_of_sight = np.sinh(np.linspace(0, 12, 20001))
    r = np.hypot(x, line_of_sight)
    density = tau**2 / (tau**2 + r**2) / (r * (1 + r) ** 2)
    assert convergence == pytest.approx(2 * 0.5 * np.trapezoid(density, line_of_sight), rel=1e-4)


def test_padding_changes_nothing_bit_for_bit(rays):
    x, y = rays(torch.float32)
    generator = torch.Generator().manual_seed(5)
    sample = torch.rand(6, 3, 9, generator=generator)
    sizes = torch.tensor([[4], [0], [2]])
    mask = torch.arange(9) < sizes
    padded = Haloes(sample[0], sample[1], sample[2] / 10 + 0.01, sample[3] / 10, 5 + sample[4], mask)
    rubbish = [torch.where(mask, v, torch.nan) for v in (padded.x, padded.y, padded.scale_radius, padded.convergence)]
    short = Haloes(*(tensor[:, :4] for tensor in vars(padded).values()))
    expected = deflect(x, y, short)
    for population in (padded, Haloes(*rubbish, padded.truncation, mask)):
        for component, theirs in zip(deflect(x, y, population), expected):
            assert torch.equal(component, theirs)
    assert not expected[0][1].any()


def test_deflection_of_a_population_is_the_sum_in_any_order(rays):
    x, y = rays(torch.float32)
    sample = torch.rand(4, 1, 20, generator=torch.Generator().manual_seed(5))
    mask = torch.ones(1, 20, dtype=torch.bool)
    forward = Haloes(sample[0], sample[1], sample[2] / 10 + 0.01, sample[3] / 20, torch.full((1, 20), 6.0), mask)
    backward = Haloes(*(tensor.flip(1) for tensor in vars(forward).values()))
    for one, other in zip(deflect(x, y, forward), deflect(x, y, backward)):
        assert torch.allclose(one, other, rtol=0, atol=1e-6)


def test_a_halo_holds_its_virial_mass():
    plane = lens_plane(0.5, 2.0)
    mass = torch.tensor([[1e9, 1e10]], dtype=torch.float64)
    population = haloes_from_mass(0 * mass, 0 * mass, mass, 15.0, 6.0, torch.ones_like(mass, dtype=torch.bool), plane)
    scale_radius = population.scale_radius / plane.arcsec_per_mpc
    central = population.convergence * plane.critical_surface_density / scale_radius
    within = 4 * math.pi * central * scale_radius**3 * (math.log(16) - 15 / 16)
    assert torch.allclose(within, mass, rtol=1e-12)
    virial = 15 * scale_radius
    assert torch.allclose(mass / (4 / 3 * math.pi * virial**3), torch.tensor(200 * plane.critical_density).double())


def test_a_halo_without_mass_deflects_nothing(rays):
    x, y = rays(torch.float32)
    mass = torch.zeros(1, 1)
    population = haloes_from_mass(mass, mass, mass, 15.0, 6.0, torch.ones(1, 1, dtype=torch.bool), lens_plane(0.5, 2.0))
    assert not torch.stack(deflect(x, y, population)).any()
