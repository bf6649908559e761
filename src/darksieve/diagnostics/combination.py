"""The posterior of shared parameters from many observations, and whether it is right on ensembles of mocks.

An error of the estimator that no single posterior shows grows with the number of observations, the posterior's width
falls with its root: so the combined posterior is widened by what mock ensembles show of it, and checked on others, for
truths from the prior.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from darksieve.diagnostics.records import record_p_values
from darksieve.diagnostics.uniformity import uniform_p_value
from darksieve.inference.combination import (
    SharedGrid,
    SharedRatio,
    combine,
    combine_sums,
    find_exponents,
    fit_common_error,
    sum_log_ratios,
)
from darksieve.problem.errors import DarksieveError
from darksieve.problem.experiment import Experiment
from darksieve.problem.observation import Observation, apply_masks, make_observation
from darksieve.problem.provenance import derive_seed
from darksieve.problem.simulator import simulate_checked

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["check_combination", "collect_observations", "describe_combination", "find_common_error"]

log = logging.getLogger(__name__)
Floats = NDArray[np.float64]
FITTED = 3  # ensembles from which the common error is learned, for each one that checks the posterior


def collect_observations(experiment: Experiment, observation: Observation) -> dict[str, Tensor]:
    """Data (n, ...) of all observations: the experiment's own, those that are listed, and mocks that share its truth.

    Raises
    ------
    DarksieveError
        If a file cannot be read or does not fit the simulator, or other elements of it are masked.
    """
    import torch

    config = experiment.config.combination
    assert config is not None
    listed = {name: make_observation(experiment, each) for name, each in config.observations.items()}
    for name, further in listed.items():
        same = further.masks.keys() == observation.masks.keys()
        if not same or any(np.any(further.masks[key] != mask) for key, mask in observation.masks.items()):
            raise DarksieveError(
                f"{name} is not masked as the first observation is", where=f"{experiment.path.name}: combination",
                mend="mask the same elements of all: one estimator serves them",
            )  # fmt: skip
    parts = [each.batch() for each in (observation, *listed.values())]
    if config.mocks:
        assert observation.truth is not None
        unit = experiment.prior.to_unit([observation.truth[name] for name in experiment.prior.names])
        shared = unit[experiment.prior.columns(config.shared)]
        parts.append(_mocks(experiment, shared, config.mocks, observation.masks, "mocks"))
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def find_common_error(experiment: Experiment, ratio: SharedRatio, masks: Mapping[str, NDArray[np.bool_]]) -> float:
    """Variance of what all observations share, over that of the posterior by one, from ensembles that check nothing."""
    config = experiment.config.combination
    assert config is not None
    if config.sizes == [1]:
        return 0.0
    cells, number = ratio.grid.midpoints(coarser=2), FITTED * config.ensembles
    return fit_common_error(
        list(_sum_ensembles(experiment, ratio, masks, cells, number, "fitted ensemble")), config.sizes
    )


def check_combination(
    experiment: Experiment, ratio: SharedRatio, common_error: float, masks: Mapping[str, NDArray[np.bool_]]
) -> dict[str, Any]:
    """Where the truths of mock ensembles lie in their combined posteriors, for every number of observations.

    The mass of the region that is denser than the truth is uniform if the posteriors are right. The record also holds
    between what the logarithm of the estimator's mean ratio lies, by which it was divided, and the powers to which the
    products were raised for the common error.
    """
    config = experiment.config.combination
    assert config is not None
    exponents = find_exponents(config.sizes, common_error)
    masses: dict[int, list[float]] = {size: [] for size in config.sizes}
    midpoints = ratio.grid.midpoints()
    for sums in _sum_ensembles(experiment, ratio, masks, midpoints, config.ensembles, "ensemble"):
        for size, found in zip(config.sizes, combine_sums(sums, exponents, further=1)):
            cells, at_truth = found[:-1], found[-1]
            masses[size].append(float(np.exp(cells[cells > at_truth]).sum()))
    records = {str(size): _check_masses(np.array(values)) for size, values in masses.items()}
    log_means = ratio.log_means(midpoints)
    return record_p_values(
        {size: record["p_value"] for size, record in records.items()},
        "smallest p-value of truths of mock ensembles in their combined posteriors, times the numbers of observations",
        ensembles=config.ensembles,
        sizes=records,
        log_mean_ratio={"smallest": float(log_means.min()), "largest": float(log_means.max())},
        common_error=common_error,
        exponents=dict(zip(records, exponents.tolist())),
    )


def _sum_ensembles(
    experiment: Experiment,
    ratio: SharedRatio,
    masks: Mapping[str, NDArray[np.bool_]],
    cells: Floats,
    ensembles: int,
    label: str,
) -> Iterator[Floats]:
    """Sums of log-ratios (k, sizes, cells + 1) of mock ensembles, the last point the truth of each, from the prior."""
    config = experiment.config.combination
    assert config is not None
    generator = np.random.default_rng(derive_seed("combination", label, experiment.config.seed))
    for number in range(ensembles):
        shared = generator.random(len(ratio.grid.names))
        x = _mocks(experiment, shared, max(config.sizes), masks, f"{label} {number}")
        yield sum_log_ratios(ratio.log_ratios(x, np.concatenate([cells, shared[None]])), config.sizes)
        log.info("%s %d of %d", label, number + 1, ensembles)


def _check_masses(masses: Floats) -> dict[str, Any]:
    return {
        "p_value": uniform_p_value(masses),
        "inside_68": float(np.mean(masses <= 0.68)),
        "inside_95": float(np.mean(masses <= 0.95)),
        "masses": masses.tolist(),
    }


def describe_combination(
    grid: SharedGrid, log_ratios: Floats, sizes: Sequence[int], common_error: float
) -> dict[str, Any]:
    """Mean, standard deviation and central 95% of each shared parameter, by number of observations.

    `log_ratios` (k, n, cells) are those of k networks, n observations.
    """
    found = {}
    for size, probability in combine(log_ratios, sizes, common_error).items():
        cells = probability.reshape(grid.shape)
        found[str(size)] = {
            name: _describe(grid.axis(name), cells.sum(axis=tuple(a for a in range(cells.ndim) if a != axis)))
            for axis, name in enumerate(grid.names)
        }
    return found


def _describe(values: Floats, probability: Floats) -> dict[str, Any]:
    mean = float(probability @ values)
    cumulative = np.cumsum(probability) - 0.5 * probability
    return {
        "mean": mean,
        "standard_deviation": float(np.sqrt(probability @ (values - mean) ** 2)),
        "interval_95": np.interp([0.025, 0.975], cumulative, values).tolist(),
    }


def _mocks(
    experiment: Experiment, shared: Floats, n: int, masks: Mapping[str, NDArray[np.bool_]], label: str
) -> dict[str, Tensor]:
    """Data (n, ...) of observations with the same shared parameters, in the unit cube, and others from the prior."""
    import torch

    config = experiment.config.combination
    assert config is not None
    seed = derive_seed("combination", label, experiment.config.seed)
    unit = np.random.default_rng(seed).random((n, len(experiment.prior)))
    unit[:, experiment.prior.columns(config.shared)] = shared
    generator = torch.Generator().manual_seed(seed)
    z = torch.from_numpy(experiment.prior.from_unit(unit)).float()
    with torch.no_grad():
        signal = simulate_checked(experiment.simulator, z, generator)
        return apply_masks(experiment.simulator.observe(signal, generator), masks)
