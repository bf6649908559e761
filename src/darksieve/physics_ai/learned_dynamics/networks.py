"""Networks for dynamics: of velocities, of a Hamiltonian or of a Lagrangian, learned from velocities or from motion.

Motion by a Hamiltonian or a Lagrangian conserves its energy, whatever the network is. A Hamiltonian needs momenta; a
Lagrangian takes coordinates and velocities as they are seen. A neural ODE sees no velocities at all: motion by its
network is compared with motion.

References: Greydanus, Dzamba & Yosinski 2019, NeurIPS 32 (arXiv 1906.01563), eq. 3 and appendix A; Cranmer et al. 2020
(arXiv 2003.04630), eq. 6; Chen et al. 2018, NeurIPS 31 (arXiv 1806.07366), eq. 3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from darksieve.physics_ai.learned_dynamics.systems import lagrangian_velocity, velocity

__all__ = ["Dynamics", "Kind", "train", "train_by_motion"]

Kind = Literal["plain", "hamiltonian", "lagrangian"]
HIDDEN = 200
WEIGHT_DECAY = 1e-4
WINDOW = 4  # intervals over which motion is followed


class Dynamics(nn.Module):
    """Time derivatives of states (n, 2 d).

    They are learned as such (`plain`), by the gradient of an energy (`hamiltonian`), or by the equations of Euler and
    Lagrange (`lagrangian`), where the network is what comes to the Lagrangian of free bodies of mass one.
    """

    def __init__(self, kind: Kind, size: int) -> None:
        super().__init__()
        self.kind = kind
        self.network = nn.Sequential(
            nn.Linear(size, HIDDEN), nn.Tanh(),
            nn.Linear(HIDDEN, HIDDEN), nn.Tanh(),
            nn.Linear(HIDDEN, size if kind == "plain" else 1, bias=kind == "plain"),
        )  # fmt: skip
        for layer in self.network:
            if isinstance(layer, nn.Linear):
                nn.init.orthogonal_(layer.weight)

    def energy(self, state: Tensor) -> Tensor:
        """Learned Hamiltonian (n,), up to a constant."""
        return self.network(state)[:, 0]

    def lagrangian(self, state: Tensor) -> Tensor:
        """Learned Lagrangian (n,), up to what leaves motion as it is."""
        return 0.5 * (state.chunk(2, dim=1)[1] ** 2).sum(dim=1) + self.network(state)[:, 0]

    def forward(self, state: Tensor) -> Tensor:
        """Time derivatives (n, 2 d)."""
        if self.kind == "plain":
            return self.network(state)
        if self.kind == "hamiltonian":
            return velocity(self.energy, state, differentiable=self.training)
        return lagrangian_velocity(self.lagrangian, state, differentiable=self.training)


def train(
    kind: Kind, states: Tensor, velocities: Tensor, steps: int, batch: int | None, seed: int, annealed: bool = False
) -> Dynamics:
    """A network that learned derivatives (..., 2 d) of states, least squares by Adam.

    Parameters
    ----------
    batch : int, optional
        States a step; by default all.
    annealed : bool
        Whether the learning rate falls to zero; else it stays, and weights decay, as in Greydanus et al.
    """
    states, velocities = states.reshape(-1, states.shape[-1]), velocities.reshape(-1, states.shape[-1])
    generator = torch.Generator().manual_seed(seed)

    def loss(dynamics: Dynamics) -> Tensor:
        rows = slice(None) if batch is None else torch.randint(len(states), (batch,), generator=generator)
        return nn.functional.mse_loss(dynamics(states[rows]), velocities[rows])

    return _descend(kind, states.shape[1], loss, steps, seed, annealed)


def train_by_motion(states: Tensor, interval: float, steps: int, batch: int, seed: int) -> Dynamics:
    """A plain network by which states move as observed ones (points, trajectories, 2 d), `interval` apart, do.

    Motion is followed over `WINDOW` intervals from observed states on, and differentiated (Runge-Kutta, torchdiffeq).
    """
    from torchdiffeq import odeint

    points, trajectories, size = states.shape
    generator = torch.Generator().manual_seed(seed)
    time = interval * torch.arange(WINDOW + 1)
    window = torch.arange(WINDOW + 1)[:, None]

    def loss(dynamics: Dynamics) -> Tensor:
        begin = torch.randint(points - WINDOW, (batch,), generator=generator)
        seen = states[begin + window, torch.randint(trajectories, (batch,), generator=generator)]
        moved = odeint(lambda _, state: dynamics(state), seen[0], time, method="rk4")
        return nn.functional.mse_loss(moved[1:], seen[1:])

    return _descend("plain", size, loss, steps, seed, annealed=True)


def _descend(
    kind: Kind, size: int, loss: Callable[[Dynamics], Tensor], steps: int, seed: int, annealed: bool
) -> Dynamics:
    """A network whose loss was brought down by Adam."""
    torch.manual_seed(seed)
    dynamics = Dynamics(kind, size)
    optimiser = torch.optim.Adam(dynamics.parameters(), lr=1e-3, weight_decay=0.0 if annealed else WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        value = loss(dynamics)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        if annealed:
            schedule.step()
    return dynamics.eval()
