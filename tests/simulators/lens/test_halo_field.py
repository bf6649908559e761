import math
from functools import cache

import pytest
import torch

from darksieve.simulators.lens.cosmology import lens_plane
from darksieve.simulators.lens.halo_field import HaloField, lagrange_weights
from darksieve.simulators.lens.substructure import Haloes, haloes_from_mass, tnfw_cylinder, tnfw_total

PIXELS, SCALE, POINTS, EXTENT = 32, 0.05, 2, 1.2


def draw(count, batch=1, low=1e6, high=1e10, tau=(6.0, 6.0), seed=1, dtype=torch.float32):
    """Haloes of dN / d ln m ~ m^-0.9 with scattered concentrations, some of them outside the frame."""
    u = torch.rand(5, batch, count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    mass = (low**-0.9 + u[0] * (high**-0.9 - low**-0.9)) ** (-1 / 0.9)
    concentration = 15 * (mass / 1e8) ** -0.09 * 10 ** (0.2 * (u[3] - 0.5))
    truncation = tau[0] * (tau[1] / tau[0]) ** u[4]
    x, y = (2 * u[1:3] - 1) * EXTENT
    haloes = haloes_from_mass(x, y, mass, concentration, truncation, mass > 0, lens_plane(0.5, 2.0))
    return Haloes(**{n: t.to(dtype) if t.is_floating_point() else t for n, t in vars(haloes).items()})


@cache
def field(accuracy, tau=(6.0, 6.0)):
    return HaloField(PIXELS, SCALE, POINTS, EXTENT, tau, accuracy)


def rms(difference):
    return float(difference.square().sum(dim=0).mean(dim=-1).max().sqrt())


@pytest.mark.parametrize("accuracy", [2e-5, 5e-5])
@pytest.mark.parametrize(
    ("count", "tau"),
    [
        (20, (6.0, 6.0)),
        (600, (6.0, 6.0)),
        pytest.param(200, (3.0, 12.0), marks=pytest.mark.slow),
        pytest.param(600, (1.0, 64.0), marks=pytest.mark.slow),
    ],
)
def test_deflection_of_1e6_to_1e10_solar_masses_is_as_accurate_as_asked_for(accuracy, count, tau):
    haloes = draw(count, tau=tau)
    wrong = field(accuracy, tau).deflection(haloes) - field(0.0, tau).deflection(haloes)
    # of the whole vector: an upper limit, not a statistical one
    assert rms(wrong) < accuracy


def test_more_accuracy_is_less_error():
    haloes = draw(600)
    exact = field(0.0).deflection(haloes)
    errors = [rms(field(accuracy).deflection(haloes) - exact) for accuracy in (5e-5, 2e-5)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.8 * errors[0]


def test_a_batch_equals_its_single_fields():
    batch = draw(200, batch=3)
    calculator = field(2e-5)
    together = calculator.deflection(batch)
    alone = torch.cat([calculator.deflection(batch.rows(slice(i, i + 1))) for i in range(3)], dim=1)
    # which haloes are summed and which transformed depends on the batch
    assert rms(together - alone) < 4e-5


def test_padding_changes_nothing_but_rounding():
    haloes = draw(200)
    rubbish = Haloes(**{n: torch.cat([t, t], dim=1) for n, t in vars(haloes).items()})
    rubbish.mask[:, 200:] = False
    rubbish.scale_radius[:, 200:] = 0.0
    calculator = field(2e-5)
    assert torch.allclose(calculator.deflection(rubbish), calculator.deflection(haloes), rtol=0, atol=1e-6)


def test_an_empty_population_deflects_nothing():
    nothing = Haloes(**{n: t[:, :0] for n, t in vars(draw(3)).items()})
    assert not field(2e-5).deflection(nothing).any()
    masked = draw(40)
    masked.mask[:] = False
    assert not field(2e-5).deflection(masked).any()


def test_cubic_interpolation_is_exact_for_cubics():
    fraction = torch.linspace(0, 1, 7, dtype=torch.float64)
    weights = lagrange_weights(fraction)
    nodes = torch.arange(-1, 3, dtype=torch.float64)[:, None]
    for power in range(4):
        assert torch.allclose((weights * nodes**power).sum(dim=0), fraction**power)


@pytest.mark.parametrize("tau", [1.0, 6.0, 40.0])
def test_the_cylinder_grows_to_the_total_mass(tau):
    truncation = torch.tensor([[tau]], dtype=torch.float64)
    radii = torch.tensor([[0.1, 1.0, 10.0, 1e4]], dtype=torch.float64)
    cylinder = tnfw_cylinder(radii, truncation)[0]
    assert (cylinder.diff() > 0).all()
    assert float(cylinder[-1]) == pytest.approx(float(tnfw_total(truncation)), rel=1e-2)
    assert float(tnfw_cylinder(radii[:, 1:2], truncation)) == pytest.approx(cylinder[1].item())


def test_total_mass_at_tau_6_is_that_of_baltz_et_al():
    assert float(tnfw_total(torch.tensor(6.0, dtype=torch.float64))) == pytest.approx(1.17180492651771, rel=1e-12)
    assert math.isfinite(float(tnfw_total(torch.tensor(1.0))))
