"""One-dimensional marginals on a grid across the box: what truncation, its audit and the calibration look at.

The training job writes those of the observation, since it has the network at hand; who reads them needs no network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from darksieve.problem.box import Box
from darksieve.problem.errors import DarksieveError
from darksieve.problem.observation import Observation
from darksieve.problem.prior import Prior

if TYPE_CHECKING:
    from torch import Tensor

    from darksieve.inference.estimator import Estimator

__all__ = [
    "Marginals",
    "SimulatedMarginal",
    "find_marginals",
    "grid_points",
    "marginals_of_simulations",
    "profile_moments",
]

GRID = 2048
GRID_HELD_OUT = 256
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Marginals:
    """The one-dimensional marginals of a round.

    Attributes
    ----------
    log_ratios : dict of str to array (cells,)
        Those of the observation, at midpoints of equal cells across the box.
    levels : dict of str to array (n,)
        For held-out simulations, the logarithm of the fraction of the peak density down to which a truncation of their
        own marginal keeps their true value.
    members : tuple of dict of str to array (cells,)
        Log-ratios of the observation by each network of an ensemble; empty where there is one network.
    """

    log_ratios: dict[str, Floats]
    levels: dict[str, Floats]
    members: tuple[dict[str, Floats], ...] = ()

    def write(self, path: Path) -> None:
        """Write `profiles.npz`."""
        arrays = {f"log_ratio/{name}": values for name, values in self.log_ratios.items()}
        arrays |= {f"level/{name}": values for name, values in self.levels.items()}
        for number, member in enumerate(self.members):
            arrays |= {f"member-{number}/{name}": values for name, values in member.items()}
        with open(path, "wb") as stream:
            np.savez(stream, **arrays)  # type: ignore[arg-type]

    @classmethod
    def read(cls, path: Path) -> Marginals:
        """Read `profiles.npz`.

        Raises
        ------
        DarksieveError
            If the file cannot be read.
        """
        groups: dict[str, dict[str, Floats]] = {"log_ratio": {}, "level": {}}
        try:
            with np.load(path) as arrays:
                for key in arrays.files:
                    group, _, name = key.partition("/")
                    groups.setdefault(group, {})[name] = arrays[key]
        except Exception as error:
            raise DarksieveError(f"cannot be read: {error}", where=path, mend="delete it and rerun") from error
        return cls(groups.pop("log_ratio"), groups.pop("level"), tuple(groups.values()))


def grid_points(prior: Prior, box: Box, cells: int) -> Floats:
    """Midpoints of `cells` equal cells along every edge of a box, physical units, (cells, P)."""
    midpoints = (np.arange(cells) + 0.5) / cells
    return prior.from_unit(box.scale(np.repeat(midpoints[:, None], len(prior), axis=1)))


def find_marginals(
    estimator: Estimator,
    observation: Observation,
    prior: Prior,
    held_out: tuple[Mapping[str, Tensor], NDArray[np.float32]],
    cells: int = GRID,
) -> Marginals:
    """The marginals of the observation, and how well those of held-out simulations (x, z) keep their true values."""
    x, grid = observation.batch(), grid_points(prior, estimator.box, cells)
    ratios = estimator.log_ratios(x, grid)
    names = [marginal[0] for marginal in ratios if len(marginal) == 1]
    rows = [
        [_level(found[name].log_ratio, found[name].position) for name in names]
        for found in marginals_of_simulations(estimator, prior, *held_out, GRID_HELD_OUT)
    ]
    levels = np.array(rows, float).reshape(-1, len(names))
    each = [member.log_ratios(x, grid) for member in estimator.members] if len(estimator.networks) > 1 else []
    members = tuple({name: found[(name,)] for name in names} for found in each)
    return Marginals({name: ratios[(name,)] for name in names}, dict(zip(names, levels.T)), members)


@dataclass(frozen=True)
class SimulatedMarginal:
    """Log-ratios (cells,) of one simulation's marginal across the box, and that of the true value.

    `position` is where the true value lies, as a fraction of the box.
    """

    log_ratio: Floats
    at_truth: float
    position: float


def marginals_of_simulations(
    estimator: Estimator, prior: Prior, x: Mapping[str, Tensor], z: NDArray[np.float32], cells: int
) -> Iterator[dict[str, SimulatedMarginal]]:
    """One-dimensional marginals of simulations with data x (n, ...) and parameters z (n, P), one after the other."""
    box = estimator.box
    grid = grid_points(prior, box, cells)
    position = (prior.to_unit(z) - box.lower) / np.subtract(box.upper, box.lower)
    for row in range(len(z)):
        data = {name: array[row : row + 1] for name, array in x.items()}
        ratios = estimator.log_ratios(data, np.concatenate([grid, z[row : row + 1]]))
        yield {
            marginal[0]: SimulatedMarginal(
                values[:cells], float(values[cells]), float(position[row, prior.names.index(marginal[0])])
            )
            for marginal, values in ratios.items()
            if len(marginal) == 1
        }


def _level(log_ratio: Floats, position: float) -> float:
    """Logarithm of the least fraction of the peak at which the true value lies between values that are kept."""
    cell = min(int(position * len(log_ratio)), len(log_ratio) - 1)
    return float(min(log_ratio[: cell + 1].max(), log_ratio[cell:].max()) - log_ratio.max())


def profile_moments(
    profile: Floats, low: float = 0.0, high: float = 1.0, inside: tuple[float, float] = (0.0, 1.0)
) -> tuple[float, float]:
    """Mean and standard deviation, in the unit cube, of a marginal on a grid from low to high, cut to `inside`."""
    u = low + (high - low) * (np.arange(len(profile)) + 0.5) / len(profile)
    weight = np.where((u >= inside[0]) & (u <= inside[1]), np.exp(profile - profile.max()), 0.0)
    weight /= weight.sum()
    mean = float(weight @ u)
    return mean, max(float(np.sqrt(weight @ (u - mean) ** 2)), (high - low) / len(profile))
