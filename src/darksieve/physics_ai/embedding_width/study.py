"""The analysis `embedding_width`: an estimator's embedding as a random field, and as a Gaussian process.

At its start: how far from Gaussian a feature is, over random networks of several widths. Once trained: whether the
posterior of the Gaussian process with the embedding's kernel, which learns the parameters from some of the simulations,
predicts by how much the posterior means of an ensemble of estimators scatter. That is a question with no bar: the
process is Bayesian and has fixed features, the estimators learn theirs and are trained by gradient descent.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from darksieve.diagnostics.bars import bar, rounded, summarise_bars
from darksieve.inference.estimator import Estimator
from darksieve.inference.network import RatioNetwork
from darksieve.inference.profiles import marginals_of_simulations, profile_moments
from darksieve.inference.training import train
from darksieve.interpret.images import image_name, observe_images
from darksieve.physics_ai.embedding_width.networks import excess_kurtosis, kernel, narrow, random_hidden, regress
from darksieve.problem.box import Box
from darksieve.problem.errors import DarksieveError
from darksieve.problem.experiment import Experiment
from darksieve.problem.provenance import derive_seed
from darksieve.problem.theories import EmbeddingWidthConfig
from darksieve.store.reader import MemorySource
from darksieve.store.shard import Simulations

__all__ = ["study"]

Floats = NDArray[np.float64]

INPUTS = 64  # images at which kurtosis is measured, and over which activations are normalised
KERNEL_DRAWS = 100  # random networks of the kernel
CELLS = 64  # of a marginal


def study(settings: EmbeddingWidthConfig, experiment: Experiment, simulations: Simulations) -> dict[str, Any]:
    """All of it, for simulations of the first round, from which an ensemble of estimators is trained.

    Raises
    ------
    DarksieveError
        If the data are not one image, or the network is not darksieve's own.
    """
    name = image_name(experiment, simulations)
    if experiment.config.network.class_ is not None:
        raise DarksieveError(
            "a network of one's own has no embedding that is known", where=experiment.name,
            mend="ask for this analysis of experiments with darksieve's own network",
        )  # fmt: skip
    tested, learned = simulations.head(settings.tested), simulations[settings.tested :]
    ensemble = _train_ensemble(settings, experiment, MemorySource(learned))
    learned = learned.head(settings.simulations)
    network = ensemble.networks[0]
    assert isinstance(network, RatioNetwork)
    seen, new = (_observe(experiment, name, part, settings) for part in (learned, tested))
    with torch.no_grad():
        inputs = network.standardise[name](network.compress[name](torch.cat([seen, new])))
    embedding = network.embed[name]
    widths = _widths(settings, experiment, embedding, inputs[:INPUTS])
    means, posterior_widths = _posterior_means(experiment, ensemble, {name: new}, tested.z)
    covariance = kernel(narrow(embedding, 1), inputs, KERNEL_DRAWS, _seed(settings, experiment, "kernel"))
    columns = [experiment.prior.names.index(parameter) for parameter in experiment.one_dimensional]
    known, truth = (experiment.prior.to_unit(part.z)[:, columns] for part in (learned, tested))
    spread = [
        _compare(regress(covariance, known[:, column]), means[:, :, column], truth[:, column])
        for column in range(len(columns))
    ]
    labels = {parameter.name: parameter.label for parameter in experiment.prior}
    law = np.array([entry["kurtosis"] for entry in widths])
    slope, _ = np.polyfit(np.log([entry["width"] for entry in widths]), np.log(np.abs(law)), 1)
    bars = {
        "slope": bar(
            float(slope), -1.1, -0.9, "exponent of the excess kurtosis of a random embedding against its width"
        ),
        "calibration": bar(
            float(np.median([entry["score"] for entry in spread])), 0.85, 1.15,
            "r.m.s. error of the Gaussian process at held-out simulations in units of what it says, median of the "
            "parameters",
        ),
    }  # fmt: skip
    return summarise_bars(
        bars,
        experiment=experiment.name,
        networks=settings.networks,
        simulations=len(learned),
        tested=len(truth),
        labels=[labels[parameter] or parameter for parameter in experiment.one_dimensional],
        widths=widths,
        spread=[entry | {"posterior_width": float(w)} for entry, w in zip(spread, posterior_widths)],
        ratio=float(np.median([entry["ratio"] for entry in spread])),
        rank_correlation=float(np.median([entry["rank_correlation"] for entry in spread])),
    )


def _train_ensemble(settings: EmbeddingWidthConfig, experiment: Experiment, source: MemorySource) -> Estimator:
    training = experiment.config.training.model_copy(update={"ensemble": settings.networks})
    config = experiment.config.model_copy(update={"training": training})
    whole = Box.full(experiment.prior.names)
    return train(replace(experiment, config=config), whole, source, {}, round_number=1)[0]


def _observe(experiment: Experiment, name: str, simulations: Simulations, settings: EmbeddingWidthConfig) -> Tensor:
    seed = _seed(settings, experiment, f"noise of {len(simulations.z)}")
    return torch.from_numpy(observe_images(experiment, name, simulations.x[name], seed))


def _widths(
    settings: EmbeddingWidthConfig, experiment: Experiment, embedding: torch.nn.Module, inputs: Tensor
) -> list[dict[str, float]]:
    """Width of the last hidden layer and excess kurtosis of a feature, with its error, for each divisor."""
    found = []
    for divisor in settings.divisors:
        narrowed = narrow(embedding, divisor)
        seed = _seed(settings, experiment, f"width {divisor}")
        hidden = np.stack([random_hidden(narrowed, inputs, seed + draw) for draw in range(settings.draws)])
        kurtosis, error = excess_kurtosis(hidden)
        found.append({"width": hidden.shape[2], "kurtosis": kurtosis, "error": error})
    return found


def _posterior_means(
    experiment: Experiment, ensemble: Estimator, x: dict[str, Tensor], z: NDArray[np.float32]
) -> tuple[Floats, Floats]:
    """Posterior means (networks, n, P) in the unit cube by each network, and mean posterior widths (P,)."""
    means, deviations = [], []
    for member in ensemble.members:
        moments = [
            [profile_moments(found[parameter].log_ratio) for parameter in experiment.one_dimensional]
            for found in marginals_of_simulations(member, experiment.prior, x, z, CELLS)
        ]
        mean, deviation = np.moveaxis(np.array(moments), 2, 0)
        means.append(mean)
        deviations.append(deviation)
    return np.stack(means), np.mean(deviations, axis=(0, 1))


def _compare(process: tuple[Floats, Floats, float], means: Floats, truth: Floats) -> dict[str, Any]:
    """One parameter: the process's mean and deviation (n,) beside the means (networks, n) of the ensemble.

    `ratio` is the ensemble's scatter over what the process says, both root mean square; `rank_correlation` tells
    whether it is large at the same simulations; `explained` are fractions of the true values' variance; `score` is the
    error of the process in units of the deviation that it gives its predictions, noise included.
    """
    from scipy.stats import spearmanr

    mean, deviation, noise = process
    scatter = means.std(axis=0, ddof=1)
    return {
        "ratio": float(np.sqrt((scatter**2).mean() / (deviation**2).mean())),
        "rank_correlation": float(spearmanr(scatter, deviation)[0]),
        "explained": {
            "process": 1.0 - float(((mean - truth) ** 2).mean() / truth.var()),
            "ensemble": 1.0 - float(((means.mean(axis=0) - truth) ** 2).mean() / truth.var()),
        },
        "score": float(np.sqrt(((mean - truth) ** 2 / (deviation**2 + noise**2)).mean())),
        "scatter": rounded(scatter, 4),
        "deviation": rounded(deviation, 4),
    }


def _seed(settings: EmbeddingWidthConfig, experiment: Experiment, label: str) -> int:
    return derive_seed("embedding_width", experiment.config.seed, settings.seed, label) % 2**40
