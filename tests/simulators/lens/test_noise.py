import math

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal, norm

from darksieve.problem.errors import DarksieveError
from darksieve.simulators.lens import StrongLens
from darksieve.simulators.lens.noise import ModelError, Noise, read_model_error

PIXELS, EXPOSURE = 7, 1000.0
TAPS = torch.tensor([0.3, 0.7, 1.0, 0.7, 0.3], dtype=torch.float64)
LIGHT = torch.linspace(0.0, 0.6, PIXELS**2, dtype=torch.float64).reshape(PIXELS, PIXELS)
KNOTS = ModelError(0.3, LIGHT, TAPS / TAPS.square().sum().sqrt())


def number(value):
    return torch.tensor(value, dtype=torch.float64)


@pytest.fixture
def images():
    """An image, four expected ones with some negative pixels, a background map and a mask."""
    generator = np.random.default_rng(1)
    image, background = generator.normal(size=(2, PIXELS, PIXELS))
    rate = generator.normal(0.3, 0.3, size=(4, PIXELS, PIXELS))
    used = generator.random((PIXELS, PIXELS)) < 0.7
    return [torch.from_numpy(a) for a in (0.3 + 0.1 * image, rate, 0.08 + 0.02 * np.abs(background), used)]


def smoothing(weight):
    """White noise on a padded grid to correlated noise of unit variance, as a matrix."""
    along = np.zeros((PIXELS, PIXELS + 2))
    for pixel in range(PIXELS):
        along[pixel, pixel : pixel + 3] = weight, 1, weight
    return np.kron(along, along) / (1 + 2 * weight**2)


@pytest.mark.parametrize("masked", [False, True])
def test_white_noise_is_a_sum_over_pixels(images, masked):
    image, rate, background, used = images
    found = Noise(number(EXPOSURE), background).log_likelihood(image, rate, used if masked else None)
    deviation = np.sqrt(background.numpy() ** 2 + np.maximum(rate.numpy(), 0) / EXPOSURE)
    terms = norm.logpdf(image.numpy(), rate.numpy(), deviation)
    np.testing.assert_allclose(found, (terms * (used.numpy() if masked else 1)).sum(axis=(1, 2)), rtol=1e-12)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("correlation", "model_error"), [(0.1, 0.0), (0.3, 0.0), (0.5, 0.0), (0.3, 0.2)])
def test_correlated_noise_is_one_normal_distribution(images, correlation, model_error, masked):
    """Against the dense covariance of the pixels used; those that are masked are integrated out."""
    image, rate, background, used = images
    found = Noise(number(EXPOSURE), background, correlation, ModelError(model_error)).log_likelihood(
        image, rate, used if masked else None
    )
    weight = (1 - math.sqrt(1 - 2 * correlation**2)) / (2 * correlation)
    root = smoothing(weight)
    averaging = (1 + 2 * weight**2) ** 2 / (1 + 2 * weight) ** 4  # of the photons by a kernel of unit sum
    chosen = used.numpy().ravel() if masked else np.ones(PIXELS**2, bool)
    for value, expected in zip(found, rate.numpy()):
        photons = averaging * np.maximum(expected, 0) / EXPOSURE
        deviation = np.sqrt(background.numpy() ** 2 + photons + (model_error * expected) ** 2).ravel()
        covariance = (root @ root.T * np.outer(deviation, deviation))[np.ix_(chosen, chosen)]
        direct = multivariate_normal(expected.ravel()[chosen], covariance).logpdf(image.numpy().ravel()[chosen])
        assert float(value) == pytest.approx(direct, rel=1e-10)


@pytest.mark.parametrize(
    ("correlation", "model_error"),
    [(0.0, ModelError()), (0.3, ModelError()), (0.3, ModelError(0.2)), (0.3, KNOTS), (0.0, KNOTS)],
    ids=["white", "drizzled", "error", "correlated error", "correlated error alone"],
)
def test_noise_of_the_simulator_has_this_density(correlation, model_error, generator):
    """The mean of exp(ln p(x|b) - ln p(x|a)) over x drawn from a is one."""
    first = torch.full((1, PIXELS, PIXELS), 0.3, dtype=torch.float64)
    both = torch.cat([first, first + 0.01 * torch.randn(first.shape, generator=generator, dtype=torch.float64)])
    noise = Noise(number(EXPOSURE), number(0.08), correlation, model_error)
    draws = noise.add(first.expand(4000, -1, -1), generator)
    log_densities = torch.stack([noise.log_likelihood(x, both) for x in draws])
    ratio = torch.exp(log_densities[:, 1] - log_densities[:, 0])
    assert float(ratio.std()) > 0.1
    assert float(ratio.mean()) == pytest.approx(1.0, abs=5 * float(ratio.std()) / math.sqrt(4000))


