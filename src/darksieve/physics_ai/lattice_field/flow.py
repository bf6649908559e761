"""A continuous normalising flow that turns noise into lattice fields, and keeps all symmetries of the action.

d phi_x / dt = sum_y sum_f W_f(x - y, t) s_f(phi_y), with s_f the field itself and sines of it, which are odd, and W the
same for all displacements that rotations and reflections make of each other. The logarithm of the density falls by the
divergence, to which only y = x contributes: d ln q / dt = -sum_x sum_f W_f(0, t) s_f'(phi_x).

Reference: Gerdes, de Haan, Rainone, Bondesan & Cheng 2023, SciPost Phys. 15, 238 (arXiv 2207.00283), section 3.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from darksieve.physics_ai.lattice_field.action import Action

__all__ = ["Flow", "effective_fraction", "log_weights", "train"]

FREQUENCIES = 8
TIMES = 10  # bumps of which W's dependence on time is made
STEPS = 10  # of the integration, Runge-Kutta of fourth order
WARM_UP = 0.15  # of the training
LARGEST_GRADIENT = 5.0  # its norm


class Flow(nn.Module):
    """The flow of fields of `side` x `side` sites, at first the identity."""

    orbit: Tensor

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side
        orbit = _orbits(side)
        self.register_buffer("orbit", orbit)
        self.weight = nn.Parameter(torch.zeros(TIMES, FREQUENCIES + 1, int(orbit.max()) + 1))
        self.frequency = nn.Parameter(torch.linspace(0.5, 4.0, FREQUENCIES))

    def forward(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Fields (n, L, L) of unit normal noise (n, L, L), and the logarithm of their density (n,)."""
        field = noise.flatten(1)
        log_density = -0.5 * (field**2).sum(dim=1) - 0.5 * field.shape[1] * math.log(2.0 * math.pi)
        step = 1.0 / STEPS
        kernels = self._kernels(torch.linspace(0.0, 1.0, 2 * STEPS + 1))
        for number in range(STEPS):
            start, middle, end = kernels[2 * number : 2 * number + 3]
            first, a = self._velocity(field, start)
            second, b = self._velocity(field + 0.5 * step * first, middle)
            third, c = self._velocity(field + 0.5 * step * second, middle)
            fourth, d = self._velocity(field + step * third, end)
            field = field + step / 6.0 * (first + 2.0 * second + 2.0 * third + fourth)
            log_density = log_density - step / 6.0 * (a + 2.0 * b + 2.0 * c + d)
        return field.unflatten(1, (self.side, self.side)), log_density

    def draw(self, number: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """So many fields, and the logarithm of their density."""
        return self(torch.randn(number, self.side, self.side, generator=generator, dtype=self.weight.dtype))

    def _kernels(self, times: Tensor) -> Tensor:
        """W (T, V, F, V) at times (T,), from the second site to the first."""
        centres = torch.linspace(0.0, 1.0, TIMES)
        bumps = torch.softmax(-0.5 * ((times[:, None] - centres) * TIMES) ** 2, dim=1).to(self.weight)
        weight = torch.einsum("tk,kfo->tfo", bumps, self.weight)
        sites = len(self.orbit)
        spread = weight.index_select(2, self.orbit.flatten()).unflatten(2, (sites, sites))
        return spread.transpose(1, 2)

    def _velocity(self, field: Tensor, kernel: Tensor) -> tuple[Tensor, Tensor]:
        """Time derivative of flat fields (n, V) and its divergence (n,)."""
        phase = field[..., None] * self.frequency
        features = torch.cat([phase.sin(), field[..., None]], dim=-1)  # (n, V, F)
        velocity = features.flatten(1) @ kernel.flatten(0, 1)
        slopes = phase.cos().sum(dim=1) * self.frequency  # (n, F - 1)
        at_site = kernel[0, :, 0]
        return velocity, slopes @ at_site[:-1] + field.shape[1] * at_site[-1]


def _orbits(side: int) -> Tensor:
    """Number of the class (V, V) to which the displacement between two sites belongs; 0 for none at all."""
    index = torch.arange(side)
    distance = torch.minimum(index, side - index)
    high, low = torch.maximum(distance[:, None], distance), torch.minimum(distance[:, None], distance)
    number = high * (high + 1) // 2 + low  # of the displacement (L, L)
    rows, columns = index.repeat_interleave(side), index.repeat(side)
    return number[(rows[:, None] - rows) % side, (columns[:, None] - columns) % side]


def train(action: Action, steps: int, batch: int, seed: int, learning_rate: float = 0.01) -> Flow:
    """A flow whose density is close to exp(-S) / Z: the mean of ln q + S over its own fields is minimised (Adam)."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    flow = Flow(action.side)
    optimiser = torch.optim.Adam(flow.parameters(), lr=learning_rate, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, learning_rate, total_steps=steps, pct_start=WARM_UP, div_factor=10.0
    )
    for _ in range(steps):
        field, log_density = flow.draw(batch, generator)
        loss = (log_density + action(field)).mean()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(flow.parameters(), LARGEST_GRADIENT)
        optimiser.step()
        schedule.step()
    return flow.eval()


@torch.no_grad()
def log_weights(flow: Flow, action: Action, number: int, seed: int, rows: int = 2048) -> tuple[Tensor, Tensor]:
    """Fields (n, L, L) that the flow draws, and ln w = -S - ln q (n,), whose mean w is the partition function Z."""
    generator = torch.Generator().manual_seed(seed)
    parts = [flow.draw(min(rows, number - start), generator) for start in range(0, number, rows)]
    fields, log_density = (torch.cat(part).double() for part in zip(*parts))
    return fields, -action(fields) - log_density


def effective_fraction(log_weight: Tensor) -> float:
    """Effective sample size of weights (n,), as a fraction of n: <w>^2 / <w^2>."""
    weight = torch.exp(log_weight - log_weight.max())
    return float(weight.mean() ** 2 / (weight**2).mean())
