"""Calibration of the joint posterior on fresh simulations: tests of accuracy with random points (TARP)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from darksieve.diagnostics.calibration import observe_once
from darksieve.inference.estimator import Estimator
from darksieve.inference.sampling import sample_joint_of_each
from darksieve.problem.experiment import Experiment
from darksieve.problem.provenance import derive_seed
from darksieve.store.shard import Simulations

__all__ = ["check_joint", "nearest_truths", "random_point_coverage"]

Floats = NDArray[np.float64]
FALSE_ALARM = 0.01
CURVE = np.linspace(0.0, 1.0, 51)
DRAWS = 64
AT_MOST = 1000  # simulations


def check_joint(
    experiment: Experiment, estimator: Estimator, simulations: Simulations, masks: Mapping[str, NDArray[np.bool_]]
) -> dict[str, Any]:
    """`random_point_coverage` of test simulations, in units of the box, with noise drawn once."""
    simulations = simulations.head(AT_MOST)
    x = observe_once(experiment, simulations, masks)
    box, seed = estimator.box, derive_seed("joint calibration", experiment.config.seed)
    truth = (experiment.prior.to_unit(simulations.z) - box.lower) / np.subtract(box.upper, box.lower)
    samples = sample_joint_of_each(estimator, x, experiment.prior, DRAWS, seed)
    flat = np.concatenate([array.reshape(len(truth), -1).numpy() for array in x.values()], axis=1)
    return random_point_coverage(samples, truth, nearest_truths(flat, truth), seed)


def nearest_truths(x: Floats, truth: Floats) -> Floats:
    """For each of n simulations with data x (n, D), the parameters (n, P) of the other one whose data are nearest.

    Such points depend on the data and, given them, not on the true parameters: what TARP needs in order to see a
    posterior that ignores the data.
    """
    from scipy.spatial import cKDTree

    deviation = x.std(axis=0)
    scaled = (x - x.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    return truth[cKDTree(scaled).query(scaled, k=2)[1][:, 1]]


def random_point_coverage(samples: Floats, truth: Floats, points: Floats, seed: int) -> dict[str, Any]:
    """Whether a posterior puts as much mass nearer to a point than the truth as a right one does: uniform in [0, 1].

    Parameters
    ----------
    samples : array (n, m, P)
        Posterior draws of n simulations, in units in which all parameters are alike.
    truth : array (n, P)
    points : array (n, P)
        Points that may depend on the data, not on the truth.
    seed : int
        Breaks ties between the m + 1 places that the truth can have among the draws.

    References: Lemos et al. 2023, ICML (arXiv 2302.03026), theorem 3 and algorithm 2.
    """
    from scipy.stats import kstest

    generator = np.random.default_rng(seed)
    distance = np.linalg.norm(samples - points[:, None], axis=-1)
    nearer = (distance < np.linalg.norm(truth - points, axis=-1)[:, None]).sum(axis=1)
    credibility = (nearer + generator.random(len(nearer))) / (samples.shape[1] + 1)
    test = kstest(credibility, "uniform")
    return {
        "statistic": float(test.pvalue),
        "meaning": "Kolmogorov-Smirnov p-value of the joint posterior's mass nearer to a random point than the truth",
        "expected_range": [FALSE_ALARM, 1.0],
        "passed": bool(test.pvalue >= FALSE_ALARM),
        "simulations": len(truth),
        "draws": samples.shape[1],
        "ks": float(test.statistic),
        "nominal": CURVE.tolist(),
        "empirical": (credibility[:, None] <= CURVE).mean(axis=0).tolist(),
    }