def dense_covariance(rate, background, correlation):
    """Covariance (N, N) of noise with the error `KNOTS`, from the matrices that smooth white noise."""
    weight = (1 - math.sqrt(1 - 2 * correlation**2)) / (2 * correlation)
    along = np.zeros((PIXELS, PIXELS + 4))
    for pixel in range(PIXELS):
        along[pixel, pixel : pixel + 5] = KNOTS.taps
    knots = np.kron(along, along)
    averaging = (1 + 2 * weight**2) ** 2 / (1 + 2 * weight) ** 4

    def detector(light):
        return averaging * np.maximum(light, 0) / EXPOSURE + background**2

    light, error = LIGHT.numpy(), (0.3 * LIGHT.numpy()) ** 2
    share = (error / (detector(light) + error)).ravel()
    smooth = smoothing(weight)
    parts = ((np.sqrt(1 - share), smooth @ smooth.T), (np.sqrt(share), knots @ knots.T))
    together = sum(np.outer(amount, amount) * matrix for amount, matrix in parts)
    deviation = np.sqrt(detector(rate) + error).ravel()
    return together * np.outer(deviation, deviation)


@pytest.mark.parametrize("masked", [False, True])
def test_correlated_error_of_the_model_is_one_normal_distribution_with_the_noise(images, masked):
    image, rate, background, used = images
    found = Noise(number(EXPOSURE), background, 0.3, KNOTS).log_likelihood(image, rate, used if masked else None)
    chosen = used.numpy().ravel() if masked else np.ones(PIXELS**2, bool)
    for value, expected in zip(found, rate.numpy()):
        covariance = dense_covariance(expected, background.numpy(), 0.3)[np.ix_(chosen, chosen)]
        direct = multivariate_normal(expected.ravel()[chosen], covariance).logpdf(image.numpy().ravel()[chosen])
        assert float(value) == pytest.approx(direct, rel=1e-10)


def test_correlated_error_of_the_model_is_drawn_with_its_covariance(generator):
    count = 40_000
    noise = Noise(number(EXPOSURE), number(0.08), 0.3, KNOTS)
    drawn = (noise.add(LIGHT.expand(count, -1, -1), generator) - LIGHT).flatten(1).numpy()
    expected = dense_covariance(LIGHT.numpy(), np.full((PIXELS, PIXELS), 0.08), 0.3)
    scale = np.sqrt(np.outer(expected.diagonal(), expected.diagonal()))
    assert np.abs((np.cov(drawn.T) - expected) / scale).max() < 5.5 * math.sqrt(2 / count)


def test_option_of_a_correlated_error_smooths_the_image_and_ends_the_kernel(tmp_path):
    image = np.zeros((9, 9))
    image[4, 4] = 1.0
    np.savez(tmp_path / "image.npz", data=image)
    option = {"fraction": 0.1, "fwhm": 0.1, "image": {"file": str(tmp_path / "image.npz"), "dataset": "data"}}
    error = read_model_error(option, 9, 0.05)
    assert error.fraction == 0.1
    assert float(error.light.sum()) == pytest.approx(1.0, abs=1e-3)
    assert 0.05 < float(error.light[4, 4]) < 0.3
    assert len(error.taps) == 5
    assert float(error.taps.square().sum()) == pytest.approx(1.0)
    assert read_model_error(0.2, 9, 0.05).taps is None


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (1.5, "give a number from 0 to 1, or {fraction, fwhm, image}"),
        (True, "give a number from 0 to 1"),
        ({"fraction": 0.1, "fwhm": 0.1}, "option model_error"),
        ({"fraction": 0.1, "fwhm": 0.1, "image": {"file": "nowhere.npz", "dataset": "data"}}, "option model_error"),
    ],
)
def test_wrong_options_of_a_model_error_are_refused(option, message):
    with pytest.raises(DarksieveError, match=message):
        read_model_error(option, 9, 0.05)


def test_correlated_error_needs_normal_noise():
    with pytest.raises(DarksieveError, match=r"option model_error.*crop pixels"):
        Noise(number(EXPOSURE), number(0.001), error=KNOTS)


def test_masked_pixels_may_hold_anything(images):
    image, rate, background, used = images
    other = torch.where(used, image, 1e6)
    values = [Noise(number(EXPOSURE), background, 0.3).log_likelihood(x, rate, used) for x in (image, other)]
    assert torch.equal(*values)


