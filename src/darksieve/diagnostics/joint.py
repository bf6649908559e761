"""Calibration of the joint posterior: with random points (TARP) on all fresh simulations, and at the observation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from darksieve.diagnostics.calibration import observe_once
from darksieve.diagnostics.local import EVALUATIONS, local_two_sample_test
from darksieve.diagnostics.records import FALSE_ALARM, record_p_values
from darksieve.diagnostics.summaries import Components, summarise_data
from darksieve.diagnostics.uniformity import POINTS, empirical_distribution, simultaneous_band, uniform_p_value
from darksieve.inference.estimator import Estimator
from darksieve.inference.sampling import sample_joint_of_each
from darksieve.problem.experiment import Experiment
from darksieve.problem.observation import Observation
from darksieve.problem.provenance import derive_seed
from darksieve.store.shard import Simulations

__all__ = ["SUMMARIES", "check_joint", "nearby_truths", "random_point_coverage"]

Floats = NDArray[np.float64]
DRAWS = 64
AT_MOST = 1000  # simulations
SUMMARIES = 5
NEIGHBOURS = 25


def check_joint(
    experiment: Experiment, estimator: Estimator, simulations: Simulations, observation: Observation
) -> tuple[dict[str, Any], dict[str, Any]]:
    """`random_point_coverage` and `local_two_sample_test` of test simulations, in units of the box."""
    simulations = simulations.head(AT_MOST)
    x = observe_once(experiment, simulations, observation.masks)
    box, prior, seed = estimator.box, experiment.prior, derive_seed("joint calibration", experiment.config.seed)
    truth = (prior.to_unit(simulations.z) - box.lower) / np.subtract(box.upper, box.lower)
    draws = sample_joint_of_each(estimator, x, prior, DRAWS, seed)
    flat = np.concatenate([array.reshape(len(truth), -1).numpy() for array in x.values()], axis=1)
    points = nearby_truths(flat, truth, derive_seed("points", seed))
    everywhere = random_point_coverage(draws, truth, points, seed)
    summaries, observed = summarise_data(estimator, x), summarise_data(estimator, observation.batch())
    components = Components.find(summaries, SUMMARIES)
    at_observation = sample_joint_of_each(
        estimator, observation.batch(), prior, DRAWS + EVALUATIONS, derive_seed("observed", seed)
    )
    local = local_two_sample_test(
        truth, draws, components(summaries), at_observation[0], components(observed)[0], derive_seed("local", seed)
    )
    return everywhere, local


def nearby_truths(x: Floats, truth: Floats, seed: int) -> Floats:
    """For each of n simulations with data x (n, D), the parameters (n, P) of one of the 25 others with nearest data.

    Such points depend on the data and, given them, not on the true parameters: what TARP needs in order to see a
    posterior that ignores the data. The very nearest are often each other's, and their distances the same: then
    simulations are not independent, and the test says no to right posteriors in 3% of cases in place of 1%.
    """
    from scipy.spatial import cKDTree

    deviation = x.std(axis=0)
    scaled = (x - x.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    neighbours = min(NEIGHBOURS, len(x) - 1)
    nearest = cKDTree(scaled).query(scaled, k=neighbours + 1)[1][:, 1:]
    picked = np.random.default_rng(seed).integers(0, neighbours, (len(x), 1))
    return truth[np.take_along_axis(nearest, picked, axis=1)[:, 0]]


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
    generator = np.random.default_rng(seed)
    distance = np.linalg.norm(samples - points[:, None], axis=-1)
    nearer = (distance < np.linalg.norm(truth - points, axis=-1)[:, None]).sum(axis=1)
    credibility = (nearer + generator.random(len(nearer))) / (samples.shape[1] + 1)
    low, high = simultaneous_band(len(truth), FALSE_ALARM)
    return record_p_values(
        {"joint": uniform_p_value(credibility)},
        "p-value of the joint posterior's mass nearer to a random point than the truth being uniform (TARP)",
        simulations=len(truth),
        draws=samples.shape[1],
        nominal=POINTS.tolist(),
        empirical=np.round(empirical_distribution(credibility), 5).tolist(),
        low=low.tolist(),
        high=high.tolist(),
    )
