"""Wide random networks: closed forms against sampling and each other, ensembles against networks multiplied out."""

import math

import numpy as np
import pytest

from darksieve.physics_ai.wide_networks.ensembles import output_kernels
from darksieve.physics_ai.wide_networks.kernels import (
    ACTIVATIONS,
    Prior,
    connect,
    excess_kurtosis,
    infinite_kernel,
    pair_products,
    vertex,
)
from darksieve.physics_ai.wide_networks.study import study
from darksieve.problem.theories import WideNetworksConfig

UNIT = np.ones((1, 1))
INPUTS = np.array([[1.0, 0.3], [-0.4, 1.2], [0.7, -0.9]])


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_pair_products_are_gaussian_averages(activation):
    kernel = np.array([[1.3, 0.6], [0.6, 0.8]])
    nodes, weights = np.polynomial.hermite_e.hermegauss(150)
    points = np.stack(np.meshgrid(nodes, nodes), axis=-1).reshape(-1, 2) @ np.linalg.cholesky(kernel).T
    phi = ACTIVATIONS[activation](points)
    average = phi.T @ (np.outer(weights, weights).ravel()[:, None] * phi) / weights.sum() ** 2
    assert pair_products(activation, kernel) == pytest.approx(average, rel=2e-3)  # the kink of ReLU


@pytest.mark.parametrize(("activation", "exact"), [("relu", 15 / 4), ("erf", 0.362465), ("linear", 6.0)])
def test_vertex_at_one_input_is_the_known_fourth_cumulant(activation, exact):
    found = vertex(np.array([[1.0, 1.0]]), Prior(activation))
    assert found.item() == pytest.approx(exact, rel=1e-5 if activation != "relu" else 2e-3)


def test_vertex_is_symmetric_in_its_legs():
    found = vertex(INPUTS, Prior("erf"))
    for axes in ((1, 0, 2, 3), (0, 2, 1, 3), (3, 1, 2, 0)):
        assert found == pytest.approx(found.transpose(axes), abs=1e-12)


def test_connected_function_of_kernels_that_do_not_vary_vanishes():
    kernels = np.broadcast_to(np.array([[1.0, 0.2], [0.2, 2.0]]), (5, 2, 2))
    assert connect(kernels, np.full(5, 0.2)) == pytest.approx(0.0)


def test_ensembles_are_those_of_networks_multiplied_out():
    """Mean and variance of the output's kernel, for weights drawn and multiplied; 4 standard errors of the mean."""
    generator = np.random.default_rng(3)
    prior, widths, networks = Prior("relu", weight=1.5, bias=0.1), (6, 5), 20000
    phi, inputs = np.broadcast_to(INPUTS, (networks, *INPUTS.shape)), INPUTS.shape[1]
    for width in widths:
        weights = generator.normal(size=(networks, width, inputs)) * math.sqrt(prior.weight / inputs)
        bias = generator.normal(size=(networks, 1, width)) * math.sqrt(prior.bias)
        phi, inputs = np.maximum(phi @ weights.transpose(0, 2, 1) + bias, 0.0), width
    multiplied = prior.bias + prior.weight / inputs * phi @ phi.transpose(0, 2, 1)
    drawn = output_kernels(INPUTS, widths, networks, prior, 4)
    for moment in (1, 2):
        ours, theirs = drawn**moment, multiplied**moment
        error = np.sqrt((ours.var(axis=0) + theirs.var(axis=0)) / networks)
        assert (np.abs(ours.mean(axis=0) - theirs.mean(axis=0)) < 4 * error).all()


def test_kernel_of_one_hidden_layer_is_exact_at_every_width():
    prior = Prior("erf", weight=2.0, bias=0.3)
    drawn = output_kernels(INPUTS, [3], 100000, prior, 5)
    error = drawn.std(axis=0) / math.sqrt(len(drawn))
    assert (np.abs(drawn.mean(axis=0) - infinite_kernel(INPUTS, 1, prior)) < 4 * error).all()


def test_one_layer_of_the_product_is_the_vertex():
    """Excess kurtosis 15 / N of ReLU: N times the cumulant, over the variance 1 / 2 squared."""
    assert excess_kurtosis("relu", [7]) == pytest.approx(15 / 4 / 7 / 0.5**2)
    assert excess_kurtosis("relu", [20] * 4) == pytest.approx(4.3242, abs=1e-4)
    assert excess_kurtosis("linear", [50] * 8) == pytest.approx(1.1057, abs=1e-4)


def test_deep_networks_follow_the_product_over_layers():
    kernel = output_kernels(UNIT, [40, 20], 200000, Prior("relu", weight=2.0), 6)[:, 0, 0]
    measured = 3 * (kernel**2).mean() / kernel.mean() ** 2 - 3
    assert measured == pytest.approx(excess_kurtosis("relu", [40, 20]), rel=0.03)


def test_study_of_few_networks_sees_the_slope():
    record = study(WideNetworksConfig(widths=[4, 16, 64], networks=5000, deep_networks=1000))
    for activation in ("relu", "erf"):
        assert record["bars"][f"slope, {activation}"]["statistic"] == pytest.approx(-1, abs=0.1)
    assert record["bars"]["kernels"]["statistic"] < 0.05


@pytest.mark.slow
def test_full_study_passes_its_bars():
    assert study(WideNetworksConfig())["passed"]
