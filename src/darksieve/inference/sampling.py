"""Samples of the posteriors from a trained estimator and one observation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from darksieve.inference.estimator import Estimator
from darksieve.inference.network import RatioNetwork
from darksieve.inference.posterior import MarginalSamples
from darksieve.problem.box import Box
from darksieve.problem.observation import Observation
from darksieve.problem.prior import Prior
from darksieve.problem.provenance import derive_seed

__all__ = ["sample_joint", "sample_joint_of_each", "sample_marginals"]

Floats = NDArray[np.float64]
NARROWINGS = 2
PILOT = 8192
NEGLIGIBLE = 1e-6  # of the peak density
FEWEST = 32  # points that tell where a marginal lies
OVERSAMPLING = 4  # a dimension of the marginal: no point of a Gaussian is then picked more than twice
ROWS_AT_ONCE = 65536


def sample_marginals(
    estimator: Estimator, observation: Observation, prior: Prior, n: int, seed: int
) -> dict[tuple[str, ...], MarginalSamples]:
    """Samples of every marginal, of equal weight.

    The box is first narrowed to where the posterior is not negligible; a scrambled Sobol sequence over what is left is
    weighted by the ratios, and resampled.

    Parameters
    ----------
    estimator : Estimator
    observation : Observation
    prior : Prior
    n : int
        Samples a marginal.
    seed : int
        Scrambles the sequences and picks the samples.
    """
    x, box = observation.batch(), estimator.box
    for step in range(NARROWINGS):
        unit = _sobol(len(prior), PILOT, derive_seed("narrow", seed, step))
        log_ratios = estimator.log_ratios(x, prior.from_unit(box.scale(unit)))
        box = _narrow(box, unit, log_ratios)
    points = OVERSAMPLING ** max(map(len, log_ratios)) * n
    z = prior.from_unit(box.scale(_sobol(len(prior), points, derive_seed("sobol", seed))))
    generator = np.random.default_rng(derive_seed("resample", seed))
    found = {}
    for names, log_ratio in estimator.log_ratios(x, z).items():
        cumulative = np.cumsum(np.exp(log_ratio - log_ratio.max()))
        picked = np.searchsorted(cumulative, (np.arange(n) + generator.random(n)) / n * cumulative[-1])
        found[names] = MarginalSamples(names, z[np.ix_(picked, prior.columns(names))], np.zeros(n))
    return found


def _sobol(dimension: int, n: int, seed: int) -> Floats:
    """Points (n, dimension) of a scrambled Sobol sequence in the unit cube."""
    engine = torch.quasirandom.SobolEngine(dimension, scramble=True, seed=seed % 2**31)
    return engine.draw(n, dtype=torch.float64).numpy()


def _narrow(box: Box, unit: Floats, log_ratios: Mapping[tuple[str, ...], Floats]) -> Box:
    """The part of a box in which some marginal is not negligible, from its log-ratios at points `unit` (n, P)."""
    low, high = np.ones(len(box.names)), np.zeros(len(box.names))
    for names, log_ratio in log_ratios.items():
        kept = unit[log_ratio >= min(log_ratio.max() + np.log(NEGLIGIBLE), np.sort(log_ratio)[-FEWEST])]
        for column in map(box.names.index, names):
            first, last = kept[:, column].min(), kept[:, column].max()
            margin = 2 * (last - first) / np.sqrt(len(kept))
            low[column] = max(0.0, min(low[column], first - margin))
            high[column] = min(1.0, max(high[column], last + margin))
    absent = low > high
    low[absent], high[absent] = 0.0, 1.0
    return Box(box.names, tuple(box.scale(low)), tuple(box.scale(high)))


def sample_joint(estimator: Estimator, observation: Observation, prior: Prior, n: int, seed: int) -> MarginalSamples:
    """Independent samples (n, P) of the joint posterior, one parameter after the other: no weights can collapse."""
    unit = sample_joint_of_each(estimator, observation.batch(), prior, n, seed)[0]
    return MarginalSamples(prior.names, prior.from_unit(estimator.box.scale(unit)), np.zeros(n))


@torch.no_grad()
def sample_joint_of_each(estimator: Estimator, x: Mapping[str, Tensor], prior: Prior, n: int, seed: int) -> Floats:
    """Samples (m, n, P) of the joint posteriors of data x (m, ...), as fractions of the edges of the box."""
    box, data = estimator.box, {name: array.to(estimator.device) for name, array in x.items()}
    shares = [len(part) for part in np.array_split(np.arange(n), len(estimator.networks))]
    generator = torch.Generator().manual_seed(derive_seed("joint", seed))
    z = [_draw_joint(network, data, share, generator) for network, share in zip(estimator.networks, shares)]
    unit = prior.to_unit(np.concatenate(z, axis=1))
    return ((unit - box.lower) / np.subtract(box.upper, box.lower)).clip(0.0, 1.0)


def _draw_joint(network: nn.Module, x: Mapping[str, Tensor], n: int, generator: torch.Generator) -> Floats:
    """Samples (m, n, P) of parameters in physical units that one network gives for data x (m, ...)."""
    assert isinstance(network, RatioNetwork)
    assert network.joint
    summary, parameters = network.eval().summarise(x), len(network.coordinates.prior)
    t = torch.zeros(len(summary) * n, parameters, dtype=torch.float64, device=summary.device)
    for rows in torch.arange(len(t)).split(ROWS_AT_ONCE):
        given, uniform = summary[rows // n], torch.rand(len(rows), parameters, 2, generator=generator).double()
        for k, term in enumerate(network.chains[-1]):
            t[rows, k] = network.conditionals.draw(given, t[rows], term, uniform[:, k].to(t.device))
    return network.coordinates.inverse(t).reshape(-1, n, parameters).cpu().numpy()
