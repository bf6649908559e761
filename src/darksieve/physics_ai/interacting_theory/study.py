"""The analysis `interacting_theory`: couplings read off a network's weights, beside those that made the data."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.func import jacfwd

from darksieve.diagnostics.bars import bar, rounded, summarise_bars
from darksieve.physics_ai.interacting_theory.couplings import couplings, selected_couplings
from darksieve.physics_ai.interacting_theory.data import QuarticAction, digits, make_teacher
from darksieve.physics_ai.interacting_theory.network import InvertibleNetwork, extend, start, train, whiten
from darksieve.physics_ai.interacting_theory.score_matching import field_couplings, monomials, polynomial_couplings
from darksieve.physics_ai.lattice_field.action import Action
from darksieve.physics_ai.lattice_field.hmc import run_chains
from darksieve.problem.provenance import derive_seed
from darksieve.problem.theories import InteractingTheoryConfig

__all__ = ["largest_derivative_difference", "study"]

SIZE, LAYERS, TEACHER_RANK, STUDENT_RANK, STRENGTH = 6, 2, 3, 6, 0.2
BATCH, RATE = 500, 1e-2
TESTED = 20000  # samples
QUARTIC_SIZE, CUBIC, QUARTIC = 4, 1.2, 4.5
LATTICE = Action(side=8, mass=-4.0, coupling=8.0)
APART = 5  # trajectories between states that are used
DIGITS = (8, 28)  # sides
MODES = 64  # of digits that interact
DIGIT_RANK, DIGIT_RATE, DIGIT_BATCH = 16, 3e-3, 256
COPIES = 20
TRIPLES = 1000  # couplings that are read off the larger digits
CHECKED = 4  # of them, by automatic differentiation


def study(settings: InteractingTheoryConfig) -> dict[str, Any]:
    """All of it; the record says what is expected of each number."""
    teacher = _learn_teacher(settings)
    quartic, field = _match_quartic(settings), _match_field(settings)
    drawn = {side: _learn_digits(side, settings) for side in DIGITS}
    best = teacher["students"][teacher["best"]]
    exact = np.array(field["exact"])
    bars = {
        "recursion": bar(
            largest_derivative_difference(_seed(settings, "recursion")), None, 1e-8,
            "couplings of order 0 to 4 by recursion, of a random network, off automatic differentiation, largest",
        ),
        "third order": bar(
            best["correlation"][2], 0.97, None, "correlation of a student's third-order couplings with its teacher's"
        ),
        "divergence": bar(best["divergence"], None, 0.1, "KL divergence of that student from its teacher, nats"),
        "covariance": bar(
            best["covariance"], None, 0.15, "its samples' covariance off that of the data, relative, Frobenius norm"
        ),
        "score matching": bar(
            quartic["relative_error"], None, 0.05,
            f"third-order couplings by score matching off the action's, relative, {settings.samples} samples",
        ),
        "lattice": bar(
            float(np.abs(np.array(field["found"]) / exact - 1.0).max()), None, 0.02,
            f"three couplings of phi^4 by score matching off the action's, relative, {settings.fields} fields, largest",
        ),
    }  # fmt: skip
    for side, entry in drawn.items():
        bars[f"digits, {side} x {side}"] = bar(
            entry["gain"], 0.0, None, "held-out log-likelihood above that of the Gaussian theory, nats an image"
        )
        bars[f"extraction, {side} x {side}"] = bar(
            entry["largest_difference"], None, 1e-8,
            "couplings read off the network, off automatic differentiation, relative to the largest",
        )  # fmt: skip
    return summarise_bars(
        bars, teacher=teacher, quartic=quartic, field=field, digits={str(side): entry for side, entry in drawn.items()}
    )


def largest_derivative_difference(seed: int, size: int = 5, layers: int = 3) -> float:
    """Largest difference of couplings up to the fourth order from derivatives of the action, relative to the largest.

    The network has biases, and the centre is no special place.
    """
    network = make_teacher(size, layers, 4, 0.3, seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in network.layers:
            layer.bias.copy_(0.3 * torch.randn(size, generator=generator, dtype=torch.float64))  # type: ignore[operator]
    centre = 0.5 * torch.randn(size, generator=generator, dtype=torch.float64)
    differences, derivative = [], network.action
    for found in couplings(network, centre, 4):
        exact = derivative(centre).detach()
        differences.append(float((found - exact).abs().max() / exact.abs().max()))
        derivative = jacfwd(derivative)
    return max(differences)


def _learn_teacher(settings: InteractingTheoryConfig) -> dict[str, Any]:
    """Students that learned from a teacher's samples, and the one of them that explains other samples best."""
    teacher = make_teacher(SIZE, LAYERS, TEACHER_RANK, STRENGTH, _seed(settings, "teacher"))
    generator = torch.Generator().manual_seed(_seed(settings, "samples"))
    data, test = teacher.sample(settings.samples, generator), teacher.sample(TESTED, generator)
    centre, covariance = data.mean(dim=0), torch.cov(data.T)
    exact = couplings(teacher, centre, 4)
    gaussian = InvertibleNetwork(SIZE, 1, 1)
    whiten(gaussian, data)
    students: list[dict[str, Any]] = []
    action = _mean_action(teacher, test)
    for number in range(settings.starts):
        student = start(data, LAYERS, STUDENT_RANK, _seed(settings, "student", number))
        train(student, data, settings.steps, BATCH, RATE, _seed(settings, "training", number))
        found = couplings(student, centre, 4)
        spread = torch.cov(student.sample(TESTED, generator).T)
        students.append(
            {
                "divergence": _mean_action(student, test) - action,
                "correlation": [_correlation(ours, theirs) for ours, theirs in zip(found[1:], exact[1:])],
                "covariance": float((spread - covariance).norm() / covariance.norm()),
                "couplings": {str(n): rounded(_distinct(found[n])) for n in (2, 3, 4)},
            }
        )
    return {
        "best": int(np.argmin([student["divergence"] for student in students])),
        "gaussian_divergence": _mean_action(gaussian, test) - action,
        "couplings": {str(n): rounded(_distinct(exact[n])) for n in (2, 3, 4)},
        "students": students,
    }


