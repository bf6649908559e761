"""The posterior of an experiment and its observation, as a density of t in R^P with a standard normal prior.

Every prior is mapped to the unit cube by its cumulative distribution and from there to the normal one, u = Phi(t), so
that no method meets an edge. The density counts the likelihoods that it evaluates.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtr

from darksieve.problem.device import choose_device
from darksieve.problem.experiment import Experiment
from darksieve.problem.likelihood import find_likelihood
from darksieve.problem.observation import Observation

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Target"]

Floats = NDArray[np.float64]
ROWS_AT_ONCE = 512
LIMIT = 8.0  # standard deviations of the prior, beyond which the normal distribution has no digits left
STRETCH_STEP = 1e-5  # of the map from t to z, which is exact in float64
CHECKED = 3  # points at which automatic differentiation is compared with differences
TOLERANCE = 1e-3  # of the largest component of a gradient


class Target:
    """Log-likelihood and log-posterior of parameters, in float64; signals are made where `simulator.device` says.

    Parameters
    ----------
    experiment : Experiment
    observation : Observation

    Attributes
    ----------
    calls : int
        Signals whose likelihood was evaluated so far; a gradient by automatic differentiation counts as one.

    Raises
    ------
    DarksieveError
        If the simulator offers no likelihood of that observation.
    """

    def __init__(self, experiment: Experiment, observation: Observation) -> None:
        self.prior = experiment.prior
        self.calls = 0
        self._simulator = experiment.simulator
        self._device = choose_device(experiment.config.simulator.device, "simulator.device")
        self._likelihood = find_likelihood(experiment, observation)

    def __len__(self) -> int:
        return len(self.prior)

    def physical(self, t: Floats) -> Floats:
        """Parameters z (n, P) in physical units at t (n, P)."""
        return self.prior.from_unit(ndtr(np.clip(t, -LIMIT, LIMIT)))

    def log_likelihood(self, z: Floats) -> Floats:
        """ln p(x_o | z), (n,), at z (n, P) in physical units; minus infinity where the simulator fails."""
        with torch.no_grad():
            blocks = [self._evaluate(torch.from_numpy(z[i : i + ROWS_AT_ONCE])) for i in range(0, len(z), ROWS_AT_ONCE)]
        value = torch.cat(blocks).double().numpy()
        return np.where(np.isnan(value), -np.inf, value)

    def log_density(self, t: Floats) -> Floats:
        """ln p(x_o | z(t)) - t^2 / 2, (n,), at t (n, P)."""
        return self.log_likelihood(self.physical(t)) - 0.5 * (t**2).sum(axis=1)

    def log_density_and_gradient(self, t: Floats) -> tuple[Floats, Floats]:
        """`log_density` (n,) and its gradient (n, P): by automatic differentiation if the simulator allows it, else by
        central differences, which take 2 P + 1 simulations a point, all in one batch."""
        value, slope = self._differentiate(t) if self.differentiable else self._difference(t)
        return value - 0.5 * (t**2).sum(axis=1), np.nan_to_num(slope, posinf=0.0, neginf=0.0) - t

    @cached_property
    def differentiable(self) -> bool:
        """Whether automatic differentiation gives the gradient of central differences, at a few points of the prior."""
        t = np.random.default_rng(0).normal(size=(CHECKED, len(self)))
        try:
            _, slope = self._differentiate(t)
        except RuntimeError:  # arrays written in place, or no graph
            return False
        _, expected = self._difference(t)
        return bool(np.allclose(slope, expected, rtol=TOLERANCE, atol=TOLERANCE * np.abs(expected).max()))

    @cached_property
    def step(self) -> float:
        """Step of central differences: the third root of the precision of the signals."""
        z = torch.from_numpy(self.physical(np.zeros((1, len(self)))))
        arrays = self._simulate(z).values()
        return max(torch.finfo(a.dtype).eps for a in arrays if a.is_floating_point()) ** (1 / 3)

    def _evaluate(self, z: Tensor) -> Tensor:
        self.calls += len(z)
        return self._likelihood(self._simulate(z))

    def _simulate(self, z: Tensor) -> dict[str, Tensor]:
        """Signals (n, ...) on the CPU, of a simulator that is not random."""
        signal = self._simulator.simulate(z.to(self._device), torch.Generator(self._device).manual_seed(0))
        return {name: array.cpu() for name, array in signal.items()}

    def _differentiate(self, t: Floats) -> tuple[Floats, Floats]:
        """Log-likelihoods (n,) and their gradients by t (n, P), through torch."""
        z = torch.from_numpy(self.physical(t)).requires_grad_()
        with torch.enable_grad():
            value = self._evaluate(z)
            (slope,) = torch.autograd.grad(value.sum(), z)
        stretch = (self.physical(t + STRETCH_STEP) - self.physical(t - STRETCH_STEP)) / (2 * STRETCH_STEP)
        return value.detach().double().numpy(), slope.numpy() * stretch

    def _difference(self, t: Floats) -> tuple[Floats, Floats]:
        """Log-likelihoods (n,) and their gradients by t (n, P), from the neighbours of each point."""
        n, dimension = t.shape
        offsets = self.step * np.concatenate([np.zeros((1, dimension)), np.eye(dimension), -np.eye(dimension)])
        points = (t[:, None] + offsets).reshape(-1, dimension)
        value = self.log_likelihood(self.physical(points)).reshape(n, -1)
        with np.errstate(invalid="ignore"):
            slope = (value[:, 1 : dimension + 1] - value[:, dimension + 1 :]) / (2 * self.step)
        return value[:, 0], slope
