"""Neural importance sampling: a normalising flow learns where the posterior is, and weights make its draws exact.

The flow is fitted by maximum likelihood to weighted draws of the proposals before it, several times over; the mean of
the last one's weights is the evidence. A share of a wide normal distribution in every proposal keeps weights bounded
where the flow leaves out a tail.

References: Mueller et al. 2019, ACM Trans. Graph. 38, 145 (arXiv 1808.03856), section 4; Durkan et al. 2019, NeurIPS 32
(arXiv 1906.04032; spline couplings); Owen & Zhou 2000, JASA 95, 135 (defensive mixtures and weights of all proposals
together).
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence

import numpy as np
import pyro.distributions as dist
import pyro.distributions.transforms as transforms
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp
from torch import nn

from darksieve.problem.provenance import derive_seed
from darksieve.reference.result import Draws
from darksieve.reference.target import Target
from darksieve.reference.whitening import whiten

__all__ = ["Proposal", "sample_flow"]

log = logging.getLogger(__name__)
Floats = NDArray[np.float64]

ROUNDS = 8  # at most
DRAWN = 2000  # points a round
GOOD = 0.6  # effective fraction with which the search ends
LAST = 4  # points of the last proposal, times the samples that are wanted
FEWEST = 200  # effective points that a flow can be fitted to; fewer give a normal distribution
LAYERS, HIDDEN, BINS, BOUND = 4, 64, 8, 5.0
STEPS, BATCH, RATE = 250, 512, 5e-3
WIDE, SHARE = 1.5, 0.1  # of the wide distribution: its scale, and its share of a proposal
FIRST = 2.0  # standard deviations of Laplace's approximation from which the search begins


class Proposal:
    """A density of t in R^P: a flow of u, t = centre + root u, and a share of a wide normal distribution."""

    def __init__(self, centre: ArrayLike, root: ArrayLike, flow: dist.TransformedDistribution | None = None) -> None:
        self.centre, self.root, self.flow = np.asarray(centre, float), np.asarray(root, float), flow
        self._log_volume = float(np.log(np.abs(np.diag(self.root))).sum())

    def draw(self, n: int, generator: np.random.Generator) -> Floats:
        """Points t (n, P)."""
        u = WIDE * generator.normal(size=(n, len(self.centre)))
        inner = generator.uniform(size=n) > SHARE
        u[inner] = generator.normal(size=(int(inner.sum()), len(self.centre)))
        if self.flow is not None:
            with torch.no_grad():
                moved = torch.from_numpy(u[inner])
                for transform in self.flow.transforms:
                    moved = transform(moved)
            u[inner] = moved.numpy()
        return self.centre + u @ self.root.T

    def log_density(self, t: Floats) -> Floats:
        """ln q (n,) at points t (n, P)."""
        u = np.linalg.solve(self.root, (t - self.centre).T).T
        wide = _log_normal(u / WIDE) - u.shape[1] * math.log(WIDE)
        with torch.no_grad():
            inner = _log_normal(u) if self.flow is None else self.flow.log_prob(torch.from_numpy(u)).numpy()
        return np.logaddexp(math.log(1 - SHARE) + inner, math.log(SHARE) + wide) - self._log_volume


def sample_flow(target: Target, chains: int, n: int, seed: int) -> Draws:
    """Draws (n, P) of the posterior, fewer if weighted ones are worth less, and its evidence.

    The search begins with draws of the prior and of Laplace's approximation about the highest of as many modes as
    there are `chains`. A weighted draw comes as often as it weighs, rarely more than once. The findings are
    `log_evidence`, that of the simulator's `log_likelihood` without the constants that it leaves out, with
    `log_evidence_error`; `effective_fraction`, what a weighted draw of the last proposal is worth; and `rounds`.
    """
    generator = np.random.default_rng(derive_seed("flow", seed))
    white = whiten(target, chains, seed)
    zero = np.zeros(len(target))
    laplace = np.linalg.cholesky(white.root @ white.root.T)
    proposals = [Proposal(zero, np.eye(len(target))), Proposal(white.centre, FIRST * laplace)]
    pool = np.concatenate([proposal.draw(DRAWN, generator) for proposal in proposals])
    value = target.log_density(pool)
    fraction = 0.0
    while len(proposals) < ROUNDS + 2 and fraction < GOOD:
        proposal = _fit(pool, _weigh(pool, value, proposals), derive_seed("flow", seed, len(proposals)))
        proposals.append(proposal)
        drawn = proposal.draw(DRAWN, generator)
        found = target.log_density(drawn)
        fraction = _effective(found - proposal.log_density(drawn)) / DRAWN
        log.info("round %d: effective fraction %.3f, %d likelihoods", len(proposals) - 2, fraction, target.calls)
        pool, value = np.concatenate([pool, drawn]), np.concatenate([value, found])
    return _finish(target, proposals[-1], n, len(proposals) - 2, generator)


def _finish(target: Target, proposal: Proposal, n: int, rounds: int, generator: np.random.Generator) -> Draws:
    """Fresh draws of one proposal, so that what it was fitted to biases neither samples nor evidence."""
    t = proposal.draw(LAST * n, generator)
    log_weight = target.log_density(t) - proposal.log_density(t)
    effective = _effective(log_weight)
    number = min(n, int(effective))
    places = (np.arange(number) + generator.uniform()) / number  # systematic resampling
    shares = np.exp(log_weight - logsumexp(log_weight)).cumsum()
    chosen = generator.permutation(np.searchsorted(shares, places * shares[-1]))
    findings = {
        "log_evidence": _log_mean(log_weight) - 0.5 * len(target) * math.log(2 * math.pi),
        "log_evidence_error": math.sqrt(1 / effective - 1 / len(t)),
        "effective_fraction": effective / len(t),
        "rounds": float(rounds),
    }
    return Draws(target.physical(t[chosen]), findings=findings)


def _weigh(pool: Floats, value: Floats, proposals: Sequence[Proposal]) -> Floats:
    """Logarithms of weights (n,) of the draws of all proposals together, none far above the others (Ionides 2008)."""
    densities = np.stack([proposal.log_density(pool) for proposal in proposals])  # each drew as many points
    log_weight = value - logsumexp(densities, axis=0) + math.log(len(proposals))
    return np.minimum(log_weight, _log_mean(log_weight) + 0.5 * math.log(len(pool)))


def _fit(pool: Floats, log_weight: Floats, seed: int) -> Proposal:
    """The normal distribution of weighted points (n, P), bent by a flow where there are enough of them."""
    weight = np.exp(log_weight - logsumexp(log_weight))
    centre = weight @ pool
    covariance = (weight * (pool - centre).T) @ (pool - centre)
    root = np.linalg.cholesky(covariance + 1e-12 * np.trace(covariance) * np.eye(len(centre)))
    if _effective(log_weight) < FEWEST:
        return Proposal(centre, root)
    u = torch.from_numpy(np.linalg.solve(root, (pool - centre).T).T)
    return Proposal(centre, root, _train(u, weight, seed))


def _train(u: torch.Tensor, weight: Floats, seed: int) -> dist.TransformedDistribution:
    """A flow of spline couplings, by maximum likelihood of points u (n, P) that are drawn as they weigh."""
    size = u.shape[1]
    chances = torch.from_numpy(weight)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        couplings = nn.ModuleList(
            transforms.spline_coupling(size, hidden_dims=[HIDDEN, HIDDEN], count_bins=BINS, bound=BOUND).double()
            for _ in range(LAYERS)
        )
        swap = transforms.Permute(torch.arange(size).roll(size // 2))
        layers = [layer for coupling in couplings for layer in (coupling, swap)]
        normal = dist.Normal(torch.zeros(size, dtype=torch.float64), 1.0).to_event(1)
        flow = dist.TransformedDistribution(normal, layers)
        optimiser = torch.optim.Adam(couplings.parameters(), lr=RATE)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
        for _ in range(STEPS):
            loss = -flow.log_prob(u[torch.multinomial(chances, BATCH, replacement=True)]).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            flow.clear_cache()
            schedule.step()
    return flow


def _effective(log_weight: Floats) -> float:
    """Effective number of weighted points."""
    return float(np.exp(2 * logsumexp(log_weight) - logsumexp(2 * log_weight)))


def _log_mean(log_weight: Floats) -> float:
    return float(logsumexp(log_weight)) - math.log(len(log_weight))


def _log_normal(u: NDArray[np.floating]) -> Floats:
    return -0.5 * (u**2).sum(axis=1) - 0.5 * u.shape[1] * math.log(2 * math.pi)
