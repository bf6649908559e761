"""Calibration of the one-dimensional marginals on fresh simulations from the last box.

Every test simulation gets its posterior on a grid across the box. Four checks read it here: the expected coverage of
highest-density regions, the rank of the truth, whether ranks depend on the data, and whether the mean posterior is the
prior; those of the ratio itself are in `ratios`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from darksieve.diagnostics.ratios import effective_fraction
from darksieve.diagnostics.records import FALSE_ALARM, record_p_values
from darksieve.diagnostics.uniformity import POINTS, empirical_distribution, simultaneous_band, uniform_p_value
from darksieve.inference.estimator import Estimator
from darksieve.inference.profiles import marginals_of_simulations
from darksieve.problem.experiment import Experiment
from darksieve.problem.observation import apply_masks
from darksieve.problem.prior import Prior
from darksieve.problem.provenance import derive_seed
from darksieve.store.shard import Simulations

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "PosteriorChecks",
    "average_posterior",
    "check_simulations",
    "expected_coverage",
    "jeffreys_interval",
    "observe_once",
    "rank_dependence",
    "rank_uniformity",
]

log = logging.getLogger(__name__)
Floats = NDArray[np.float64]
CELLS = 512
BINS = 32
CURVE = np.linspace(0.0, 1.0, 51)
LEVELS = (0.68, 0.95)
MARGINALS_CALIBRATED = 0.9
SHAPES = 4  # Legendre polynomials that tell a mean posterior from the prior
DENSITY_TOLERANCE = 0.02  # of the prior's density: less is no matter


@dataclass(frozen=True)
class PosteriorChecks:
    """For each parameter, what its posteriors say about the truths of n test simulations.

    Attributes
    ----------
    mass : dict of str to array (n,)
        Posterior mass of the region denser than the truth, in the unit cube of the prior.
    rank : dict of str to array (n,)
        Posterior probability below the truth.
    density : dict of str to array (n, bins)
        Posterior density in equal parts of the box, that of the prior being one.
    log_normalisation : dict of str to array (n,)
        Logarithm of the mean ratio r over the box, 0 for a normalised posterior.
    balance : dict of str to array (n,)
        r / (1 + r) at the truth plus its mean over the box, less one.
    effective : dict of str to array (n,)
        Fraction of the prior's samples in the box that count when they are weighted by r.
    """

    mass: dict[str, Floats]
    rank: dict[str, Floats]
    density: dict[str, Floats]
    log_normalisation: dict[str, Floats]
    balance: dict[str, Floats]
    effective: dict[str, Floats]


def check_simulations(
    estimator: Estimator, prior: Prior, names: Sequence[str], x: Mapping[str, Tensor], z: NDArray[np.float32]
) -> PosteriorChecks:
    """Evaluate the marginal posteriors of parameters `names` for test simulations with data x (n, ...), z (n, P)."""
    from scipy.special import expit

    n = len(z)
    mass, rank, log_normalisation, balance, effective = (np.empty((n, len(names))) for _ in range(5))
    density = np.empty((n, len(names), BINS))
    for row, found in enumerate(marginals_of_simulations(estimator, prior, x, z, CELLS)):
        log_ratio = np.stack([found[name].log_ratio for name in names])  # (names, cells)
        at_truth, position = (np.array([getattr(found[k], key) for k in names]) for key in ("at_truth", "position"))
        peak = log_ratio.max(axis=1, keepdims=True)
        relative = np.exp(log_ratio - peak)
        probability = relative / relative.sum(axis=1, keepdims=True)
        mass[row] = np.where(log_ratio > at_truth[:, None], probability, 0.0).sum(axis=1)
        rank[row] = _mass_below(probability, position)
        density[row] = probability.reshape(len(names), BINS, -1).sum(axis=2) * BINS
        log_normalisation[row] = np.log(relative.mean(axis=1)) + peak[:, 0]
        balance[row] = expit(at_truth) + expit(log_ratio).mean(axis=1) - 1
        effective[row] = effective_fraction(log_ratio)
        if (row + 1) % 250 == 0:
            log.info("%d of %d test posteriors", row + 1, n)
    arrays = (mass, rank, density, log_normalisation, balance, effective)
    return PosteriorChecks(*({name: array[:, j] for j, name in enumerate(names)} for array in arrays))


def _mass_below(probability: Floats, position: Floats) -> Floats:
    """Posterior probability (k,) below positions (k,) in the box, from the probabilities (k, cells) of its cells."""
    rows, place = np.arange(len(position)), np.clip(position, 0.0, 1.0) * probability.shape[1]
    cell = np.minimum(place.astype(int), probability.shape[1] - 1)
    inside = probability[rows, cell]
    return np.cumsum(probability, axis=1)[rows, cell] - inside * (cell + 1 - place)


def observe_once(
    experiment: Experiment, simulations: Simulations, masks: Mapping[str, NDArray[np.bool_]]
) -> dict[str, Tensor]:
    """Data of test simulations, with noise that is the same every time."""
    import torch

    noise = torch.Generator().manual_seed(derive_seed("calibration", experiment.config.seed))
    signal = {name: torch.from_numpy(array) for name, array in simulations.x.items()}
    return apply_masks(experiment.simulator.observe(signal, noise), masks)


def jeffreys_interval(hits: ArrayLike, trials: int, confidence: float) -> Floats:
    """Equal-tailed Jeffreys interval (..., 2) of a binomial proportion.

    References: Brown, Cai & DasGupta 2001, Statistical Science 16, 101, section 3.1.
    """
    from scipy.stats import beta

    hits = np.asarray(hits, float)
    tail = 0.5 * (1.0 - confidence)
    low = np.where(hits == 0, 0.0, beta.ppf(tail, hits + 0.5, trials - hits + 0.5))
    high = np.where(hits == trials, 1.0, beta.ppf(1.0 - tail, hits + 0.5, trials - hits + 0.5))
    return np.stack([low, high], axis=-1)


def expected_coverage(mass: Mapping[str, Floats]) -> dict[str, Any]:
    """Expected coverage of highest-density regions, with Jeffreys bands.

    A marginal is calibrated where the nominal 68% and 95% both lie in the band of the empirical coverage; the check
    passes when at least 90% of the marginals are. The confidence of the band, some 99%, is the one with which right
    posteriors fail in 1% of runs: more than k of P independent marginals miss it with probability I_q(k + 1, P - k),
    q being the chance of one.

    References: Hermans et al. 2022, TMLR (arXiv 2110.06581), definition 2.1.
    """
    from scipy.special import betaincinv

    may_miss = int(len(mass) * (1 - MARGINALS_CALIBRATED) + 1e-9)
    confidence = 1 - float(betaincinv(may_miss + 1, len(mass) - may_miss, FALSE_ALARM)) / len(LEVELS)
    marginals = {}
    for name, values in mass.items():
        hits = (values[:, None] <= CURVE).sum(axis=0)
        levels = {}
        for level in LEVELS:
            within = int((values <= level).sum())
            low, high = jeffreys_interval(within, len(values), confidence)
            levels[f"{level:.2f}"] = {
                "empirical": within / len(values), "expected_range": [low, high], "passed": bool(low <= level <= high),
            }  # fmt: skip
        band = jeffreys_interval(hits, len(values), confidence)
        marginals[name] = {
            "levels": levels,
            "nominal": CURVE.tolist(),
            "empirical": (hits / len(values)).tolist(),
            "low": band[:, 0].tolist(),
            "high": band[:, 1].tolist(),
            "passed": all(level["passed"] for level in levels.values()),
        }
    calibrated = sum(marginal["passed"] for marginal in marginals.values()) / len(marginals)
    return {
        "statistic": calibrated,
        "meaning": "fraction of marginals whose 68% and 95% regions cover as often as they say",
        "expected_range": [MARGINALS_CALIBRATED, 1.0],
        "passed": bool(calibrated >= MARGINALS_CALIBRATED),
        "false_alarm": FALSE_ALARM,
        "simulations": len(next(iter(mass.values()))),
        "confidence": confidence,
        "marginals": marginals,
    }


def rank_uniformity(rank: Mapping[str, Floats]) -> dict[str, Any]:
    """Simulation-based calibration: ranks of the truth are uniform if the posterior is right.

    Each parameter's empirical distribution of ranks is held against a simultaneous band (see `uniformity`).

    References: Talts et al. 2018, arXiv 1804.06788, theorem 1.
    """
    simulations = len(next(iter(rank.values())))
    low, high = simultaneous_band(simulations, FALSE_ALARM / len(rank))
    marginals = {
        name: {"p_value": uniform_p_value(values), "empirical": np.round(empirical_distribution(values), 5).tolist()}
        for name, values in rank.items()
    }
    return record_p_values(
        {name: marginal["p_value"] for name, marginal in marginals.items()},
        "smallest p-value of the ranks' distribution in its simultaneous band, times the number of parameters",
        simulations=simulations,
        nominal=POINTS.tolist(),
        low=low.tolist(),
        high=high.tolist(),
        marginals=marginals,
    )


def rank_dependence(rank: Mapping[str, Floats], summaries: Floats) -> dict[str, Any]:
    """Whether ranks of the truth depend on the data, which they do not if the posterior is right.

    Ranks of posteriors that ignore the data are uniform, and errors that differ between data may average out. Under
    the normal quantile function ranks are independent normal numbers, so that the F-test of their linear regression
    on any summaries (n, k) of the data is exact.
    """
    from scipy.special import ndtri
    from scipy.stats import f

    n, k = summaries.shape
    design = np.linalg.qr(summaries - summaries.mean(axis=0))[0]
    p_values = {}
    for name, values in rank.items():
        normal = ndtri(np.clip(values, 0.1 / n, 1 - 0.1 / n))
        normal -= normal.mean()
        explained = ((design.T @ normal) ** 2).sum()
        unexplained = max((normal**2).sum() - explained, 1e-300)
        p_values[name] = float(f.sf(explained / k / (unexplained / (n - k - 1)), k, n - k - 1))
    return record_p_values(
        p_values,
        "smallest p-value of ranks that do not depend on the data, times the number of parameters",
        simulations=n,
        summaries=k,
        marginals={name: {"p_value": p_value} for name, p_value in p_values.items()},
    )


def average_posterior(density: Mapping[str, Floats]) -> dict[str, Any]:
    """The mean posterior of simulations from the box is the prior in it: constant in the unit cube.

    Its projections on the first Legendre polynomials (tilt, curvature, ...) have mean zero, and a covariance that
    their scatter between simulations tells: Hotelling's test, in which a departure of 2% in density is let pass.

    References: Talts et al. 2018, arXiv 1804.06788, equation 1; Hotelling 1931, Ann. Math. Stat. 2, 360.
    """
    from scipy.special import eval_legendre
    from scipy.stats import f

    n, bins = next(iter(density.values())).shape
    middle = 2 * (np.arange(bins) + 0.5) / bins - 1
    shapes = np.stack([eval_legendre(order, middle) for order in range(1, SHAPES + 1)], axis=1)
    shapes = np.linalg.qr(shapes - shapes.mean(axis=0))[0] / np.sqrt(bins)
    marginals = {}
    for name, values in density.items():
        projected = values @ shapes  # (n, SHAPES)
        covariance = np.cov(projected.T) / n + DENSITY_TOLERANCE**2 * np.eye(SHAPES)
        mean = projected.mean(axis=0)
        squared = float(mean @ np.linalg.solve(covariance, mean))
        marginals[name] = {
            "p_value": float(f.sf(squared * (n - SHAPES) / (SHAPES * (n - 1)), SHAPES, n - SHAPES)),
            "density": np.round(values.mean(axis=0), 5).tolist(),
            "standard_error": np.round(values.std(axis=0, ddof=1) / np.sqrt(n), 5).tolist(),
        }
    return record_p_values(
        {name: marginal["p_value"] for name, marginal in marginals.items()},
        "smallest p-value of the mean posterior being the prior, times the number of parameters",
        simulations=n,
        marginals=marginals,
    )
