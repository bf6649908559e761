"""An invertible network with quadratic couplings, whose density is the exponential of a polynomial.

A layer is h = W x + b, then (h1, h2 + chi h1 h1) with h split in halves: invertible, its determinant that of W. With
unit normal latents, f(x), the action S = -ln p = |f(x)|^2 / 2 + d/2 ln 2 pi - sum ln|det W| is a polynomial. chi is
kept as a sum of products, chi_bjk = sum_r u_br v_rj v_rk, so that no tensor of d^3 numbers is needed.

Reference: Merger et al. 2023, Phys. Rev. X 13, 041033 (arXiv 2304.00599), sections II and III; the quadratic part here
is the coupling layer of Dinh, Krueger & Bengio 2015 (arXiv 1410.8516) with a quadratic shift.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

__all__ = ["InvertibleNetwork", "Layer", "train", "whiten"]

LARGEST_GRADIENT = 1.0  # its norm: rare data far out pull hard at a polynomial


class Layer(nn.Module):
    """One layer for d components, with `rank` products in its quadratic part."""

    def __init__(self, size: int, rank: int) -> None:
        super().__init__()
        self.middle = size // 2
        self.weight = nn.Parameter(torch.eye(size, dtype=torch.float64))
        self.bias = nn.Parameter(torch.zeros(size, dtype=torch.float64))
        self.out = nn.Parameter(torch.zeros(size - self.middle, rank, dtype=torch.float64))
        self.into = nn.Parameter(torch.randn(rank, self.middle, dtype=torch.float64) / math.sqrt(self.middle))

    def quadratic(self, first: Tensor, second: Tensor) -> Tensor:
        """chi of two vectors h (..., d) and h' (..., d), symmetric in them: (..., d), zero in the first half."""
        products = (first[..., : self.middle] @ self.into.T) * (second[..., : self.middle] @ self.into.T)
        return nn.functional.pad(products @ self.out.T, (self.middle, 0))

    def forward(self, x: Tensor) -> Tensor:
        """Images (..., d) of x (..., d)."""
        h = x @ self.weight.T + self.bias
        return h + self.quadratic(h, h)

    def invert(self, y: Tensor) -> Tensor:
        """What was mapped to y (..., d)."""
        h = y - self.quadratic(y, y)
        return torch.linalg.solve(self.weight, (h - self.bias).mT).mT


class InvertibleNetwork(nn.Module):
    """Layers one after the other; at first a Gaussian theory of unit variance."""

    def __init__(self, size: int, layers: int, rank: int) -> None:
        super().__init__()
        self.size = size
        self.layers = nn.ModuleList(Layer(size, rank) for _ in range(layers))

    def forward(self, x: Tensor) -> Tensor:
        """Latents (..., d) of data (..., d)."""
        for layer in self.layers:
            x = layer(x)
        return x

    def action(self, x: Tensor) -> Tensor:
        """S (...) of data (..., d), the normalisation with it: -ln p."""
        return 0.5 * (self(x) ** 2).sum(dim=-1) + self.constant()

    def constant(self) -> Tensor:
        """The part of the action that the data do not change."""
        volume = sum((torch.linalg.slogdet(layer.weight)[1] for layer in self.layers), torch.zeros(()))
        return 0.5 * self.size * math.log(2.0 * math.pi) - volume

    @torch.no_grad()
    def sample(self, number: int, generator: torch.Generator) -> Tensor:
        """Data (n, d) drawn from the learned density."""
        x = torch.randn(number, self.size, generator=generator, dtype=torch.float64)
        for layer in reversed(self.layers):
            x = layer.invert(x)  # type: ignore[operator]
        return x


@torch.no_grad()
def whiten(network: InvertibleNetwork, data: Tensor, ridge: float = 0.0) -> None:
    """Make a new network the Gaussian theory of the data (n, d), `ridge` added to the eigenvalues of the covariance."""
    mean = data.mean(dim=0)
    size, axes = torch.linalg.eigh(torch.cov(data.T))
    first = network.layers[0]
    first.weight.copy_((axes / (size + ridge).sqrt()).T)  # type: ignore[operator]
    first.bias.copy_(-first.weight @ mean)  # type: ignore[operator]


def train(
    network: InvertibleNetwork,
    data: Tensor,
    steps: int,
    batch: int,
    learning_rate: float,
    seed: int,
    linear: bool = True,
) -> InvertibleNetwork:
    """Maximise the likelihood of data (n, d) by Adam with clipped gradients and a rate that falls to zero.

    `linear`: whether the matrices W are learned too, or kept, where a Gaussian theory of many components set them.
    """
    generator = torch.Generator().manual_seed(seed)
    for layer in network.layers:
        layer.weight.requires_grad_(linear)
    learned = [values for values in network.parameters() if values.requires_grad]
    optimiser = torch.optim.Adam(learned, lr=learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        rows = torch.randint(len(data), (batch,), generator=generator)
        loss = network.action(data[rows]).mean()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(learned, LARGEST_GRADIENT)
        optimiser.step()
        schedule.step()
    return network
