"""The spread of an ensemble: what training again, from another start, would have changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from darksieve.diagnostics.records import disagreement
from darksieve.inference.profiles import profile_moments

__all__ = ["ensemble_spread"]

Floats = NDArray[np.float64]
CELLS = 128  # of the marginals in the record


def ensemble_spread(log_ratios: Mapping[str, Floats], members: Sequence[Mapping[str, Floats]]) -> dict[str, Any]:
    """How far each network's marginals at the observation lie from those of the ensemble.

    What the networks disagree about is not known from the simulations: an estimate of the epistemic error, which
    calibration, an average over simulations, does not show at the observation (Hermans et al. 2022, TMLR,
    arXiv 2110.06581).

    Parameters
    ----------
    log_ratios : mapping of str to array (cells,)
        Of the ensemble, at midpoints of equal cells across the box.
    members : sequence of mapping of str to array (cells,)
        Those of each network.
    """
    marginals = {
        name: _deviations(log_ratio, [member[name] for member in members]) for name, log_ratio in log_ratios.items()
    }
    return {
        "statistic": max(marginal["statistic"] for marginal in marginals.values()),
        "meaning": "largest deviation of a network's marginal from the ensemble's: mean by 0.25 s.d. or width by "
        "20% is 1",
        "expected_range": [0.0, 1.0],
        "passed": all(marginal["statistic"] <= 1.0 for marginal in marginals.values()),
        "networks": len(members),
        "marginals": marginals,
    }


def _deviations(log_ratio: Floats, members: Sequence[Floats]) -> dict[str, Any]:
    mean, deviation = profile_moments(log_ratio)
    found = [profile_moments(member) for member in members]
    shifts = [(value - mean) / deviation for value, _ in found]
    ratios = [value / deviation for _, value in found]
    return {
        "statistic": max(map(disagreement, shifts, ratios)),
        "mean_shifts": shifts,
        "width_ratios": ratios,
        "ensemble": _coarse(log_ratio),
        "members": [_coarse(member) for member in members],
    }


def _coarse(log_ratio: Floats) -> list[float]:
    """Mean density in few cells, of mean 1."""
    density = np.exp(log_ratio - log_ratio.max())
    values = np.array([part.mean() for part in np.array_split(density, min(CELLS, len(density)))])
    return [round(float(value), 5) for value in values / values.mean()]
