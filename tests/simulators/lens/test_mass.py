import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from darksieve.simulators.lens.mass import epl_coefficients, epl_deflection, epl_terms, shear_deflection

TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-9}
ellipticities = st.floats(-0.35, 0.35)
slopes = st.floats(1.4, 2.6)


def ellipticity(q, angle):
    modulus = (1 - q) / (1 + q)
    return modulus * math.cos(2 * angle), modulus * math.sin(2 * angle)


def deflect(x, y, parameters, **options):
    columns = [torch.as_tensor(p, dtype=x.dtype).reshape(-1, 1) for p in parameters]
    return epl_deflection(x, y, epl_coefficients(*columns, **options))


@pytest.mark.parametrize(
    ("slope", "expected_x", "expected_y"),
    [
        (1.8, (1.1297938, -0.58870419), (0.29353647, 1.16572746)),
        (2.0, (1.20034417, -0.60510590), (0.32113077, 1.20823224)),
        (2.2, (1.27330898, -0.62242291), (0.35186807, 1.25486132)),
    ],
)
def test_epl_deflection_has_the_frozen_values(slope, expected_x, expected_y):
    x, y = torch.tensor([[1.0, -0.4], [0.3, 0.9]], dtype=torch.float64).split(1)
    deflection = deflect(x, y, (1.3, slope, *ellipticity(0.75, 0.6), 0.03, -0.02))
    for component, expected in zip(deflection, (expected_x, expected_y)):
        assert component.flatten().tolist() == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("q", [0.3, 0.5, 0.8, 0.999])
@pytest.mark.parametrize("slope", [1.7, 2.0, 2.3])
def test_epl_deflection_equals_lenstronomy(rays, dtype, q, slope):
    epl = pytest.importorskip("lenstronomy.LensModel.Profiles.epl_numba").EPL_numba()
    x, y = rays(dtype)
    e1, e2 = ellipticity(q, 0.4)
    expected = epl.derivatives(
        x[0].double().numpy(), y[0].double().numpy(), theta_E=1.3, gamma=slope, e1=e1, e2=e2, center_x=0.1,
        center_y=-0.05,
    )  # fmt: skip
    for component, theirs in zip(deflect(x, y, (1.3, slope, e1, e2, 0.1, -0.05)), expected):
        np.testing.assert_allclose(component[0], theirs, rtol=0, atol=TOLERANCE[dtype] * max(1, np.abs(theirs).max()))


@pytest.mark.parametrize("slope", [1.7, 2.0, 2.3])
def test_epl_deflection_equals_caustics(rays, slope):
    caustics = pytest.importorskip("caustics.lenses.func")
    x, y = rays()
    q, angle = 0.6, 0.4
    expected = caustics.reduced_deflection_angle_epl(
        torch.tensor(0.1), torch.tensor(-0.05), torch.tensor(q, dtype=x.dtype), torch.tensor(angle, dtype=x.dtype),
        torch.tensor(1.3, dtype=x.dtype), torch.tensor(slope - 1, dtype=x.dtype), x, y, 60,
    )  # fmt: skip
    ours = deflect(x, y, (1.3, slope, *ellipticity(q, angle), float(torch.tensor(0.1)), float(torch.tensor(-0.05))))
    for component, theirs in zip(ours, expected):
        assert torch.allclose(component, theirs, rtol=0, atol=1e-9)


