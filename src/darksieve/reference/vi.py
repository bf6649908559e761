"""Variational inference: the normal distribution of full covariance that is nearest to the posterior, by pyro.

References: Kucukelbir et al. 2017, JMLR 18, 14 (automatic differentiation variational inference), full-rank.
"""

from __future__ import annotations

import pyro
import pyro.distributions as dist
import torch
from pyro.infer import SVI, Trace_ELBO
from pyro.infer.autoguide import AutoMultivariateNormal, init_to_value
from pyro.optim import ClippedAdam

from darksieve.problem.provenance import derive_seed
from darksieve.reference.result import Draws
from darksieve.reference.target import Target
from darksieve.reference.whitening import whiten

__all__ = ["sample_vi"]

STEPS = 500
PARTICLES = 16  # points a step at which the likelihood is evaluated
LEARNING_RATE = 0.03
LAST_LEARNING_RATE = 0.001


def sample_vi(target: Target, chains: int, n: int, seed: int) -> Draws:
    """Independent draws (n, P) of the normal distribution in t, found by stochastic gradients of the evidence bound.

    The search starts from Laplace's approximation about the highest of as many modes as there are `chains`.
    """
    white = whiten(target, chains, seed)
    zero = torch.zeros(len(target), dtype=torch.float64)

    def model() -> None:
        flat = dist.Normal(zero, 1.0).to_event(1).mask(False)  # the prior is part of the log-density
        w = pyro.sample("w", flat)
        pyro.factor("log_density", white.log_density(w.reshape(-1, len(target))).reshape(w.shape[:-1]))

    with torch.random.fork_rng(devices=[]), pyro.get_param_store().scope():
        torch.manual_seed(derive_seed("vi", seed))
        guide = AutoMultivariateNormal(model, init_loc_fn=init_to_value(values={"w": zero}), init_scale=1.0)
        decay = (LAST_LEARNING_RATE / LEARNING_RATE) ** (1 / STEPS)
        bound = Trace_ELBO(num_particles=PARTICLES, vectorize_particles=True, max_plate_nesting=0)
        search = SVI(model, guide, ClippedAdam({"lr": LEARNING_RATE, "lrd": decay}), bound)
        for _ in range(STEPS):
            search.step()
        with torch.no_grad():
            w = guide.get_posterior().sample((n,))
    return Draws(white.physical(w.numpy()))
