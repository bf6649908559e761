import math

import numpy as np
import pytest
import torch
from scipy.signal import fftconvolve

from darksieve.simulators.lens.instrument import Instrument, convolve, gaussian_kernel, ray_grid


def number(value):
    return torch.tensor(value, dtype=torch.float64)


def test_rays_integrate_polynomials_over_every_pixel_exactly():
    x, y, weights = ray_grid(5, 0.1, 3)
    instrument = Instrument(x, y, weights, psf=torch.ones(1, 1))
    flux = instrument.integrate(x**5 * y**4)[0]
    edges = (np.arange(6) - 2.5) * 0.1
    expected = np.outer(np.diff(edges**5) / 5, np.diff(edges**6) / 6)
    np.testing.assert_allclose(flux, expected, rtol=1e-10, atol=1e-18)
    assert float(weights.sum()) == pytest.approx(0.01)


def test_x_grows_with_the_column_and_y_with_the_row():
    x, y, _ = ray_grid(4, 0.5, 1)
    assert x.view(4, 4)[0].tolist() == [-0.75, -0.25, 0.25, 0.75]
    assert y.view(4, 4)[:, 0].tolist() == [-0.75, -0.25, 0.25, 0.75]


@pytest.mark.parametrize(("fwhm", "side"), [(0.1, 9), (0.02, 3), (0.3, 23)])
def test_gaussian_kernel_is_odd_normalised_and_as_wide_as_asked(fwhm, side):
    kernel = gaussian_kernel(fwhm, 0.05)
    assert kernel.shape == (side, side)
    assert float(kernel.sum()) == pytest.approx(1)
    assert torch.equal(kernel, kernel.flip(0))
    if fwhm >= 0.1:
        offsets = torch.arange(side, dtype=torch.float64) - side // 2
        sigma = float((kernel.sum(0) * offsets**2).sum().sqrt()) * 0.05
        assert sigma * math.sqrt(8 * math.log(2)) == pytest.approx(fwhm, rel=2e-3)


@pytest.mark.parametrize(("pixels", "side"), [(8, 7), (9, 9), (16, 3), (16, 1), (64, 21)])
def test_convolution_equals_scipy(generator, pixels, side):
    images = torch.rand(3, pixels, pixels, generator=generator, dtype=torch.float64)
    kernel = torch.rand(side, side, generator=generator, dtype=torch.float64)
    expected = [fftconvolve(image, kernel, mode="same") for image in images.numpy()]
    np.testing.assert_allclose(convolve(images, kernel), expected, atol=1e-12)


def test_convolution_conserves_the_flux_of_an_image_with_dark_edges(generator):
    images = torch.zeros(70, 32, 32)
    images[:, 8:24, 8:24] = torch.rand(70, 16, 16, generator=generator)
    blurred = convolve(images, gaussian_kernel(0.15, 0.05).float())
    assert torch.allclose(blurred.sum((1, 2)), images.sum((1, 2)), rtol=1e-5)