def test_shear_deflection_equals_lenstronomy(rays, columns):
    shear = pytest.importorskip("lenstronomy.LensModel.Profiles.shear").Shear()
    x, y = rays()
    expected = shear.derivatives(x[0].numpy(), y[0].numpy(), gamma1=0.03, gamma2=-0.02)
    for component, theirs in zip(shear_deflection(x, y, *columns(0.03, -0.02)), expected):
        np.testing.assert_allclose(component[0], theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_round_isothermal_lens_deflects_by_its_einstein_radius(rays, dtype):
    x, y = rays(dtype)
    assert torch.hypot(*deflect(x, y, (1.3, 2.0, 0.0, 0.0, 0.0, 0.0))) == pytest.approx(1.3, abs=1e-6)


@pytest.mark.parametrize("e1", [0.0, 0.2, 0.9, 3.0])
@pytest.mark.parametrize("slope", [1.2, 2.0, 2.9])
def test_epl_deflection_is_finite_everywhere_and_zero_at_the_centre(e1, slope):
    x = torch.tensor([[0.0, 1e-30, 1e-8, 1.0, 1e3]])
    deflection_x, deflection_y = deflect(x, torch.zeros_like(x), (1.0, slope, e1, 0.0, 0.0, 0.0))
    assert torch.isfinite(deflection_x).all()
    assert torch.isfinite(deflection_y).all()
    assert deflection_x[0, 0] == deflection_y[0, 0] == 0


@pytest.mark.parametrize("q", [0.2, 0.3, 0.5, 0.8, 1.0])
def test_series_is_as_long_as_the_docstring_promises(rays, q):
    x, y = rays()
    e = torch.tensor([[(1 - q) / (1 + q)]])
    parameters = (1.0, 2.6, float(e), 0.0, 0.0, 0.0)
    short = deflect(x, y, parameters, terms=int(epl_terms(e, 0 * e)))
    long = deflect(x, y, parameters, terms=300)
    scale = torch.hypot(*long)
    assert max(((a - b).abs() / scale).max() for a, b in zip(short, long)) < 4e-7
    assert epl_terms(torch.tensor([0.1111, 1 / 3, 0.5385]), torch.zeros(3)).tolist() == [7, 15, 26]


@settings(max_examples=30, deadline=None)
@given(slopes, ellipticities, ellipticities)
def test_half_the_divergence_of_epl_deflection_is_its_convergence(slope, e1, e2):
    x, y = torch.tensor([[0.7, -0.3, 1.5]]).double(), torch.tensor([[0.4, 0.9, -1.1]]).double()
    step, parameters = 1e-5, (1.3, slope, e1, e2, 0.1, -0.05)
    along_x = (deflect(x + step, y, parameters)[0] - deflect(x - step, y, parameters)[0]) / (2 * step)
    along_y = (deflect(x, y + step, parameters)[1] - deflect(x, y - step, parameters)[1]) / (2 * step)
    modulus, angle = math.hypot(e1, e2), math.atan2(e2, e1) / 2
    q, t = (1 - modulus) / (1 + modulus), slope - 1
    dx, dy = x - 0.1, y + 0.05
    major = math.cos(angle) * dx + math.sin(angle) * dy
    minor = math.cos(angle) * dy - math.sin(angle) * dx
    convergence = (2 - t) / 2 * (1.3 * math.sqrt(q) / torch.hypot(q * major, minor)) ** t
    assert torch.allclose((along_x + along_y) / 2, convergence, rtol=1e-6)


@settings(max_examples=30, deadline=None)
@given(slopes, ellipticities, ellipticities)
def test_a_lens_turned_by_ninety_degrees_deflects_turned_rays_alike(slope, e1, e2):
    x, y = torch.tensor([[0.7, -0.3, 1.5]]).double(), torch.tensor([[0.4, 0.9, -1.1]]).double()
    upright = deflect(x, y, (1.3, slope, e1, e2, 0.1, -0.05))
    turned = deflect(-y, x, (1.3, slope, -e1, -e2, 0.05, 0.1))
    assert torch.allclose(turned[0], -upright[1], atol=1e-12)
    assert torch.allclose(turned[1], upright[0], atol=1e-12)
    mirrored = deflect(x, -y, (1.3, slope, e1, -e2, 0.1, 0.05))
    assert torch.allclose(mirrored[1], -upright[1], atol=1e-12)


def test_a_batch_of_lenses_deflects_as_each_lens_alone(rays):
    x, y = rays(count=100)
    batch = ([1.0, 1.4], [1.9, 2.2], [0.1, -0.2], [0.0, 0.1], [0.0, 0.1], [0.1, 0.0])
    together = deflect(x, y, batch, terms=30)
    for lens in range(2):
        alone = deflect(x, y, [values[lens] for values in batch], terms=30)
        assert torch.equal(torch.stack(together)[:, lens], torch.stack(alone)[:, 0])
