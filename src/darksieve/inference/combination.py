"""Parameters that many observations share: the posterior of all together, from one amortised estimator.

Observations that are independent given their shared parameters multiply: ln p(z | x_1 ... x_n) is the sum of their
log-ratios ln p(z | x_i) / p(z), each marginalised over the parameters of its own, plus ln p(z). So the estimator must
hold for every observation: it is trained on the whole prior, in one round. The mean of the ratio p(x | z) / p(x) over
all data x is one at each z; an estimator keeps this to some percent, which nobody sees in one observation and a hundred
of them raise to the hundredth power, so the ratios are divided by their mean first. Part of what is wrong beyond this
differs from network to network: an ensemble's combined posterior is the mean of those by each of its networks. The rest
is common to all observations. It moves the combined posterior by a hundred as far as that by two, while widths fall: if
its variance is c times that of the posterior by one, the variance by n is not 1 / n but 1 / n + c. So the product is
raised to the power 1 / (1 + c n), with the c that mock ensembles find most likely.

References: Brehmer, Mishra-Sharma et al. 2019, ApJ 886, 49 (arXiv 1909.02005), section 3; Hermans
et al. 2022, TMLR (arXiv 2110.06581), section 4 (ensembles are more conservative); Ribatet, Cooley & Davison 2012,
Statistica Sinica 22, 813 (arXiv 0911.5357): a power for a likelihood that is not the data's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.polynomial.legendre import legvander
from numpy.typing import NDArray

from darksieve.problem.prior import Prior

if TYPE_CHECKING:
    from torch import Tensor

    from darksieve.inference.estimator import Estimator

__all__ = [
    "Combination",
    "SharedGrid",
    "SharedRatio",
    "combine",
    "combine_sums",
    "find_exponents",
    "fit_common_error",
    "read_combination",
    "sum_log_ratios",
    "write_combination",
]

Floats = NDArray[np.float64]
CELLS = {1: 1024, 2: 96}  # along each axis, by the number of shared parameters
NODES = {1: 32, 2: 16}  # along each axis, at which the mean of the ratio is found
DEGREE = 6  # of the polynomial between them
LARGEST_SHARE = 0.98  # of a combined posterior's variance that an error of the network may be


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

    def midpoints(self, coarser: int = 1) -> Floats:
        """All cells (cells, S) in the unit cube of the S shared parameters, the last one fastest.

        Those of a grid that is so many times coarser along each axis.
        """
        return _midpoints(tuple(cells // coarser for cells in self.shape))

    def parameters(self, unit: Floats) -> Floats:
        """Points (m, S) of that cube as parameters (m, P) in physical units, those not shared in their middle."""
        full = np.full((len(unit), len(self.prior)), 0.5)
        for name, column in zip(self.names, unit.T):
            full[:, self.prior.names.index(name)] = column
        return self.prior.from_unit(full)


@dataclass(frozen=True)
class SharedRatio:
    """Ratios of shared parameters that have the mean one over all data, by each network of an ensemble.

    Parameters
    ----------
    members : sequence of Estimator
        Of one network each, of the marginal of these parameters, on the whole prior.
    grid : SharedGrid
        The parameters.
    log_mean : array
        Logarithm of the mean of each member's ratio, coefficients (k, (D + 1)^S) of Legendre polynomials of the cube.
    """

    members: Sequence[Estimator]
    grid: SharedGrid
    log_mean: Floats

    @classmethod
    def normalised(cls, members: Sequence[Estimator], grid: SharedGrid, x: Mapping[str, Tensor]) -> SharedRatio:
        """With the mean over data x (n, ...) of parameters from the prior, which training has not seen."""
        unit = _midpoints((NODES[len(grid.names)],) * len(grid.names))
        z = grid.parameters(unit)
        found = [_fit_log_mean(_log_ratios_of_each(member, grid.names, x, z), unit) for member in members]
        return cls(members, grid, np.stack(found))

    def log_means(self, unit: Floats) -> Floats:
        """Logarithm of the members' mean ratios (k, m) at points (m, S) of the unit cube."""
        return self.log_mean @ _polynomials(unit).T

    def log_ratios(self, x: Mapping[str, Tensor], unit: Floats) -> Floats:
        """Log-ratios (k, n, m) of data x (n, ...) at points (m, S) of the unit cube."""
        z = self.grid.parameters(unit)
        found = np.stack([_log_ratios_of_each(member, self.grid.names, x, z) for member in self.members])
        return found - self.log_means(unit)[:, None]


def _fit_log_mean(log_ratios: Floats, unit: Floats) -> Floats:
    """Coefficients of the logarithm of the mean over data of log-ratios (n, m) at points (m, S)."""
    ratios = np.exp(log_ratios)
    known = ratios.any(axis=0)
    mean, deviation = ratios[:, known].mean(axis=0), ratios[:, known].std(axis=0)
    weights = mean / deviation.clip(min=1e-3 * mean)  # one over the relative errors
    design = _polynomials(unit[known]) * weights[:, None]
    return np.linalg.lstsq(design, np.log(mean) * weights, rcond=None)[0]


