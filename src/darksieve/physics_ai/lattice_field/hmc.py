"""Hamiltonian Monte Carlo with an action known in full, many chains side by side.

Reference: Duane et al. 1987, Phys. Lett. B 195, 216.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

__all__ = ["Chains", "Differentiable", "run_chains"]

STEPS = 15  # leapfrog steps of a trajectory
JITTER = 0.1  # of the step, relative, so that no mode has the period of the trajectories
BURN_IN = 100  # trajectories
SPREAD = 0.3  # of the first states


class Differentiable(Protocol):
    """An action of states (n, ...)."""

    def __call__(self, state: Tensor, /) -> Tensor:
        """S (n,), the negative logarithm of an unnormalised density."""

    def gradient(self, state: Tensor, /) -> Tensor:
        """Its derivative by the state (n, ...)."""


@dataclass(frozen=True)
class Chains:
    """States in equilibrium, `state` (trajectories, chains, ...), and what their trajectories were like.

    `acceptance` is the fraction accepted, `exponentials` (trajectories, chains) are exp(-dH), whose mean is one, and
    `seconds` the CPU time of all trajectories that are kept.
    """

    state: Tensor
    acceptance: float
    exponentials: Tensor
    seconds: float


def run_chains(
    action: Differentiable,
    shape: tuple[int, ...],
    chains: int,
    trajectories: int,
    step: float,
    seed: int,
    even: bool = False,
) -> Chains:
    """Run chains of states of a shape from small random ones, `trajectories` after some that are not kept.

    Parameters
    ----------
    step : float
        Of the leapfrog integration.
    even : bool
        Whether the action is the same for the opposite state: its sign is then drawn anew after each trajectory.
    """
    generator = torch.Generator().manual_seed(seed)
    size = (chains, *shape)
    state = SPREAD * torch.randn(size, generator=generator, dtype=torch.float64)
    signs = (chains, *(1 for _ in shape))
    kept, exponentials, accepted = [], [], []
    for trajectory in range(-BURN_IN, trajectories):
        if trajectory == 0:
            start = time.process_time()
        momentum = torch.randn(size, generator=generator, dtype=torch.float64)
        jitter = 1.0 + JITTER * (2.0 * torch.rand(1, generator=generator).item() - 1.0)
        proposal, change = _leapfrog(action, state, momentum, jitter * step)
        exponential = torch.exp(-change)
        accept = torch.rand(chains, generator=generator, dtype=torch.float64) < exponential
        state = torch.where(accept.reshape(signs), proposal, state)
        if even:
            state = state * (1.0 - 2.0 * torch.randint(2, signs, generator=generator))
        if trajectory >= 0:
            kept.append(state)
            exponentials.append(exponential)
            accepted.append(accept)
    seconds = time.process_time() - start
    return Chains(torch.stack(kept), float(torch.stack(accepted).double().mean()), torch.stack(exponentials), seconds)


def _leapfrog(action: Differentiable, state: Tensor, momentum: Tensor, step: float) -> tuple[Tensor, Tensor]:
    """States at the end of trajectories, and by how much the energy changed (n,)."""
    before = action(state) + 0.5 * (momentum**2).flatten(1).sum(dim=1)
    momentum = momentum - 0.5 * step * action.gradient(state)
    for left in reversed(range(STEPS)):
        state = state + step * momentum
        momentum = momentum - (step if left else 0.5 * step) * action.gradient(state)
    return state, action(state) + 0.5 * (momentum**2).flatten(1).sum(dim=1) - before
