"""Exact draws of the posterior of a toy problem."""

from __future__ import annotations

import numpy as np

from darksieve.problem.errors import DarksieveError
from darksieve.problem.experiment import Experiment
from darksieve.problem.observation import Observation
from darksieve.problem.provenance import derive_seed
from darksieve.problem.simulator import WithExactPosterior
from darksieve.reference.result import Draws

__all__ = ["sample_exact"]


def sample_exact(experiment: Experiment, observation: Observation, n: int, seed: int) -> Draws:
    """Independent draws (n, P), no likelihood called.

    Raises
    ------
    DarksieveError
        If the simulator has no exact samples.
    """
    simulator = experiment.simulator
    if not isinstance(simulator, WithExactPosterior):
        raise DarksieveError("has no exact_samples", where=f"simulator {type(simulator).__name__}")
    (x,) = observation.x.values()
    return Draws(simulator.exact_samples(x.astype(np.float64), n, derive_seed("exact", seed)))
