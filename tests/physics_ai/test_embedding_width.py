"""Random embeddings: their widths, their moments over networks, their kernel, and the Gaussian process of it."""

import numpy as np
import pytest
import torch
from torch import nn

from darksieve.inference.embeddings import choose_embedding
from darksieve.physics_ai.embedding_width.networks import excess_kurtosis, kernel, narrow, random_hidden, regress
from darksieve.physics_ai.wide_networks.kernels import pair_products


@pytest.mark.parametrize("kind", ["cnn", "mlp", "resnet"])
def test_narrow_embedding_takes_and_gives_the_same(kind):
    embedding, images = choose_embedding(kind, (16, 16), 5), torch.zeros(3, 16, 16)
    narrowed = narrow(embedding, 4)
    assert narrowed(images).shape == embedding(images).shape == (3, 5)
    assert 4 * random_hidden(narrowed, images, 1).shape[1] == random_hidden(embedding, images, 1).shape[1]


def test_draws_differ_and_come_again():
    embedding, images = choose_embedding("mlp", (4,), 2), torch.randn(3, 4, generator=torch.Generator().manual_seed(1))
    first, again, other = (random_hidden(embedding, images, seed) for seed in (1, 1, 2))
    assert (first == again).all()
    assert np.abs(first - other).max() > 0.01


def test_excess_kurtosis_is_that_of_sums_over_neurons():
    """Of n normal neurons with uniform weights: 6 / n from the neurons, -18 / 5 n from the weights."""
    hidden = np.random.default_rng(1).normal(size=(20000, 1, 8))
    found, error = excess_kurtosis(hidden)
    assert error < 0.02
    assert found == pytest.approx(2.4 / 8, abs=4 * error)


def test_kernel_of_a_wide_network_is_the_exact_one():
    """Weights and biases uniform in +-50^-1/2 have variance 1 / 150; 200 draws of 1000 neurons leave 0.5%."""
    embedding = nn.Sequential(nn.Linear(50, 1000), nn.ReLU(), nn.Linear(1000, 1))
    x = torch.randn(4, 50, generator=torch.Generator().manual_seed(1))
    exact = pair_products("relu", ((x @ x.T).double().numpy() + 1.0) / 150.0) / 3.0
    assert kernel(embedding, x, 200, 1) == pytest.approx(exact, rel=0.03)


def test_gaussian_process_knows_how_wrong_it_is():
    """500 values of a smooth random function, noise included in the score: its square has an error of 6%."""
    generator = np.random.default_rng(3)
    x = generator.uniform(0, 10, size=800)
    covariance = np.exp(-0.5 * (x[:, None] - x) ** 2)
    function = np.linalg.cholesky(covariance + 1e-9 * np.eye(800)) @ generator.normal(size=800)
    y = 3.0 + function + 0.3 * generator.normal(size=800)
    mean, deviation, noise = regress(covariance, y[:300])
    assert noise == pytest.approx(0.3, rel=0.25)  # steps of the grid are a factor of 1.5 in variance
    assert ((y[300:] - mean) ** 2 / (deviation**2 + noise**2)).mean() == pytest.approx(1.0, abs=0.3)
    assert (mean - 3.0 - function[300:]).std() < 0.15
    assert deviation.max() < 0.5
