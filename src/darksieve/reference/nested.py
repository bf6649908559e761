"""Nested sampling with nautilus: importance nested sampling whose bounds are drawn by neural networks.

References: Lange 2023, MNRAS 525, 3181 (nautilus).
"""

from __future__ import annotations

import logging
import os

import h5py
import numpy as np
from nautilus import Sampler
from numpy.typing import NDArray

from darksieve.problem.provenance import derive_seed
from darksieve.reference.progress import Progress
from darksieve.reference.result import Draws
from darksieve.reference.target import Target

__all__ = ["sample_nested", "thin"]

log = logging.getLogger(__name__)

LIVE_POINTS = 1000
NETWORKS = 1  # more of them, nautilus has 4, cost several times the CPU seconds of a fast likelihood and save no call
WEIGHTED = 2  # effective points a sample
CLIPPED = 0.01  # of the posterior's mass at most, by which single points are lighter than their weight says
SECONDS_BETWEEN_STATES = 60.0


def sample_nested(
    target: Target,
    n: int,
    seed: int,
    live_points: int = LIVE_POINTS,
    progress: Progress | None = None,
    seconds: float = SECONDS_BETWEEN_STATES,
) -> Draws:
    """Samples of the posterior, none of them twice and about as many as n, and its evidence.

    The points of the exploration are discarded, so that neither is biased. The evidence is that of the simulator's
    `log_likelihood`, without the constants that it leaves out; the error of its logarithm is that of a mean over as
    many independent points as the weighted ones are worth. Where `progress` has a path, the state is written there
    after every so many seconds, and a run that was interrupted goes on from it to the same samples.
    """
    progress = progress or Progress()

    def open_sampler(state: str | None) -> Sampler:
        return Sampler(
            target.prior.from_unit, target.log_likelihood, n_dim=len(target), n_live=live_points, n_networks=NETWORKS,
            vectorized=True, seed=derive_seed("nested", seed), filepath=state,
        )  # fmt: skip

    sampler = None
    if progress.path is not None and progress.path.is_file():
        try:
            sampler = open_sampler(str(progress.path))
            with h5py.File(progress.path, "r") as file:
                progress.earlier = float(file.attrs["wall_seconds"]), float(file.attrs["cpu_seconds"])
            log.info("resumed after %d likelihoods", sampler.n_like)
        except (OSError, KeyError, ValueError) as error:
            log.warning("state %s is not used: %s", progress.path.name, str(error).splitlines()[0])
            sampler = None
    sampler = sampler or open_sampler(None)
    sampler.filepath = None  # nautilus would write into the file; this way it is whole at any moment
    while not sampler.run(n_eff=WEIGHTED * n, discard_exploration=True, timeout=seconds):
        log.info("%d likelihoods", sampler.n_like)
        if progress.path is not None:
            _write(sampler, progress)
    target.calls = sampler.n_like
    z, log_weight, log_likelihood = sampler.posterior()
    findings = {
        "log_evidence": float(sampler.log_z),
        "log_evidence_error": float(1 / np.sqrt(sampler.n_eff)),
        "largest_log_likelihood": float(log_likelihood.max()),
    }
    return Draws(z[thin(np.exp(log_weight - log_weight.max()), n, seed)], findings=findings)


def thin(weight: NDArray[np.float64], n: int, seed: int) -> NDArray[np.int64]:
    """Indices of about n points, each at most once, that weigh the same: kept by chance in proportion to weight (m,).

    A few points far heavier than all others would leave hardly any of these: what they weigh beyond them is clipped.
    """
    falling = np.sort(weight[weight > 0])[::-1]
    rest = falling.sum() - np.cumsum(falling)  # of all that weigh less than the k heaviest
    kept = np.arange(1, len(falling) + 1) + rest / falling  # expected number, if those are clipped to the k-th of them
    clipped = np.cumsum(falling) - np.arange(1, len(falling) + 1) * falling
    fits = np.flatnonzero((kept <= n) & (clipped <= CLIPPED * falling.sum()))
    heaviest = falling[fits[-1] if len(fits) else 0]
    chance = np.random.default_rng(derive_seed("thinning", seed)).random(len(weight))
    return np.flatnonzero(chance * heaviest < weight)


def _write(sampler: Sampler, progress: Progress) -> None:
    assert progress.path is not None
    part = progress.part
    part.parent.mkdir(parents=True, exist_ok=True)
    sampler.write(str(part), overwrite=True)
    with h5py.File(part, "r+") as file:
        file.attrs["wall_seconds"], file.attrs["cpu_seconds"] = progress.spent()
    os.replace(part, progress.path)
