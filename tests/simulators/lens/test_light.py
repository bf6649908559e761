import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gammaincinv

from darksieve.simulators.lens.light import sersic_brightness, sersic_coefficients, sersic_exponent


def brightness(x, y, parameters):
    columns = [torch.as_tensor(p, dtype=x.dtype).reshape(-1, 1) for p in parameters]
    return sersic_brightness(x, y, sersic_coefficients(*columns))


def flux_of_effective_brightness(effective, radius, index):
    """Total flux of a profile whose surface brightness at the effective radius is given."""
    b = float(sersic_exponent(torch.tensor(index, dtype=torch.float64)))
    return effective * 2 * math.pi * index * radius**2 * math.exp(b) * b ** (-2 * index) * math.gamma(2 * index)


@pytest.mark.parametrize(("index", "tolerance"), [(0.5, 4e-4), (1.0, 3e-5), (2.5, 1e-6), (4.0, 1e-6), (8.0, 1e-6)])
def test_exponent_makes_the_effective_radius_hold_half_of_the_light(index, tolerance):
    b = float(sersic_exponent(torch.tensor(index, dtype=torch.float64)))
    assert b == pytest.approx(gammaincinv(2 * index, 0.5), rel=tolerance)


def test_sersic_brightness_has_the_frozen_value():
    # the reference has b_n = 1.9992 n - 0.3271, which is translated: b_n scales the logarithm of the profile
    x, y = torch.tensor([[0.3]], dtype=torch.float64), torch.tensor([[0.2]], dtype=torch.float64)
    flux = flux_of_effective_brightness(1.0, 0.25, 1.5)
    value = float(brightness(x, y, (flux, 0.25, 1.5, 0.1, -0.05, 0.0, 0.0)))
    b = float(sersic_exponent(torch.tensor(1.5, dtype=torch.float64)))
    assert value ** ((1.9992 * 1.5 - 0.3271) / b) == pytest.approx(0.45630294, rel=1e-7)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-10)])
@pytest.mark.parametrize("index", [0.5, 1.0, 2.5, 4.0, 8.0])
def test_sersic_brightness_equals_lenstronomy(rays, dtype, tolerance, index):
    sersic = pytest.importorskip("lenstronomy.LightModel.Profiles.sersic").SersicElliptic()
    x, y = (coordinate / 3 for coordinate in rays(dtype))
    e1, e2 = 0.2, -0.1
    ours = brightness(x, y, (flux_of_effective_brightness(1.0, 0.4, index), 0.4, index, e1, e2, 0.05, 0.02))[0]
    theirs = sersic.function(
        x[0].double().numpy(), y[0].double().numpy(), amp=1.0, R_sersic=0.4, n_sersic=index, e1=e1, e2=e2,
        center_x=0.05, center_y=0.02,
    )  # fmt: skip
    b = float(sersic_exponent(torch.tensor(index, dtype=torch.float64)))
    translated = theirs ** (b / (1.9992 * index - 0.3271))
    np.testing.assert_allclose(ours, translated, rtol=tolerance, atol=1e-30)


@pytest.mark.parametrize("index", [0.5, 1.0, 4.0])
def test_total_flux_is_the_parameter_flux(index):
    radius = torch.sinh(torch.linspace(0, 14, 200001, dtype=torch.float64))[None] * 1e-3
    profile = brightness(radius, torch.zeros_like(radius), (7.0, 0.3, index, 0.0, 0.0, 0.0, 0.0))[0]
    total = torch.trapezoid(2 * math.pi * radius[0] * profile, radius[0])
    assert float(total) == pytest.approx(7.0, rel=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("index", [0.5, 1.0, 4.0, 8.0])
def test_brightness_is_finite_and_positive_from_the_centre_to_far_away(dtype, index):
    x = torch.tensor([[0.0, 1e-20, 1e-3, 1.0, 100.0]], dtype=dtype)
    profile = brightness(x, torch.zeros_like(x), (10.0, 0.2, index, 0.0, 0.0, 0.0, 0.0))[0]
    assert torch.isfinite(profile).all()
    assert (profile > 0).all()
    assert (profile.diff() <= 0).all()


@settings(max_examples=30, deadline=None)
@given(st.floats(0.5, 8.0), st.floats(-0.4, 0.4), st.floats(-0.4, 0.4))
def test_a_galaxy_turned_by_ninety_degrees_shines_alike(index, e1, e2):
    x, y = torch.tensor([[0.2, -0.1, 0.5]]).double(), torch.tensor([[0.1, 0.3, -0.4]]).double()
    upright = brightness(x, y, (5.0, 0.3, index, e1, e2, 0.1, -0.05))
    turned = brightness(-y, x, (5.0, 0.3, index, -e1, -e2, 0.05, 0.1))
    assert torch.allclose(turned, upright, rtol=1e-9)
