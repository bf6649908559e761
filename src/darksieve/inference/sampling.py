"""Samples of the posteriors from a trained estimator and one observation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

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
CELLS = 64
TAIL = 1e-5
ROWS_AT_ONCE = 1024


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


@torch.no_grad()
def sample_joint(estimator: Estimator, observation: Observation, prior: Prior, n: int, seed: int) -> MarginalSamples:
    """Samples (n, P) of the joint posterior, one parameter after the other.

    Each conditional density is evaluated on a grid across the box, refined where it is not negligible, and
    inverted: every sample is independent, and no weights can collapse.
    """
    unit = sample_joint_of_each(estimator, observation.batch(), prior, n, seed)[0]
    return MarginalSamples(prior.names, prior.from_unit(estimator.box.scale(unit)), np.zeros(n))


@torch.no_grad()
def sample_joint_of_each(estimator: Estimator, x: Mapping[str, Tensor], prior: Prior, n: int, seed: int) -> Floats:
    """Samples (m, n, P) of the joint posteriors of data x (m, ...), as fractions of the edges of the box."""
    conditionals = _Conditionals(estimator, x, prior)
    owner = np.repeat(np.arange(len(conditionals.summary)), n)
    generator = torch.Generator().manual_seed(derive_seed("joint", seed))
    uniform = torch.rand(len(owner), len(prior), generator=generator, dtype=torch.float64).numpy()
    unit = np.full((len(owner), len(prior)), 0.5)
    for k in range(len(prior)):
        for start in range(0, len(owner), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            unit[rows, k] = conditionals.draw(k, owner[rows], unit[rows], uniform[rows, k])
    return unit.reshape(-1, n, len(prior))


class _Conditionals:
    """Conditional densities of each parameter given those before it, for some data, along the box's edges."""

    def __init__(self, estimator: Estimator, x: Mapping[str, Tensor], prior: Prior) -> None:
        assert isinstance(estimator.network, RatioNetwork)
        assert estimator.network.all is not None
        self.network, self.ratios = estimator.network, estimator.network.all
        self.prior, self.box, self.device = prior, estimator.box, estimator.device
        self.summary = self.network.summarise({name: array.to(self.device) for name, array in x.items()})

    def draw(self, k: int, owner: NDArray[np.int64], unit: Floats, uniform: Floats) -> Floats:
        """Positions (n,) of parameter k inside the box, given the data numbered by `owner` (n,) and `unit` (n, P).

        `uniform` (n,) holds the random numbers, in [0, 1].
        """
        rows = np.arange(len(unit))
        low, high = np.zeros(len(unit)), np.ones(len(unit))
        for _ in range(2):
            edges = low[:, None] + (high - low)[:, None] * np.linspace(0.0, 1.0, CELLS + 1)
            log_ratio = self.log_ratio(k, owner, unit, 0.5 * (edges[:, 1:] + edges[:, :-1]))
            density = np.exp(log_ratio - log_ratio.max(axis=1, keepdims=True))
            kept = density > TAIL
            first = np.maximum(kept.argmax(axis=1) - 1, 0)
            last = np.minimum(CELLS - kept[:, ::-1].argmax(axis=1) + 1, CELLS)
            low, high = edges[rows, first], edges[rows, last]
        cumulative = np.concatenate([np.zeros((len(unit), 1)), np.cumsum(density, axis=1)], axis=1)
        cumulative /= cumulative[:, -1:]
        cell = np.clip((cumulative <= uniform[:, None]).sum(axis=1) - 1, 0, CELLS - 1)
        below, above = cumulative[rows, cell], cumulative[rows, cell + 1]
        fraction = (uniform - below) / np.maximum(above - below, 1e-300)
        return edges[rows, cell] + fraction * (edges[rows, cell + 1] - edges[rows, cell])

    def log_ratio(self, k: int, owner: NDArray[np.int64], unit: Floats, position: Floats) -> Floats:
        """Log-ratios (n, cells) of parameter k at positions (n, cells) along its edge, given data and `unit` (n, P)."""
        scale = self.network.standardise_z
        z = torch.from_numpy(self.prior.from_unit(self.box.scale(unit))).float().to(self.device)
        low, high = self.box.lower[k], self.box.upper[k]
        values = self.prior.parameters[k].prior.quantile(low + (high - low) * position)
        z_k = (torch.from_numpy(values).float().to(self.device) - scale.mean[k]) / scale.scale[k]
        log_ratio = self.ratios.conditional(self.summary[torch.from_numpy(owner)], scale(z), z_k, k)
        return log_ratio.double().cpu().numpy()
