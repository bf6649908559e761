"""The analysis `summary_theory`: the action of the summaries that an experiment's estimator learned.

Summaries of noisy simulations from the whole prior are turned into a few principal components of unit variance. Were
they Gaussian, their action would end with the pairs; score matching gives the third and fourth orders beyond, twice,
from independent halves, whose product says how strong they are without the noise that both have. An invertible network
says what these interactions are worth, in nats. Its couplings are derivatives at one point of an action that need not
be a polynomial of low degree, so that they are no bar; its third cumulants are shown beside those of the summaries.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from darksieve.diagnostics.bars import bar, rounded, summarise_bars
from darksieve.diagnostics.summaries import Components, summarise_data
from darksieve.inference.estimator import Estimator
from darksieve.interpret.images import image_name, observe_images
from darksieve.physics_ai.interacting_theory.couplings import couplings
from darksieve.physics_ai.interacting_theory.network import InvertibleNetwork, start, train, whiten
from darksieve.physics_ai.interacting_theory.score_matching import monomials, polynomial_couplings
from darksieve.problem.experiment import Experiment
from darksieve.problem.provenance import derive_seed
from darksieve.problem.theories import SummaryTheoryConfig
from darksieve.store.shard import Simulations

__all__ = ["strengths", "study", "third_and_fourth", "third_cumulants"]

Floats = NDArray[np.float64]

HELD_OUT = 0.2  # share of the simulations
LAYERS, RANK, BATCH, RATE = 3, 6, 256, 5e-3
DRAWN = 20000  # samples of the network
RESAMPLED = 20  # bootstrap draws of both halves


def study(
    settings: SummaryTheoryConfig, experiment: Experiment, estimator: Estimator, simulations: Simulations
) -> dict[str, Any]:
    """All of it, for simulations of the first round and the estimator that learned from them.

    Raises
    ------
    DarksieveError
        If the data are not one image.
    """
    name = image_name(experiment, simulations)
    images = observe_images(experiment, name, simulations.x[name], _seed(settings, experiment, "noise"))
    summaries = summarise_data(estimator, {name: torch.from_numpy(images)})
    components = Components.find(summaries, settings.components)
    points = components(summaries)
    generator = np.random.default_rng(_seed(settings, experiment, "halves"))
    order = generator.permutation(len(points))
    halves = np.array_split(points[order], 2)
    third, fourth = zip(*(third_and_fourth(half) for half in halves))
    drawn = [[half[generator.integers(len(half), size=len(half))] for half in halves] for _ in range(RESAMPLED)]
    scatter = [[third_and_fourth(half) for half in pair] for pair in drawn]
    strength = {
        order_name: {
            "value": rounded(strengths(*found)),
            "error": rounded(np.std([strengths(*(half[place] for half in pair)) for pair in scatter], axis=0)),
        }
        for place, (order_name, found) in enumerate({"third": third, "fourth": fourth}.items())
    }
    z = experiment.prior.to_unit(simulations.z)
    with_parameters = np.corrcoef(points.T, z.T)[: points.shape[1], points.shape[1] :]
    gain, error, learned, samples = _learn(settings, experiment, points[order])
    distinct = tuple(np.array(list(itertools.combinations_with_replacement(range(points.shape[1]), 3))).T)
    bars = {
        "halves": bar(
            float(np.corrcoef(third[0][distinct], third[1][distinct])[0, 1]), 0.9, None,
            "correlation of the third-order couplings of two halves of the simulations",
        ),
        "gain": bar(
            gain / error, 3.0, None,
            "held-out log-likelihood of the interacting theory above the Gaussian one, in standard errors",
        ),
    }  # fmt: skip
    return summarise_bars(
        bars,
        experiment=experiment.name,
        simulations=len(points),
        labels=[parameter.label or parameter.name for parameter in experiment.prior],
        strength=strength,
        gain=[gain, error],
        correlations=rounded(with_parameters, 4),
        couplings={"halves": [rounded(half[distinct], 4) for half in third], "network": rounded(learned[distinct], 4)},
        cumulants={
            "summaries": rounded(third_cumulants(points)[distinct], 4),
            "network": rounded(third_cumulants(samples)[distinct], 4),
        },
    )


def third_and_fourth(points: Floats) -> tuple[Floats, Floats]:
    """Couplings (d, d, d) of third order, and (d, d) of fourth order with two legs at each of two components.

    They are derivatives at zero of the polynomial of fourth degree that score matching finds for points (n, d).
    """
    size = points.shape[1]
    exponents = monomials(size, 4)
    factorial = np.array([1.0, 1.0, 2.0, 6.0, 24.0])
    derivative = polynomial_couplings(points, exponents) * factorial[exponents].prod(axis=1)
    found = dict(zip(map(tuple, exponents.tolist()), derivative))

    def element(*legs: int) -> float:
        return found[tuple(np.bincount(legs, minlength=size).tolist())]

    third = np.array([element(*legs) for legs in np.ndindex(size, size, size)]).reshape(size, size, size)
    fourth = np.array([element(i, i, j, j) for i, j in np.ndindex(size, size)]).reshape(size, size)
    return third, fourth


def strengths(first: Floats, second: Floats) -> Floats:
    """Root mean square coupling (d,) that a component takes part in, from two independent estimates (d, ...) of all.

    The mean product of the two has no noise of its own; where it is below zero, so is the strength.
    """
    product = (first * second).reshape(len(first), -1).mean(axis=1)
    return np.sign(product) * np.sqrt(np.abs(product))


def third_cumulants(points: Floats) -> Floats:
    """Third cumulants (d, d, d) of points (n, d)."""
    x = points - points.mean(axis=0)
    return np.einsum("ni,nj,nk->ijk", x, x, x, optimize=True) / len(x)


def _learn(
    settings: SummaryTheoryConfig, experiment: Experiment, points: Floats
) -> tuple[float, float, Floats, Floats]:
    """Nats a held-out simulation by which interactions raise the likelihood, the error, couplings, and samples."""
    held, learned = np.split(points, [round(HELD_OUT * len(points))])
    data, test = torch.from_numpy(learned), torch.from_numpy(held)
    gaussian = InvertibleNetwork(points.shape[1], 1, 1)
    whiten(gaussian, data)
    network = start(data, LAYERS, RANK, _seed(settings, experiment, "start"))
    train(network, data, settings.steps, BATCH, RATE, _seed(settings, experiment, "training"))
    with torch.no_grad():
        difference = gaussian.action(test) - network.action(test)
    third = couplings(network, torch.zeros(points.shape[1], dtype=torch.float64), 3)[3].numpy()
    samples = network.sample(DRAWN, torch.Generator().manual_seed(_seed(settings, experiment, "samples"))).numpy()
    return float(difference.mean()), float(difference.std() / math.sqrt(len(test))), third, samples


def _seed(settings: SummaryTheoryConfig, experiment: Experiment, label: str) -> int:
    return derive_seed("summary_theory", experiment.config.seed, settings.seed, label)
