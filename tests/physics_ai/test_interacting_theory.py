"""Interacting theories: the recursion against automatic differentiation, score matching against known actions."""

import math

import numpy as np
import pytest
import torch

from darksieve.physics_ai.interacting_theory.couplings import couplings, selected_couplings
from darksieve.physics_ai.interacting_theory.data import QuarticAction, digits, make_teacher
from darksieve.physics_ai.interacting_theory.network import InvertibleNetwork, extend, train, whiten
from darksieve.physics_ai.interacting_theory.score_matching import (
    LOCAL_TERMS,
    field_couplings,
    local_equations,
    monomials,
    polynomial_couplings,
)
from darksieve.physics_ai.interacting_theory.study import largest_derivative_difference, study
from darksieve.problem.theories import InteractingTheoryConfig

SHIFTS = {
    (1, 0): [(1, 0), (-1, 0), (0, 1), (0, -1)],
    (1, 1): [(1, 1), (1, -1), (-1, 1), (-1, -1)],
    (2, 0): [(2, 0), (-2, 0), (0, 2), (0, -2)],
    (2, 1): [(s * a, t * b) for a, b in ((1, 2), (2, 1)) for s in (1, -1) for t in (1, -1)],
}


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_recursion_equals_automatic_differentiation(layers):
    assert largest_derivative_difference(seed=4, size=4, layers=layers) < 1e-10


def test_selected_couplings_are_elements_of_the_tensors():
    network = make_teacher(6, 2, 3, 0.3, 5)
    centre = torch.linspace(-0.5, 0.5, 6, dtype=torch.float64)
    tensors = couplings(network, centre, 4)
    for order in range(1, 5):
        legs = torch.randint(6, (30, order), generator=torch.Generator().manual_seed(order))
        found = selected_couplings(network, centre, legs)
        assert found.numpy() == pytest.approx(tensors[order][tuple(legs.T)].numpy(), abs=1e-11)