def test_counts_too_few_for_normal_noise_are_refused(images):
    image, rate, _, _ = images
    with pytest.raises(DarksieveError, match="weaker than that of 5 counts"):
        Noise(number(EXPOSURE), number(0.002)).log_likelihood(image, rate)


def test_lens_is_likeliest_where_its_image_was_made(parameters, lens_values):
    simulator = StrongLens(pixels=24, pixel_scale=0.15, noise_correlation=0.2, background_rms=0.02)
    z = parameters(simulator, rows=9, scatter=0.02, dtype=torch.float64)
    z[0] = torch.tensor([lens_values[name] for name in simulator.parameters])
    signal = simulator.simulate(z, torch.Generator())
    x = {"image": simulator.observe(signal, torch.Generator().manual_seed(1))["image"][0].float()}
    masks = {"image": torch.ones(24, 24, dtype=torch.bool)}
    value = simulator.log_likelihood(x, signal)
    assert int(value.argmax()) == 0
    assert torch.equal(value, simulator.log_likelihood(x, signal, masks))
    masks["image"][:, :12] = False
    assert float(simulator.log_likelihood(x, signal, masks)[0]) < float(value[0])


def test_whitened_noise_is_white():
    """Covariance of correlated noise of the pixels used, by the matrix that smooths it."""
    correlation = 0.3
    weight = (1 - math.sqrt(1 - 2 * correlation**2)) / (2 * correlation)
    used = torch.from_numpy(np.random.default_rng(1).random((PIXELS, PIXELS)) < 0.7)
    noise = smoothing(weight)[used.numpy().ravel()]  # (pixels used, white numbers)
    white = Noise(number(EXPOSURE), number(0.08), correlation).whiten(torch.from_numpy(noise.T.copy()), used).numpy()
    np.testing.assert_allclose(white.T @ white, np.eye(int(used.sum())), atol=1e-10)
    assert Noise(number(EXPOSURE), number(0.08)).whiten(torch.ones(2, 3), used).sum() == 6


@pytest.mark.parametrize(
    ("rate", "background"), [(0.0, 0.01), (0.005, 0.01), (0.3, 0.01), (0.003, 0.001), (0.0, 0.0), (0.5, 0.0)]
)
def test_noise_has_the_mean_variance_and_skewness_of_poisson_plus_background(generator, rate, background):
    exposure, count = 1000.0, 400_000
    mean = torch.full((count // 400, 20, 20), rate, dtype=torch.float64)
    noise = (Noise(number(exposure), number(background)).add(mean, generator) - rate).flatten()
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
    noise = Noise(exposure, background).add(torch.full((200_000, 1, 2), 0.4), generator) - 0.4
    expected = 0.4 / exposure[0] + background[0] ** 2
    assert torch.allclose(noise.var(dim=0)[0], expected, rtol=5 * math.sqrt(2 / 200_000))


def test_drizzled_noise_has_its_correlation_and_its_background_and_averages_the_photons(generator):
    exposure, background, correlation, count = 1000.0, 0.005, 0.3, 4000
    images = torch.full((count, 12, 12), 0.05, dtype=torch.float64)
    dark, lit = (
        Noise(number(exposure), number(background), correlation).add(rate, generator) - rate
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
    noisy = Noise(torch.tensor(1000.0), torch.tensor(background)).add(rate, generator)
    assert float(noisy.mean()) == pytest.approx(-0.003, abs=5 * background / math.sqrt(64_000))
    assert float(noisy.std()) == pytest.approx(background, rel=0.02)


@pytest.mark.parametrize("background", [0.01, 0.001])
def test_the_generator_alone_decides_the_noise(background):
    rate = torch.rand(100, 8, 8)
    first, again, other = (
        Noise(torch.tensor(1000.0), torch.tensor(background)).add(rate, torch.Generator().manual_seed(seed))
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("background", [0.05, 0.001], ids=["normal", "counts"])
def test_error_of_the_model_is_a_share_of_the_light(generator, background):
    rate, exposure, share, count = 0.4, 1000.0, 0.15, 400_000
    mean = torch.full((count // 400, 20, 20), rate, dtype=torch.float64)
    noise = Noise(number(exposure), number(background), error=ModelError(share)).add(mean, generator) - rate
    expected = rate / exposure + background**2 + (share * rate) ** 2
    assert float(noise.var()) / expected == pytest.approx(1, abs=5 * math.sqrt(2 / count))
