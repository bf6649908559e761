import math

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal, norm

from darksieve.problem.errors import DarksieveError
from darksieve.simulators.lens import StrongLens
from darksieve.simulators.lens.instrument import add_noise
from darksieve.simulators.lens.likelihood import noise_log_likelihood, whiten

PIXELS, EXPOSURE = 7, 1000.0


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
    found = noise_log_likelihood(image, rate, number(EXPOSURE), background, used=used if masked else None)
    deviation = np.sqrt(background.numpy() ** 2 + np.maximum(rate.numpy(), 0) / EXPOSURE)
    terms = norm.logpdf(image.numpy(), rate.numpy(), deviation)
    np.testing.assert_allclose(found, (terms * (used.numpy() if masked else 1)).sum(axis=(1, 2)), rtol=1e-12)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("correlation", "model_error"), [(0.1, 0.0), (0.3, 0.0), (0.5, 0.0), (0.3, 0.2)])
def test_correlated_noise_is_one_normal_distribution(images, correlation, model_error, masked):
    """Against the dense covariance of the pixels used; those that are masked are integrated out."""
    image, rate, background, used = images
    found = noise_log_likelihood(
        image, rate, number(EXPOSURE), background, correlation, model_error, used if masked else None
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


@pytest.mark.parametrize(("correlation", "model_error"), [(0.0, 0.0), (0.3, 0.0), (0.3, 0.2)])
def test_noise_of_the_simulator_has_this_density(correlation, model_error, generator):
    """The mean of exp(ln p(x|b) - ln p(x|a)) over x drawn from a is one."""
    first = torch.full((1, PIXELS, PIXELS), 0.3, dtype=torch.float64)
    both = torch.cat([first, first + 0.01 * torch.randn(first.shape, generator=generator, dtype=torch.float64)])
    noise = number(EXPOSURE), number(0.08), correlation, model_error
    draws = add_noise(first.expand(4000, -1, -1), *noise[:2], generator, *noise[2:])
    log_densities = torch.stack([noise_log_likelihood(x, both, *noise) for x in draws])
    ratio = torch.exp(log_densities[:, 1] - log_densities[:, 0])
    assert float(ratio.std()) > 0.1
    assert float(ratio.mean()) == pytest.approx(1.0, abs=5 * float(ratio.std()) / math.sqrt(4000))


def test_masked_pixels_may_hold_anything(images):
    image, rate, background, used = images
    other = torch.where(used, image, 1e6)
    values = [noise_log_likelihood(x, rate, number(EXPOSURE), background, 0.3, used=used) for x in (image, other)]
    assert torch.equal(*values)


def test_counts_too_few_for_normal_noise_are_refused(images):
    image, rate, _, _ = images
    with pytest.raises(DarksieveError, match="weaker than that of 5 counts"):
        noise_log_likelihood(image, rate, number(EXPOSURE), number(0.002))


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
    white = whiten(torch.from_numpy(noise.T.copy()), correlation, used).numpy()
    np.testing.assert_allclose(white.T @ white, np.eye(int(used.sum())), atol=1e-10)
    assert whiten(torch.ones(2, 3), 0.0, used).sum() == 6
