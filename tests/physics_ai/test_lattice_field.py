"""Lattice phi^4: chains and flows against quadrature and the free field."""

import math

import numpy as np
import pytest
import torch

from darksieve.physics_ai.lattice_field.action import (
    Action,
    correlator,
    exact_two_by_two,
    free_square,
    observables,
    pole_mass,
)
from darksieve.physics_ai.lattice_field.flow import Flow, effective_fraction, log_weights, train
from darksieve.physics_ai.lattice_field.hmc import run_chains
from darksieve.physics_ai.lattice_field.study import study, weighted
from darksieve.problem.theories import LatticeFieldConfig


def _fields(number, side, seed=1):
    return torch.randn(number, side, side, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _stirred(side):
    flow = Flow(side).double()
    with torch.no_grad():
        flow.weight.normal_(0.0, 0.05, generator=torch.Generator().manual_seed(2))
    return flow.eval()


def test_gradient_is_the_derivative_of_the_action():
    action, field = Action(5, -4.0, 6.0), _fields(3, 5).requires_grad_()
    (derivative,) = torch.autograd.grad(action(field).sum(), field)
    assert action.gradient(field).detach().numpy() == pytest.approx(derivative.numpy())


def test_quadrature_gives_the_known_partition_function():
    found = exact_two_by_two(1.0, 1.0)
    assert found["log_partition"] == pytest.approx(-0.68023003, abs=1e-7)
    assert found["susceptibility"] == pytest.approx(4 * 0.07352126, abs=1e-7)
    assert found["square"] == pytest.approx(0.13014613, abs=1e-7)


def test_chains_sample_two_by_two_sites():
    action = Action(2, -4.0, 8.0)
    chains = run_chains(action, (2, 2), 128, 300, 0.08, 1, even=True)
    exact, found = exact_two_by_two(-4.0, 8.0), observables(chains.state.flatten(0, 1))
    for name in ("susceptibility", "square"):
        means = found[name].reshape(300, 128).mean(dim=0)
        assert abs(float(means.mean()) - exact[name]) < 4 * float(means.std()) / math.sqrt(128)
    assert abs(float(chains.exponentials.mean()) - 1) < 0.005
    assert chains.acceptance > 0.95


def test_chains_sample_the_free_field():
    chains = run_chains(Action(4, 0.5, 0.0), (4, 4), 128, 200, 0.15, 2, even=True)
    means = (chains.state**2).mean(dim=(0, 2, 3))
    assert abs(float(means.mean()) - free_square(4, 0.5)) < 4 * float(means.std()) / math.sqrt(128)


def test_pole_mass_of_a_cosh():
    distance = np.arange(9)
    assert pole_mass(np.cosh(0.7 * (distance - 4))) == pytest.approx(0.7)


def test_correlator_at_distance_zero_is_the_variance_of_lines():
    field = _fields(3, 4)
    rows, columns = (field.mean(dim=axis).square().mean(dim=1) for axis in (1, 2))
    assert correlator(field)[:, 0].numpy() == pytest.approx((0.5 * (rows + columns)).numpy())


def test_flow_keeps_the_symmetries_of_the_action():
    flow, noise = _stirred(4), _fields(2, 4)
    with torch.no_grad():
        field, density = flow(noise)
        for change in (lambda f: -f, lambda f: f.transpose(1, 2), lambda f: f.flip(1), lambda f: f.roll(1, 2)):
            changed, same = flow(change(noise))
            assert changed.numpy() == pytest.approx(change(field).numpy(), abs=1e-10)
            assert same.numpy() == pytest.approx(density.numpy(), abs=1e-10)


def test_density_of_the_flow_is_that_of_its_jacobian():
    """Up to the error of the integration, of fourth order in a tenth."""
    flow, noise = _stirred(3), _fields(1, 3)
    with torch.no_grad():
        density = flow(noise)[1]
    jacobian = torch.autograd.functional.jacobian(lambda x: flow(x)[0], noise).reshape(9, 9)
    base = -0.5 * (noise**2).sum() - 4.5 * math.log(2 * math.pi)
    assert float(density) == pytest.approx(float(base - torch.linalg.slogdet(jacobian)[1]), abs=1e-4)


def test_trained_flow_gives_the_partition_function():
    action = Action(2, -4.0, 8.0)
    _, log_weight = log_weights(train(action, 150, 128, 1), action, 4096, 2)
    assert effective_fraction(log_weight) > 0.7
    found = float(torch.logsumexp(log_weight, dim=0)) - math.log(4096)
    assert found == pytest.approx(exact_two_by_two(-4.0, 8.0)["log_partition"], abs=0.04)


def test_weighted_mean_of_equal_weights():
    values = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64)
    mean, error = weighted(values, torch.zeros(4, dtype=torch.float64))
    assert mean == 2.5
    assert error == pytest.approx(float(values.std(unbiased=False)) / 2)


@pytest.mark.slow
def test_full_study_passes_its_bars():
    assert study(LatticeFieldConfig())["passed"]