def test_network_inverts_itself():
    network = make_teacher(5, 3, 4, 0.3, 1)
    latent = torch.randn(20, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    with torch.no_grad():
        x = latent
        for layer in reversed(network.layers):
            x = layer.invert(x)
        assert network(x).numpy() == pytest.approx(latent.numpy(), abs=1e-8)


def test_density_is_normalised():
    """The integral of exp(-S) over the plane, by a sum over a fine grid."""
    network = make_teacher(2, 2, 2, 0.2, 3)
    grid = torch.linspace(-15, 15, 1001, dtype=torch.float64)
    with torch.no_grad():
        density = torch.exp(-network.action(torch.cartesian_prod(grid, grid)))
    assert float(density.sum()) * 0.03**2 == pytest.approx(1.0, abs=1e-3)


def test_whitened_network_is_the_gaussian_theory():
    generator = torch.Generator().manual_seed(2)
    mixing = torch.randn(4, 4, generator=generator, dtype=torch.float64)
    data = torch.randn(5000, 4, generator=generator, dtype=torch.float64) @ mixing + 3.0
    network = InvertibleNetwork(4, 1, 2)
    whiten(network, data)
    first, second, third = couplings(network, data.mean(dim=0), 3)[1:]
    assert first.abs().max() < 1e-9
    assert second.numpy() == pytest.approx(torch.cov(data.T).inverse().numpy(), rel=1e-6)
    assert third.abs().max() == 0.0


@pytest.mark.parametrize("size", [5, 6])
def test_extended_network_is_the_core_beside_free_modes(size):
    """S = S_core(last latents) + |other latents|^2 / 2 + constants, of an interacting core of three components."""
    data = torch.randn(200, size, generator=torch.Generator().manual_seed(3), dtype=torch.float64).cumsum(dim=1)
    gaussian, core = InvertibleNetwork(size, 1, 1), make_teacher(3, 2, 2, 0.3, 4)
    whiten(gaussian, data)
    with torch.no_grad():
        core.layers[1].bias.copy_(torch.tensor([0.1, -0.2, 0.3]))
        latents = gaussian(data)
        expected = core.action(latents[:, -3:]) - 0.5 * (latents[:, -3:] ** 2).sum(dim=1) - 1.5 * math.log(2 * math.pi)
        found = extend(core, gaussian).action(data) - gaussian.action(data)
    assert found.numpy() == pytest.approx(expected.numpy(), abs=1e-9)
    assert latents.std(dim=0).numpy() == pytest.approx(1.0)


def test_score_matching_finds_a_gaussian_precision():
    covariance = np.array([[1.0, 0.4], [0.4, 0.8]])
    data = np.random.default_rng(1).multivariate_normal([0.0, 0.0], covariance, 200000)
    exponents = monomials(2, 2)
    found = dict(zip(map(tuple, exponents.tolist()), polynomial_couplings(data, exponents)))
    precision = np.linalg.inv(covariance)
    assert found[(2, 0)] == pytest.approx(0.5 * precision[0, 0], rel=0.01)
    assert found[(1, 1)] == pytest.approx(precision[0, 1], rel=0.02)
    assert found[(1, 0)] == pytest.approx(0.0, abs=0.02)


def test_score_matching_finds_a_free_field():
    """Modes of the free field are independent, of variance 1 / 2 (k^2 + m^2)."""
    side, mass, generator = 6, 0.7, np.random.default_rng(2)
    k = 2.0 - 2.0 * np.cos(2.0 * math.pi * np.arange(side) / side)
    scale = np.sqrt(0.5 / (k[:, None] + k + mass))
    white = np.fft.fft2(generator.normal(size=(20000, side, side)))
    found, error = field_couplings(np.fft.ifft2(scale * white).real)
    assert (np.abs(found - [1.0, mass, 0.0]) < 4 * error).all()
    assert error.max() < 0.05


def test_local_couplings_of_a_patch_are_those_of_its_lattice():
    """Patches of free fields, whose edges hide the lattice around: m^2 + 4, -1 and nothing else, times two."""
    side, mass, generator = 12, 1.0, np.random.default_rng(4)
    k = 2.0 - 2.0 * np.cos(2.0 * math.pi * np.arange(side) / side)
    scale = np.sqrt(0.5 / (k[:, None] + k + mass))
    fields = np.fft.ifft2(scale * np.fft.fft2(generator.normal(size=(4000, side, side)))).real[:, :8, :8]
    gram, laplacian = local_equations(fields)
    found = np.linalg.solve(gram.mean(axis=0), laplacian.mean(axis=0))
    exact = np.zeros(len(LOCAL_TERMS))
    exact[1:3] = 2.0 * (mass + 4.0), -2.0
    residual = np.linalg.solve(gram.mean(axis=0), (laplacian - gram @ found).T)
    error = residual.std(axis=1) / np.sqrt(len(fields))
    assert (np.abs(found - exact) < 4 * error).all()
    assert error[:6].max() < 0.15


def test_local_equations_are_derivatives_of_the_action():
    """Slopes and curvatures of every term by differences, at a site far from the edge."""
    generator = np.random.default_rng(5)
    field = generator.normal(size=(5, 5))

    def terms(field):
        rolled = {d: sum(np.roll(field, shift, (0, 1)) for shift in shifts) for d, shifts in SHIFTS.items()}
        near = sum(np.roll(field, shift, (0, 1)) ** 2 for shift in SHIFTS[1, 0])
        pairs = [0.5 * (field * rolled[d]).sum() for d in SHIFTS]
        third = [(field**3).sum() / 6, 0.5 * (field**2 * rolled[1, 0]).sum()]
        fourth = [(field**4).sum() / 24, 0.125 * (field**2 * near).sum()]
        return np.array([field.sum(), 0.5 * (field**2).sum(), *pairs, *third, *fourth])

    step, moved = 1e-3, np.zeros((5, 5))
    moved[2, 2] = step
    ahead, here, behind = terms(field + moved), terms(field), terms(field - moved)
    gram, laplacian = local_equations(field[None])
    slope = (ahead - behind) / (2 * step)
    assert gram[0] == pytest.approx(np.outer(slope, slope), abs=1e-5)
    assert laplacian[0] == pytest.approx((ahead - 2 * here + behind) / step**2, abs=1e-5)


def test_gradient_of_the_quartic_action_is_its_derivative():
    action = QuarticAction(4, 1.0, 2.0, 1)
    x = torch.randn(5, 4, dtype=torch.float64, requires_grad=True, generator=torch.Generator().manual_seed(1))
    (derivative,) = torch.autograd.grad(action(x).sum(), x)
    assert action.gradient(x).detach().numpy() == pytest.approx(derivative.numpy())


def test_student_learns_what_its_teacher_knows():
    teacher = make_teacher(2, 1, 1, 0.6, 4)
    data = teacher.sample(20000, torch.Generator().manual_seed(3))
    torch.manual_seed(1)
    student = InvertibleNetwork(2, 1, 1)
    whiten(student, data)
    with torch.no_grad():
        before = float((student.action(data) - teacher.action(data)).mean())
    train(student, data, 300, 500, 2e-2, 1)
    with torch.no_grad():
        after = float((student.action(data) - teacher.action(data)).mean())
    assert before > 0.5
    assert after < 0.01


def test_digits_keep_those_to_be_tested_apart():
    known, new = digits(8, 2, 1)
    assert known.shape == (2 * 1497, 64)
    assert new.shape == (300, 64)
    assert torch.cdist(new, known[:1497]).min() > 5.0  # nine of ten pixels' noise alone


@pytest.mark.slow
def test_full_study_passes_its_bars():
    assert study(InteractingTheoryConfig())["passed"]
