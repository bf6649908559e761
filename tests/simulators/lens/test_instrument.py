import math

import numpy as np
import pytest
import torch
from scipy.signal import fftconvolve

from darksieve.simulators.lens.instrument import Instrument, add_noise, convolve, gaussian_kernel, ray_grid


def number(value):
    return torch.tensor(value, dtype=torch.float64)


def test_rays_integrate_polynomials_over_every_pixel_exactly():
    x, y, weights = ray_grid(5, 0.1, 3)
    nothing = torch.zeros(1, dtype=torch.float64)
    instrument = Instrument(x, y, weights, nothing, nothing, nothing)
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


@pytest.mark.parametrize(
    ("rate", "background"), [(0.0, 0.01), (0.005, 0.01), (0.3, 0.01), (0.003, 0.001), (0.0, 0.0), (0.5, 0.0)]
)
def test_noise_has_the_mean_variance_and_skewness_of_poisson_plus_background(generator, rate, background):
    exposure, count = 1000.0, 400_000
    mean = torch.full((count // 400, 20, 20), rate, dtype=torch.float64)
    noise = (add_noise(mean, number(exposure), number(background), generator) - rate).flatten()
    variance = rate / exposure + background**2
    if variance == 0:
        assert not noise.any()
        return
    third = rate / exposure**2
    skewness = third / variance**1.5
    kurtosis = rate / exposure**3 / variance**2
    standard = noise / math.sqrt(variance)
    assert abs(float(standard.mean())) < 5 / math.sqrt(count)
    assert abs(float(standard.var()) - 1) < 5 * math.sqrt((2 + kurtosis) / count)
    assert abs(float((standard**3).mean()) - skewness) < 5 * math.sqrt((15 + 60 * kurtosis + 40 * skewness**2) / count)


def test_noise_follows_maps_of_exposure_and_background(generator):
    exposure = torch.tensor([[500.0, 2000.0]])
    background = torch.tensor([[0.02, 0.05]])
    noise = add_noise(torch.full((200_000, 1, 2), 0.4), exposure, background, generator) - 0.4
    expected = 0.4 / exposure[0] + background[0] ** 2
    assert torch.allclose(noise.var(dim=0)[0], expected, rtol=5 * math.sqrt(2 / 200_000))


def test_drizzled_noise_has_its_correlation_and_its_background_and_averages_the_photons(generator):
    exposure, background, correlation, count = 1000.0, 0.005, 0.3, 4000
    images = torch.full((count, 12, 12), 0.05, dtype=torch.float64)
    dark, lit = (
        add_noise(rate, number(exposure), number(background), generator, correlation) - rate
        for rate in (torch.zeros_like(images), images)
    )
    tolerance = 5 * math.sqrt(4 / dark.numel())  # neighbours are correlated: twice the variance of white noise
    assert float(dark.var()) / background**2 == pytest.approx(1, abs=tolerance * math.sqrt(2))
    for noise in (dark, lit):
        variance = float(noise.var())
        for neighbour in (noise[:, 1:] * noise[:, :-1], noise[..., 1:] * noise[..., :-1]):
            assert float(neighbour.mean()) / variance == pytest.approx(correlation, abs=tolerance)
        assert float((noise[:, 3:] * noise[:, :-3]).mean()) / variance == pytest.approx(0, abs=tolerance)
    # a kernel of unit sum lowers the photons' variance by its sum of squares; 0.3 needs (0.157, 1, 0.157)
    kernel = np.outer([0.157, 1, 0.157], [0.157, 1, 0.157])
    averaged = (kernel**2).sum() / kernel.sum() ** 2
    added = float(lit.var() - dark.var())
    assert added == pytest.approx(averaged * 0.05 / exposure, rel=tolerance * 2.5)


@pytest.mark.parametrize("background", [0.01, 0.001])
def test_negative_rates_stay_in_the_mean_and_add_no_photons(generator, background):
    rate = torch.full((1000, 8, 8), -0.003)
    noisy = add_noise(rate, torch.tensor(1000.0), torch.tensor(background), generator)
    assert float(noisy.mean()) == pytest.approx(-0.003, abs=5 * background / math.sqrt(64_000))
    assert float(noisy.std()) == pytest.approx(background, rel=0.02)


@pytest.mark.parametrize("background", [0.01, 0.001])
def test_the_generator_alone_decides_the_noise(background):
    rate = torch.rand(100, 8, 8)
    first, again, other = (
        add_noise(rate, torch.tensor(1000.0), torch.tensor(background), torch.Generator().manual_seed(seed))
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("background", [0.05, 0.001], ids=["normal", "counts"])
def test_error_of_the_model_is_a_share_of_the_light(generator, background):
    rate, exposure, share, count = 0.4, 1000.0, 0.15, 400_000
    mean = torch.full((count // 400, 20, 20), rate, dtype=torch.float64)
    noise = add_noise(mean, number(exposure), number(background), generator, model_error=share) - rate
    expected = rate / exposure + background**2 + (share * rate) ** 2
    assert float(noise.var()) / expected == pytest.approx(1, abs=5 * math.sqrt(2 / count))
