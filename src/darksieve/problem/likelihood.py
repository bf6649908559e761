"""The likelihood that a simulator may offer, bound to one observation, and what each reference method needs of it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from darksieve.problem.errors import DarksieveError
from darksieve.problem.experiment import Experiment
from darksieve.problem.observation import Observation
from darksieve.problem.prior import one_dimensional_prior
from darksieve.problem.simulator import WithExactPosterior, WithLikelihood

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["check_reference", "find_likelihood"]


def find_likelihood(experiment: Experiment, observation: Observation) -> Callable[[dict[str, Tensor]], Tensor]:
    """Function that gives ln p(x_o | signal), (n,), of signals (n, ...) in float64.

    Raises
    ------
    DarksieveError
        If the simulator has no `log_likelihood`, or one that takes no masks where the observation has some.
    """
    import torch

    simulator = experiment.simulator
    where = f"{experiment.path.name}: reference.methods"
    if not isinstance(simulator, WithLikelihood):
        raise DarksieveError(
            f"{type(simulator).__name__} has no log_likelihood", where=where,
            mend="write one, or leave out all methods but exact",
        )  # fmt: skip
    x = {name: torch.from_numpy(array).double() for name, array in observation.x.items()}
    if not observation.masks:
        return lambda signal: simulator.log_likelihood(x, signal)
    masks = {name: torch.from_numpy(mask) for name, mask in observation.masks.items()}
    if "masks" not in inspect.signature(simulator.log_likelihood).parameters:
        raise DarksieveError(
            f"the log_likelihood of {type(simulator).__name__} takes no masks, and the observation has one",
            where=where, mend="give it the argument `masks`",
        )  # fmt: skip
    return lambda signal: simulator.log_likelihood(x, signal, masks)


def check_reference(experiment: Experiment, observation: Observation, methods: Sequence[str]) -> None:
    """Check that the simulator serves methods such as `reference.methods`, by one call of its likelihood.

    Raises
    ------
    DarksieveError
        If it does not.
    """
    where = f"{experiment.path.name}: reference.methods"
    if "exact" in methods:
        _check_exact(experiment, observation, where)
    for method in ("nested", "flow"):
        if method in methods and len(experiment.prior) < 2:
            raise DarksieveError(f"{method} needs two parameters", where=where, mend=f"leave out {method}")
    if set(methods) - {"exact"}:
        _check_likelihood(experiment, observation, where)


def _check_exact(experiment: Experiment, observation: Observation, where: str) -> None:
    simulator, prior = experiment.simulator, experiment.prior
    if not isinstance(simulator, WithExactPosterior):
        raise DarksieveError(
            f"{type(simulator).__name__} has no exact_samples", where=where, mend="leave out exact, or say nested"
        )
    for parameter in prior:
        if parameter.prior != one_dimensional_prior(simulator.prior[parameter.name]):
            raise DarksieveError(
                f"exact samples hold for another prior of {parameter.name}", where=where,
                mend=f"write {simulator.prior[parameter.name]}",
            )  # fmt: skip
    if observation.masks:
        raise DarksieveError("there are no exact samples for a masked observation", where=where, mend="leave out exact")


def _check_likelihood(experiment: Experiment, observation: Observation, where: str) -> None:
    import torch

    likelihood = find_likelihood(experiment, observation)
    z = torch.from_numpy(experiment.prior.from_unit(np.full((2, len(experiment.prior)), 0.5)))
    try:
        value = likelihood(experiment.simulator.simulate(z, torch.Generator().manual_seed(0)))
    except DarksieveError as error:
        raise DarksieveError(str(error), where=where) from error
    except Exception as error:
        raise DarksieveError(
            f"the likelihood of parameters in float64 fails: {type(error).__name__}: {error}", where=where
        ) from error
    if value.shape != (2,) or value.isnan().any():
        raise DarksieveError(
            f"the likelihood of two signals is {value.tolist()}", where=where, mend="return a number a signal"
        )
