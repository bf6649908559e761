"""Checks of the ratio p(z|x)/p(z) itself, which posteriors made from it forget when they are normalised.

A right ratio integrates to one over the prior for every observation, is balanced between joint and marginal pairs, and
leaves enough of the prior's samples in the box with weight. The loss `nre-b` finds it only up to a factor that depends
on the data: then the first two can say nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from darksieve.diagnostics.records import record_p_values, undecided

__all__ = ["effective_fraction", "effective_samples", "ratio_balance", "ratio_normalisation"]

Floats = NDArray[np.float64]
NORMALISATION_TOLERANCE = 0.1  # a tenth of a nat of density, small beside the width of any credible region
BALANCE_TOLERANCE = 0.02
STANDARD_ERRORS = 3.0
FEWEST = 0.01  # of the prior's samples in the box
BIASED = "the loss nre-b gives the ratio only up to a factor that depends on the data"


def ratio_normalisation(log_normalisation: Mapping[str, Floats], loss: str) -> dict[str, Any]:
    """The ratio integrates to one over the prior, for every observation and so on average.

    The integral is done on a grid, without sampling error; its mean over n simulations, E[r] for x and z drawn apart,
    has one, of which three are allowed beyond the tolerance.

    Parameters
    ----------
    log_normalisation : mapping of str to array (n,)
        Logarithm of the integral for each simulation.
    loss : str
        That of the training.

    References: Miller, Weniger & Forre 2022, NeurIPS (arXiv 2210.06170), section 2.
    """
    marginals, departures = {}, []
    for name, values in log_normalisation.items():
        ratio = np.exp(values)
        mean, error = float(ratio.mean()), float(ratio.std(ddof=1) / np.sqrt(len(ratio)))
        marginals[name] = {
            "mean_log_normalisation": float(values.mean()),
            "standard_deviation": float(values.std()),
            "mean_ratio": mean,
            "standard_error": error,
        }
        departures += [abs(float(values.mean())), abs(mean - 1) - STANDARD_ERRORS * error]
    worst = max(departures)
    record = {
        "statistic": worst,
        "meaning": "largest departure of the ratio's integral over the prior from one, in its mean or mean logarithm",
        "expected_range": [0.0, NORMALISATION_TOLERANCE],
        "passed": bool(worst <= NORMALISATION_TOLERANCE),
        "simulations": len(next(iter(log_normalisation.values()))),
        "marginals": marginals,
    }
    return undecided(record, BIASED) if loss == "nre-b" else record


def ratio_balance(balance: Mapping[str, Floats], loss: str) -> dict[str, Any]:
    """A right classifier d = r / (1 + r) is balanced: E[d(joint pairs)] + E[d(marginal pairs)] = 1.

    Parameters
    ----------
    balance : mapping of str to array (n,)
        For each simulation, d at its own parameters plus the mean of d over the prior in the box, less one; their mean
        over simulations may depart from zero by 0.02 and by its Monte-Carlo error.
    loss : str
        That of the training.

    References: Delaunoy et al. 2022, NeurIPS (arXiv 2208.13624), definition 1.
    """
    from scipy.special import ndtr

    marginals = {}
    for name, values in balance.items():
        mean, error = float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))
        beyond = max(abs(mean) - BALANCE_TOLERANCE, 0.0) / max(error, 1e-300)
        marginals[name] = {"balance": mean, "standard_error": error, "p_value": float(2 * ndtr(-beyond))}
    record = record_p_values(
        {name: marginal["p_value"] for name, marginal in marginals.items()},
        "smallest p-value of the classifier being balanced, times the number of parameters",
        simulations=len(next(iter(balance.values()))),
        marginals=marginals,
    )
    return undecided(record, BIASED) if loss == "nre-b" else record


def effective_fraction(log_ratio: Floats) -> Floats:
    """Fraction of prior samples that count when weighted by r, E[r]^2 / E[r^2] (Kish), from ln r (..., cells)."""
    ratio = np.exp(log_ratio - log_ratio.max(axis=-1, keepdims=True))
    return ratio.mean(axis=-1) ** 2 / (ratio**2).mean(axis=-1)


def effective_samples(simulated: Mapping[str, Floats], observed: Mapping[str, float]) -> dict[str, Any]:
    """Whether the box is narrow enough for its prior to tell the observation's posterior.

    Where fewer than 1% of the prior's samples in the box count, few training simulations lie in the posterior: that
    need not be wrong, but cannot be called right.

    Parameters
    ----------
    simulated : mapping of str to array (n,)
        Effective fraction of prior samples for each test simulation.
    observed : mapping of str to float
        That for the observation.
    """
    least = min(observed.values())
    record = {
        "statistic": least,
        "meaning": "least fraction of prior samples in the box that count for the observation, of any parameter",
        "expected_range": [FEWEST, 1.0],
        "passed": bool(least >= FEWEST),
        "simulations": len(next(iter(simulated.values()))),
        "marginals": {
            name: {"observation": observed[name], "simulations": np.quantile(values, [0.01, 0.5, 0.99]).tolist()}
            for name, values in simulated.items()
        },
    }
    reason = "the box is so wide that few of its simulations lie in the posterior"
    return record if record["passed"] else undecided(record, reason)
