"""Samples of the posteriors from a trained estimator and one observation."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from darksieve.inference.estimator import Estimator
from darksieve.inference.network import RatioNetwork
from darksieve.inference.posterior import MarginalSamples
from darksieve.problem.observation import Observation
from darksieve.problem.prior import Prior
from darksieve.problem.provenance import derive_seed

__all__ = ["sample_joint", "sample_marginals"]

CELLS = 64
TAIL = 1e-5
ROWS_AT_ONCE = 1024


def sample_marginals(
    estimator: Estimator, observation: Observation, prior: Prior, n: int, seed: int
) -> dict[tuple[str, ...], MarginalSamples]:
    """Weighted samples of every marginal: a scrambled Sobol sequence over the box, weighted by the ratios.

    Parameters
    ----------
    estimator : Estimator
    observation : Observation
    prior : Prior
    n : int
        Samples a marginal.
    seed : int
        Scrambles the sequence.
    """
    engine = torch.quasirandom.SobolEngine(len(prior), scramble=True, seed=derive_seed("sobol", seed) % 2**31)
    z = prior.from_unit(estimator.box.scale(engine.draw(n, dtype=torch.float64).numpy()))
    return {
        names: MarginalSamples(names, z[:, prior.columns(names)], log_ratio)
        for names, log_ratio in estimator.log_ratios(observation.batch(), z).items()
    }


@torch.no_grad()
def sample_joint(estimator: Estimator, observation: Observation, prior: Prior, n: int, seed: int) -> MarginalSamples:
    """Samples (n, P) of the joint posterior, one parameter after the other.

    Each conditional density is evaluated on a grid across the box, refined where it is not negligible, and
    inverted: every sample is independent, and no weights can collapse.
    """
    network = estimator.network
    assert isinstance(network, RatioNetwork)
    device, parameters = estimator.device, len(prior)
    summary = network.summarise({name: array.to(device) for name, array in observation.batch().items()})
    generator = torch.Generator().manual_seed(derive_seed("joint", seed))
    uniform = torch.rand(n, parameters, generator=generator)
    unit = np.full((n, parameters), 0.5)
    for k in range(parameters):
        for start in range(0, n, ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            context = _standardised(network, prior, estimator, unit[rows], device)
            unit[rows, k] = _draw_conditional(network, prior, estimator, summary, context, k, uniform[rows, k].numpy())
    z = prior.from_unit(estimator.box.scale(unit))
    return MarginalSamples(prior.names, z, np.zeros(n))


def _standardised(
    network: RatioNetwork, prior: Prior, estimator: Estimator, unit: NDArray[np.float64], device: torch.device
) -> Tensor:
    z = torch.from_numpy(prior.from_unit(estimator.box.scale(unit))).float().to(device)
    return network.standardise_z(z)


def _draw_conditional(
    network: RatioNetwork,
    prior: Prior,
    estimator: Estimator,
    summary: Tensor,
    context: Tensor,
    k: int,
    uniform: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Positions (n,) inside the box's edge k, drawn given the parameters before k in `context` (n, P)."""
    low, high = np.zeros(len(context)), np.ones(len(context))
    for _ in range(2):
        edges = low[:, None] + (high - low)[:, None] * np.linspace(0.0, 1.0, CELLS + 1)
        middle = 0.5 * (edges[:, 1:] + edges[:, :-1])
        log_ratio = _conditional_log_ratio(network, prior, estimator, summary, context, k, middle)
        density = np.exp(log_ratio - log_ratio.max(axis=1, keepdims=True))
        kept = density > TAIL
        first = np.maximum(kept.argmax(axis=1) - 1, 0)
        last = np.minimum(CELLS - kept[:, ::-1].argmax(axis=1) + 1, CELLS)
        rows = np.arange(len(context))
        low, high = edges[rows, first], edges[rows, last]
    cumulative = np.concatenate([np.zeros((len(context), 1)), np.cumsum(density, axis=1)], axis=1)
    cumulative /= cumulative[:, -1:]
    cell = np.clip((cumulative <= uniform[:, None]).sum(axis=1) - 1, 0, CELLS - 1)
    below, above = cumulative[rows, cell], cumulative[rows, cell + 1]
    fraction = (uniform - below) / np.maximum(above - below, 1e-300)
    return edges[rows, cell] + fraction * (edges[rows, cell + 1] - edges[rows, cell])


def _conditional_log_ratio(
    network: RatioNetwork,
    prior: Prior,
    estimator: Estimator,
    summary: Tensor,
    context: Tensor,
    k: int,
    position: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Log-ratios (n, cells) of parameter k at positions (n, cells) inside the box's edge k."""
    assert network.all is not None
    n, cells = position.shape
    low, high = estimator.box.lower[k], estimator.box.upper[k]
    z = prior.parameters[k].prior.quantile(low + (high - low) * position)
    z = (torch.from_numpy(z).float().to(context.device) - network.standardise_z.mean[k]) / network.standardise_z.scale[
        k
    ]
    repeated = context.repeat_interleave(cells, dim=0)
    log_ratio = network.all.conditional(summary.expand(n * cells, -1), repeated, z.reshape(-1), k)
    return log_ratio.reshape(n, cells).double().cpu().numpy()
