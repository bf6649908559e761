"""Two networks for dynamics: one gives velocities, the other a Hamiltonian, whose velocities conserve it.

Reference: Greydanus, Dzamba & Yosinski 2019, NeurIPS 32 (arXiv 1906.01563), eq. 3 and appendix A.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from darksieve.physics_ai.learned_dynamics.systems import velocity

__all__ = ["Dynamics", "Kind", "train"]

Kind = Literal["plain", "hamiltonian"]
HIDDEN = 200
WEIGHT_DECAY = 1e-4


class Dynamics(nn.Module):
    """Velocities of states (n, 2 d), learned as such (`plain`) or by the gradient of an energy (`hamiltonian`)."""

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
        """Learned energy (n,), up to a constant."""
        return self.network(state)[:, 0]

    def forward(self, state: Tensor) -> Tensor:
        """Velocities (n, 2 d)."""
        if self.kind == "plain":
            return self.network(state)
        return velocity(self.energy, state, differentiable=self.training)


def train(
    kind: Kind,
    states: Tensor,
    velocities: Tensor,
    steps: int,
    batch: int | None,
    seed: int,
    learning_rate: float = 1e-3,
) -> Dynamics:
    """A network that learned velocities (n, 2 d) of states, least squares by Adam.

    Parameters
    ----------
    batch : int, optional
        States a step; by default all.
    """
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    dynamics = Dynamics(kind, states.shape[1])
    optimiser = torch.optim.Adam(dynamics.parameters(), lr=learning_rate, weight_decay=WEIGHT_DECAY)
    for _ in range(steps):
        rows = slice(None) if batch is None else torch.randint(len(states), (batch,), generator=generator)
        loss = nn.functional.mse_loss(dynamics(states[rows]), velocities[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return dynamics.eval()