def _match_quartic(settings: InteractingTheoryConfig) -> dict[str, Any]:
    """Score matching of a quartic action with cubic couplings, all monomials up to the fourth degree."""
    action = QuarticAction(QUARTIC_SIZE, CUBIC, QUARTIC, _seed(settings, "quartic"))
    chains, step = 1000, 0.12
    trajectories = APART * -(-settings.samples // chains)
    drawn = run_chains(action, (QUARTIC_SIZE,), chains, trajectories, step, _seed(settings, "quartic chains"))
    data = drawn.state[APART - 1 :: APART].flatten(0, 1)[: settings.samples].numpy()
    exponents = monomials(QUARTIC_SIZE, 4)
    cubic = exponents[exponents.sum(axis=1) == 3]
    legs = np.array([np.repeat(np.arange(QUARTIC_SIZE), row) for row in cubic])
    exact = action.cubic.numpy()[tuple(legs.T)]
    coefficient = polynomial_couplings(data, exponents)[exponents.sum(axis=1) == 3]
    factorials = np.array([[1, 1, 2, 6][power] for power in cubic.ravel()]).reshape(cubic.shape).prod(axis=1)
    found = coefficient * factorials
    return {
        "exact": rounded(exact),
        "found": rounded(found),
        "relative_error": float(np.linalg.norm(found - exact) / np.linalg.norm(exact)),
    }


def _match_field(settings: InteractingTheoryConfig) -> dict[str, Any]:
    """Score matching of lattice fields drawn by Hamiltonian Monte Carlo."""
    chains = 256
    trajectories = APART * -(-settings.fields // chains)
    shape = (LATTICE.side, LATTICE.side)
    drawn = run_chains(LATTICE, shape, chains, trajectories, 0.08, _seed(settings, "field"), even=True)
    fields = drawn.state[APART - 1 :: APART].flatten(0, 1)[: settings.fields].numpy()
    found, error = field_couplings(fields)
    return {"exact": [1.0, LATTICE.mass, LATTICE.coupling], "found": rounded(found), "error": rounded(error)}


def _learn_digits(side: int, settings: InteractingTheoryConfig) -> dict[str, Any]:
    """A theory of digits: what interactions add to the likelihood, and some couplings."""
    data, test = digits(side, COPIES, _seed(settings, "digits"))
    gaussian = InvertibleNetwork(side**2, 1, 1)
    whiten(gaussian, data)
    with torch.no_grad():
        modes = gaussian(data)[:, -MODES:]
    core = start(modes, LAYERS, DIGIT_RANK, _seed(settings, "digits", side))
    train(core, modes, settings.digit_steps, DIGIT_BATCH, DIGIT_RATE, _seed(settings, "digit training", side))
    network = extend(core, gaussian)
    centre = data.mean(dim=0)
    generator = torch.Generator().manual_seed(_seed(settings, "legs"))
    legs = torch.randint(side**2, (TRIPLES, 3), generator=generator)
    begin = time.process_time()
    triples = selected_couplings(network, centre, legs)
    seconds = time.process_time() - begin
    begin = time.process_time()
    pairs = couplings(network, centre, 2)[2]
    pair_seconds = time.process_time() - begin
    exact = torch.stack([_derivative(network, centre, choice) for choice in legs[:CHECKED]])
    exact_pairs = torch.stack([_derivative(network, centre, choice[:2]) for choice in legs[:CHECKED]])
    differences = (
        (triples[:CHECKED] - exact).abs().max() / triples.abs().max(),
        (pairs[tuple(legs[:CHECKED, :2].T)] - exact_pairs).abs().max() / pairs.abs().max(),
    )
    return {
        "gain": _mean_action(gaussian, test) - _mean_action(network, test),
        "largest_difference": float(max(differences)),
        "triples": TRIPLES,
        "seconds_triples": seconds,
        "seconds_pairs": pair_seconds,
        "mean": rounded(centre.reshape(side, side), 4),
        "row": rounded(pairs[side**2 // 2 + side // 2].reshape(side, side), 4),
        "sample": rounded(test[:8].reshape(-1, side, side), 3) if side == 8 else [],
        "drawn": rounded(network.sample(8, generator).reshape(-1, side, side), 3) if side == 8 else [],
        "strength": rounded(torch.sort(triples.abs(), descending=True)[0], 4),
    }


@torch.no_grad()
def _mean_action(network: InvertibleNetwork, data: Tensor) -> float:
    return float(network.action(data).mean())


def _derivative(network: InvertibleNetwork, centre: Tensor, legs: Tensor) -> Tensor:
    """Derivative of the action by some components, one after the other, in forward mode."""
    from torch.func import jvp

    function = network.action
    for leg in legs.tolist():
        direction = torch.zeros_like(centre)
        direction[leg] = 1.0
        function = _along(function, direction, jvp)
    return function(centre).detach()


def _along(function: Any, direction: Tensor, jvp: Any) -> Any:
    return lambda x: jvp(function, (x,), (direction,))[1]


def _distinct(vertex: Tensor) -> Tensor:
    """Elements of a symmetric tensor (d, ..., d), each once: those with indices that do not fall."""
    legs = torch.combinations(torch.arange(vertex.shape[0]), vertex.ndim, with_replacement=True)
    return vertex[tuple(legs.T)]


def _correlation(found: Tensor, exact: Tensor) -> float:
    return float(np.corrcoef(_distinct(found), _distinct(exact))[0, 1])


def _seed(settings: InteractingTheoryConfig, *parts: object) -> int:
    return derive_seed("interacting_theory", settings.seed, *parts)
