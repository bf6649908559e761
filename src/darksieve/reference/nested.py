"""Nested sampling with nautilus: importance nested sampling whose bounds are drawn by neural networks.

References: Lange 2023, MNRAS 525, 3181 (nautilus).
"""

from __future__ import annotations

import numpy as np
from nautilus import Sampler

from darksieve.problem.provenance import derive_seed
from darksieve.reference.result import Draws
from darksieve.reference.target import Target

__all__ = ["sample_nested"]

LIVE_POINTS = 1000
NETWORKS = 1  # more of them, nautilus has 4, cost several times the CPU seconds of a fast likelihood and save no call
WEIGHTED = 2  # effective points a sample: a point is kept with the probability that its weight is of the largest


def sample_nested(target: Target, n: int, seed: int, live_points: int = LIVE_POINTS) -> Draws:
    """Samples of the posterior, none of them twice and about as many as n, and its evidence.

    The points of the exploration are discarded, so that neither is biased. The evidence is that of the simulator's
    `log_likelihood`, without the constants that it leaves out; the error of its logarithm is that of a mean over as
    many independent points as the weighted ones are worth.
    """
    sampler = Sampler(
        target.prior.from_unit, target.log_likelihood, n_dim=len(target), n_live=live_points, n_networks=NETWORKS,
        vectorized=True, seed=derive_seed("nested", seed),
    )  # fmt: skip
    sampler.run(n_eff=WEIGHTED * n, discard_exploration=True)
    z, _, _ = sampler.posterior(equal_weight=True)
    _, _, log_likelihood = sampler.posterior()
    findings = {
        "log_evidence": float(sampler.log_z),
        "log_evidence_error": float(1 / np.sqrt(sampler.n_eff)),
        "largest_log_likelihood": float(log_likelihood.max()),
    }
    return Draws(z, findings=findings)
