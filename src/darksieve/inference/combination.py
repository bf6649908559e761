"""Parameters that many observations share: the posterior of all together, from one amortised estimator.

Observations that are independent given their shared parameters multiply: ln p(z | x_1 ... x_n) is the sum of their
log-ratios ln p(z | x_i) / p(z), each marginalised over the parameters of its own, plus ln p(z). So the estimator must
hold for every observation: it is trained on the whole prior, in one round.

References: Brehmer, Mishra-Sharma et al. 2019, ApJ 886, 49 (arXiv 1909.02005), section 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from darksieve.problem.prior import Prior

if TYPE_CHECKING:
    from torch import Tensor

    from darksieve.inference.estimator import Estimator

__all__ = ["Combination", "SharedGrid", "combine", "log_ratios_of_each", "read_combination", "write_combination"]

Floats = NDArray[np.float64]
CELLS = {1: 1024, 2: 96}  # along each axis, by the number of shared parameters


@dataclass(frozen=True)
class SharedGrid:
    """Midpoints of equal cells of the prior of one or two shared parameters, in its unit cube."""

    prior: Prior
    names: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Cells along each parameter."""
        return (CELLS[len(self.names)],) * len(self.names)

    def axis(self, name: str) -> Floats:
        """Midpoints of the cells of a parameter, physical units."""
        cells = CELLS[len(self.names)]
        unit = np.full((cells, len(self.prior)), 0.5)
        unit[:, self.prior.names.index(name)] = (np.arange(cells) + 0.5) / cells
        return self.prior.from_unit(unit)[:, self.prior.names.index(name)]

    def points(self) -> Floats:
        """All cells (cells, P) in physical units, the last shared parameter fastest; others are in their middle."""
        unit = np.full((int(np.prod(self.shape)), len(self.prior)), 0.5)
        places = np.indices(self.shape).reshape(len(self.names), -1)
        for name, place in zip(self.names, places):
            unit[:, self.prior.names.index(name)] = (place + 0.5) / self.shape[0]
        return self.prior.from_unit(unit)


def log_ratios_of_each(
    estimator: Estimator, names: tuple[str, ...], x: Mapping[str, Tensor], z: NDArray[np.floating]
) -> Floats:
    """Log-ratios (n, m) of the marginal `names` of data x (n, ...) at parameters z (m, P), physical units."""
    n = len(next(iter(x.values())))
    rows = [{key: array[row : row + 1] for key, array in x.items()} for row in range(n)]
    return np.stack([estimator.log_ratios(row, z)[names] for row in rows])


def combine(log_ratios: Floats, sizes: Sequence[int]) -> dict[int, Floats]:
    """Probability of each cell (cells,) given the first 1, 5, ... observations with log-ratios (n, cells)."""
    sums = np.cumsum(log_ratios, axis=0)
    found = {}
    for size in sizes:
        probability = np.exp(sums[size - 1] - sums[size - 1].max())
        found[size] = probability / probability.sum()
    return found


def write_combination(path: Path, grid: SharedGrid, log_ratios: Floats, truth: Mapping[str, float] | None) -> None:
    """Write `combined.h5`: `log_ratio` (n, cells ...), `axis/<name>` in physical units, and `z/<name>` of a mock."""
    import h5py

    with h5py.File(path, "w") as file:
        file.create_dataset("log_ratio", data=log_ratios.reshape(-1, *grid.shape), dtype=np.float32)
        file.attrs["shared"] = list(grid.names)
        for name in grid.names:
            file.create_dataset(f"axis/{name}", data=grid.axis(name))
            if truth is not None:
                file.create_dataset(f"z/{name}", data=truth[name])


@dataclass(frozen=True)
class Combination:
    """What `write_combination` wrote: log-ratios (n, cells ...), midpoints of the cells, and the truth of a mock."""

    log_ratios: Floats
    axes: dict[str, Floats]
    truth: dict[str, float]


def read_combination(path: Path) -> Combination:
    """Read `combined.h5`."""
    import h5py

    with h5py.File(path, "r") as file:
        names = list(file.attrs["shared"])
        axes = {name: file[f"axis/{name}"][()] for name in names}
        truth = {name: float(item[()]) for name, item in file.get("z", {}).items()}
        return Combination(file["log_ratio"][()].astype(float), axes, truth)
