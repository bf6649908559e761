"""Calibration of the one-dimensional marginals on fresh simulations from the last box.

Every test simulation gets its posterior on a grid across the box. Three checks read it: the expected coverage of
highest-density regions, the rank of the truth, and the integral of the ratio over the prior.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from darksieve.inference.estimator import Estimator
from darksieve.inference.profiles import marginals_of_simulations
from darksieve.problem.experiment import Experiment
from darksieve.problem.observation import apply_masks
from darksieve.problem.provenance import derive_seed
from darksieve.store.shard import Simulations

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "PosteriorChecks",
    "check_simulations",
    "expected_coverage",
    "jeffreys_interval",
    "observe_once",
    "rank_uniformity",
    "ratio_normalisation",
]

log = logging.getLogger(__name__)
CELLS = 512
CURVE = np.linspace(0.0, 1.0, 51)
LEVELS = (0.68, 0.95)
CONFIDENCE = 0.99
MARGINALS_CALIBRATED = 0.9
FALSE_ALARM = 0.01
NORMALISATION_TOLERANCE = 0.1


@dataclass(frozen=True)
class PosteriorChecks:
    """For each parameter, what its posteriors say about the truths of n test simulations.

    Attributes
    ----------
    mass : dict of str to array (n,)
        Posterior mass of the region denser than the truth, in the unit cube of the prior.
    rank : dict of str to array (n,)
        Posterior probability below the truth.
    log_normalisation : dict of str to array (n,)
        Logarithm of the mean ratio over the box, 0 for a normalised posterior.
    """

    mass: dict[str, NDArray[np.float64]]
    rank: dict[str, NDArray[np.float64]]
    log_normalisation: dict[str, NDArray[np.float64]]


def check_simulations(
    experiment: Experiment, estimator: Estimator, simulations: Simulations, masks: Mapping[str, NDArray[np.bool_]]
) -> PosteriorChecks:
    """Evaluate the marginal posteriors of test simulations, with noise drawn once."""
    x = observe_once(experiment, simulations, masks)
    names = experiment.one_dimensional
    mass, rank, normalisation = (np.empty((len(simulations), len(names))) for _ in range(3))
    for row, found in enumerate(marginals_of_simulations(estimator, experiment.prior, x, simulations.z, CELLS)):
        for j, name in enumerate(names):
            log_ratio = found[name].log_ratio
            peak = log_ratio.max()
            density = np.exp(log_ratio - peak)
            probability = density / density.sum()
            mass[row, j] = probability[log_ratio > found[name].at_truth].sum()
            cumulative = np.concatenate([[0.0], np.cumsum(probability)])
            rank[row, j] = np.interp(found[name].position * CELLS, np.arange(CELLS + 1), cumulative)
            normalisation[row, j] = np.log(density.mean()) + peak
        if (row + 1) % 250 == 0:
            log.info("%d of %d test posteriors", row + 1, len(simulations))
    by_name = [{name: array[:, j] for j, name in enumerate(names)} for array in (mass, rank, normalisation)]
    return PosteriorChecks(*by_name)


def observe_once(
    experiment: Experiment, simulations: Simulations, masks: Mapping[str, NDArray[np.bool_]]
) -> dict[str, Tensor]:
    """Data of test simulations, with noise that is the same every time."""
    import torch

    noise = torch.Generator().manual_seed(derive_seed("calibration", experiment.config.seed))
    signal = {name: torch.from_numpy(array) for name, array in simulations.x.items()}
    return apply_masks(experiment.simulator.observe(signal, noise), masks)


def jeffreys_interval(hits: ArrayLike, trials: int, confidence: float = CONFIDENCE) -> NDArray[np.float64]:
    """Equal-tailed Jeffreys interval (..., 2) of a binomial proportion.

    References: Brown, Cai & DasGupta 2001, Statistical Science 16, 101, section 3.1.
    """
    from scipy.stats import beta

    hits = np.asarray(hits, float)
    tail = 0.5 * (1.0 - confidence)
    low = np.where(hits == 0, 0.0, beta.ppf(tail, hits + 0.5, trials - hits + 0.5))
    high = np.where(hits == trials, 1.0, beta.ppf(1.0 - tail, hits + 0.5, trials - hits + 0.5))
    return np.stack([low, high], axis=-1)


def expected_coverage(mass: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    """Expected coverage of highest-density regions, with Jeffreys bands.

    A marginal is calibrated where the nominal 68% and 95% both lie in the 99% band of the empirical coverage; the
    check passes when at least 90% of the marginals are. A right posterior of 13 parameters then fails in 3% of runs;
    with 95% bands it would in a third of them (see the tests).

    References: Hermans et al. 2022, TMLR (arXiv 2110.06581), definition 2.1.
    """
    marginals = {}
    for name, values in mass.items():
        hits = (values[:, None] <= CURVE).sum(axis=0)
        levels = {}
        for level in LEVELS:
            within = int((values <= level).sum())
            low, high = jeffreys_interval(within, len(values))
            levels[f"{level:.2f}"] = {
                "empirical": within / len(values), "expected_range": [low, high], "passed": bool(low <= level <= high),
            }  # fmt: skip
        band = jeffreys_interval(hits, len(values))
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
        "simulations": len(next(iter(mass.values()))),
        "confidence": CONFIDENCE,
        "marginals": marginals,
    }


def rank_uniformity(rank: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    """Simulation-based calibration: ranks of the truth are uniform if the posterior is right.

    Each parameter's ranks are tested by Kolmogorov-Smirnov; the smallest p-value counts, corrected for the number
    of parameters (Bonferroni), with a false-alarm rate of 1%.

    References: Talts et al. 2018, arXiv 1804.06788, theorem 1.
    """
    from scipy.stats import kstest

    marginals = {}
    for name, values in rank.items():
        test = kstest(values, "uniform")
        marginals[name] = {
            "ks": float(test.statistic), "p_value": float(test.pvalue), "ranks": np.round(values, 5).tolist(),
        }  # fmt: skip
    smallest = min(1.0, len(marginals) * min(marginal["p_value"] for marginal in marginals.values()))
    return {
        "statistic": smallest,
        "meaning": "smallest Kolmogorov-Smirnov p-value of the ranks, times the number of parameters",
        "expected_range": [FALSE_ALARM, 1.0],
        "passed": bool(smallest >= FALSE_ALARM),
        "simulations": len(next(iter(rank.values()))),
        "marginals": marginals,
    }


def ratio_normalisation(log_normalisation: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    """The ratio integrates to one over the prior, for every observation, if it is p(z|x)/p(z).

    The tolerance of 0.1 on the mean logarithm is one tenth of a nat of density, small beside the width of
    any credible region; there is no sampling error, the integral is done on a grid.

    References: Miller, Weniger & Forre 2022, NeurIPS (arXiv 2210.06170), section 2.
    """
    marginals = {
        name: {"mean_log_normalisation": float(values.mean()), "standard_deviation": float(values.std())}
        for name, values in log_normalisation.items()
    }
    worst = max(abs(marginal["mean_log_normalisation"]) for marginal in marginals.values())
    return {
        "statistic": worst,
        "meaning": "largest absolute mean logarithm of the ratio's integral over the prior",
        "expected_range": [0.0, NORMALISATION_TOLERANCE],
        "passed": bool(worst <= NORMALISATION_TOLERANCE),
        "simulations": len(next(iter(log_normalisation.values()))),
        "marginals": marginals,
    }
