"""Hamiltonian Monte Carlo without U-turns (NUTS), by pyro.

References: Hoffman & Gelman 2014, JMLR 15, 1593.
"""

from __future__ import annotations

import numpy as np
import torch
from pyro.infer import MCMC, NUTS
from torch import Tensor

from darksieve.problem.provenance import derive_seed
from darksieve.reference.result import Draws
from darksieve.reference.target import Target
from darksieve.reference.whitening import whiten

__all__ = ["sample_nuts"]

WARM_UP = 0.5  # of the samples of a chain


def sample_nuts(target: Target, chains: int, samples: int, seed: int) -> Draws:
    """`samples` of each chain after its warm-up, in which the step and a dense mass matrix are adapted.

    The chains run one after the other: a job has the cores that it was given.
    """
    white = whiten(target, chains, seed)

    def potential(place: dict[str, Tensor]) -> Tensor:
        return -white.log_density(place["w"][None])[0]

    found, divergences = [], 0
    for chain, start in enumerate(white.starts):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed("nuts", seed, chain))
            run = MCMC(
                NUTS(potential_fn=potential, full_mass=True), num_samples=samples,
                warmup_steps=round(WARM_UP * samples), initial_params={"w": torch.from_numpy(start)},
                disable_progbar=True,
            )  # fmt: skip
            run.run()
        found.append(run.get_samples()["w"].numpy())
        divergences += len(run.diagnostics()["divergences"]["chain 0"])
    return Draws(white.physical(np.concatenate(found)), chains, {"divergences": divergences})
