"""One-dimensional marginals on a grid across the box: what truncation looks at.

The training job writes them, since it has the network at hand; who reads them needs no network.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from darksieve.problem.box import Box
from darksieve.problem.errors import DarksieveError
from darksieve.problem.observation import Observation
from darksieve.problem.prior import Prior

if TYPE_CHECKING:
    from darksieve.inference.estimator import Estimator

__all__ = ["grid_points", "marginal_profiles", "read_profiles", "write_profiles"]

GRID = 2048

Profiles = Mapping[str, NDArray[np.float64]]


def grid_points(prior: Prior, box: Box, cells: int) -> NDArray[np.float64]:
    """Midpoints of `cells` equal cells along every edge of a box, physical units, (cells, P)."""
    midpoints = (np.arange(cells) + 0.5) / cells
    return prior.from_unit(box.scale(np.repeat(midpoints[:, None], len(prior), axis=1)))


def marginal_profiles(estimator: Estimator, observation: Observation, prior: Prior, cells: int = GRID) -> Profiles:
    """Log-ratios (cells,) of each parameter with a one-dimensional marginal, at midpoints across the box."""
    ratios = estimator.log_ratios(observation.batch(), grid_points(prior, estimator.box, cells))
    return {marginal[0]: values for marginal, values in ratios.items() if len(marginal) == 1}


def write_profiles(path: Path, profiles: Profiles) -> None:
    """Write `profiles.npz`."""
    with open(path, "wb") as stream:
        np.savez(stream, **profiles)  # type: ignore[arg-type]


def read_profiles(path: Path) -> Profiles:
    """Read `profiles.npz`.

    Raises
    ------
    DarksieveError
        If the file cannot be read.
    """
    try:
        with np.load(path) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except Exception as error:
        raise DarksieveError(f"cannot be read: {error}", where=path, mend="delete it and rerun") from error
