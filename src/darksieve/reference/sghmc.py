"""Stochastic-gradient Hamiltonian Monte Carlo with friction, by posteriors.

A noisy gradient heats a Hamiltonian system; friction takes out what it brings in (fluctuation and dissipation). Here
the gradient is that of all data, whose elements need not be independent: its noise is zero unless it is stated, and
the friction's own noise alone drives the chains.

References: Chen, Fox & Guestrin 2014, ICML (arXiv 1402.4102), equation 13.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from darksieve.problem.provenance import derive_seed
from darksieve.reference.result import Draws
from darksieve.reference.target import Target
from darksieve.reference.whitening import whiten

with warnings.catch_warnings():  # of tensordict, about defaults that posteriors does not change
    warnings.simplefilter("ignore", FutureWarning)
    from posteriors.sgmcmc import sghmc

__all__ = ["run_chains", "sample_sghmc"]

log = logging.getLogger(__name__)
STEP = 0.05  # in units in which the posterior is about a unit normal distribution
FRICTION = 2.0  # critical there
THINNING = 20  # steps a sample
WARM_UP = 0.25  # of the samples of a chain


def sample_sghmc(target: Target, chains: int, samples: int, seed: int) -> Draws:
    """`samples` of each chain, `THINNING` steps apart, after a warm-up; all chains step together.

    There is no rejection: in a direction in which the posterior is a unit normal distribution, a finite step makes the
    variance too large by about STEP / FRICTION, 2.5%.
    """
    white = whiten(target, chains, seed)

    def log_posterior(w: Tensor, _: None) -> tuple[Tensor, Tensor]:
        return white.log_density(w).sum(), torch.empty(0)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed("sghmc", seed))
        w = run_chains(log_posterior, torch.from_numpy(white.starts), round((1 + WARM_UP) * samples))
    return Draws(white.physical(w[:, -samples:].reshape(-1, len(target))), chains)


def run_chains(
    log_posterior: Callable[[Tensor, None], tuple[Tensor, Tensor]],
    start: Tensor,
    samples: int,
    step: float = STEP,
    friction: float = FRICTION,
    gradient_noise: float = 0.0,
    thinning: int = THINNING,
) -> NDArray[np.float64]:
    """Places (chains, samples, P) of chains that start at (chains, P).

    Parameters
    ----------
    log_posterior : function
        Sum of the chains' log-densities, and no auxiliary output.
    gradient_noise : float
        Variance of each component of the gradient; the friction's noise is lowered by it.
    """
    transform = sghmc.build(log_posterior, lr=step, alpha=friction, beta=gradient_noise)
    state = transform.init(start)
    places = np.empty((samples, *start.shape))
    for number in range(samples):
        for _ in range(thinning):
            state, _ = transform.update(state, None, inplace=False)
        places[number] = state.params.numpy()
        if (number + 1) % 250 == 0:
            log.info("%d of %d samples a chain", number + 1, samples)
    return places.transpose(1, 0, 2)