def _midpoints(shape: tuple[int, ...]) -> Floats:
    """Midpoints (cells, S) of equal cells of the unit cube, the last coordinate fastest."""
    return (np.indices(shape).reshape(len(shape), -1).T + 0.5) / np.array(shape)


def _polynomials(unit: Floats) -> Floats:
    """Products (m, (D + 1)^S) of Legendre polynomials at points (m, S) of the unit cube."""
    axes = [legvander(2.0 * column - 1.0, DEGREE) for column in unit.T]
    return reduce(lambda a, b: (a[:, :, None] * b[:, None, :]).reshape(len(unit), -1), axes)


def _log_ratios_of_each(
    estimator: Estimator, names: tuple[str, ...], x: Mapping[str, Tensor], z: NDArray[np.floating]
) -> Floats:
    """Log-ratios (n, m) of the marginal `names` of data x (n, ...) at parameters z (m, P), physical units."""
    n = len(next(iter(x.values())))
    rows = [{key: array[row : row + 1] for key, array in x.items()} for row in range(n)]
    return np.stack([estimator.log_ratios(row, z)[names] for row in rows])


def find_exponents(sizes: Sequence[int], common_error: float) -> Floats:
    """Powers (sizes,) of the products of ratios, by the variance of what all observations share over that of one."""
    return 1.0 / (1.0 + common_error * np.asarray(sizes))


def sum_log_ratios(log_ratios: Floats, sizes: Sequence[int]) -> Floats:
    """Sums (k, sizes, m) of the log-ratios (k, n, m) of the first 1, 5, ... observations."""
    return np.cumsum(log_ratios, axis=1)[:, np.asarray(sizes) - 1]


def combine_sums(sums: Floats, exponents: Floats, further: int = 0) -> Floats:
    """Log-probability of each cell (sizes, m), mixed over k networks, from sums of log-ratios (k, sizes, m).

    The last `further` of the m points are no cells: what is found there is on the same scale.
    """
    from scipy.special import logsumexp

    each = sums * exponents[:, None]
    cells = each.shape[2] - further
    each = each - logsumexp(each[:, :, :cells], axis=2, keepdims=True)
    return logsumexp(each, axis=0) - np.log(len(each))


def combine(log_ratios: Floats, sizes: Sequence[int], common_error: float) -> dict[int, Floats]:
    """Probability of each cell (m,) given the first 1, 5, ... observations, with log-ratios (k, n, m) of k networks."""
    found = combine_sums(sum_log_ratios(log_ratios, sizes), find_exponents(sizes, common_error))
    return dict(zip(sizes, np.exp(found)))


def fit_common_error(ensembles: Sequence[Floats], sizes: Sequence[int]) -> float:
    """The common error with which the combined posteriors are densest at the truths of mock ensembles, not below zero.

    Parameters
    ----------
    ensembles : sequence of array
        Sums of log-ratios (k, sizes, cells + 1) of each ensemble, the last point its truth.
    sizes : sequence of int
        Numbers of observations.
    """
    from scipy.optimize import minimize_scalar

    def log_loss(share: float) -> float:
        exponents = find_exponents(sizes, _of_share(share, sizes))
        return -float(np.mean([combine_sums(sums, exponents, further=1)[:, -1] for sums in ensembles]))

    found = minimize_scalar(log_loss, bounds=(0.0, LARGEST_SHARE), method="bounded", options={"xatol": 1e-3})
    return _of_share(found.x, sizes) if found.fun < log_loss(0.0) else 0.0


def _of_share(share: float, sizes: Sequence[int]) -> float:
    """Common error that makes a share of the variance of the largest number of observations."""
    return share / (1.0 - share) / max(sizes)


def write_combination(
    path: Path, grid: SharedGrid, log_ratios: Floats, common_error: float, truth: Mapping[str, float] | None
) -> None:
    """Write `combined.h5`: `log_ratio` (k, n, cells ...), `axis/<name>` in physical units, and `z/<name>` of a mock.

    Attributes: `shared`, the parameters' names, and `common_error`.
    """
    import h5py

    with h5py.File(path, "w") as file:
        file.create_dataset("log_ratio", data=log_ratios.reshape(*log_ratios.shape[:2], *grid.shape), dtype=np.float32)
        file.attrs["shared"] = list(grid.names)
        file.attrs["common_error"] = common_error
        for name in grid.names:
            file.create_dataset(f"axis/{name}", data=grid.axis(name))
            if truth is not None:
                file.create_dataset(f"z/{name}", data=truth[name])


@dataclass(frozen=True)
class Combination:
    """What `write_combination` wrote: log-ratios (k, n, cells ...), midpoints of the cells, and the truth of a mock."""

    log_ratios: Floats
    common_error: float
    axes: dict[str, Floats]
    truth: dict[str, float]


def read_combination(path: Path) -> Combination:
    """Read `combined.h5`."""
    import h5py

    with h5py.File(path, "r") as file:
        names = list(file.attrs["shared"])
        axes = {name: file[f"axis/{name}"][()] for name in names}
        truth = {name: float(item[()]) for name, item in file.get("z", {}).items()}
        common_error = float(file.attrs["common_error"])
        return Combination(file["log_ratio"][()].astype(float), common_error, axes, truth)
