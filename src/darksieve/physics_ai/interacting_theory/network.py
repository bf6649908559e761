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

__all__ = ["InvertibleNetwork", "Layer", "extend", "start", "train", "whiten"]

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
        self.size, self.rank = size, rank
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
    """Make a new network the Gaussian theory of the data (n, d), `ridge` added to the eigenvalues of the covariance.

    Its last latents are the modes of largest variance.
    """
    mean = data.mean(dim=0)
    size, axes = torch.linalg.eigh(torch.cov(data.T))
    first = network.layers[0]
    first.weight.copy_((axes / (size + ridge).sqrt()).T)  # type: ignore[operator]
    first.bias.copy_(-first.weight @ mean)  # type: ignore[operator]


@torch.no_grad()
def start(data: Tensor, layers: int, rank: int, seed: int) -> InvertibleNetwork:
    """A network that is the Gaussian theory of data (n, d), seen in randomly turned latents."""
    torch.manual_seed(seed)
    network = InvertibleNetwork(data.shape[1], layers, rank)
    whiten(network, data)
    for layer in network.layers:
        turn = torch.linalg.qr(torch.randn_like(layer.weight))[0]  # type: ignore[arg-type]
        layer.weight.copy_(turn @ layer.weight)  # type: ignore[operator]
        layer.bias.copy_(turn @ layer.bias)  # type: ignore[operator]
    return network


@torch.no_grad()
def extend(core: InvertibleNetwork, gaussian: InvertibleNetwork) -> InvertibleNetwork:
    """The theory in which the last latents of a Gaussian theory of one layer interact as in `core`; the rest are free.

    Modes that hold nothing but noise have no interactions to be learned, but as many parameters as the others.
    """
    size, inner = gaussian.size, core.size
    middle, half = size // 2, inner // 2
    free, bound = torch.arange(size - inner), torch.arange(size - inner, size)
    order = torch.cat([bound[:half], free[: middle - half], bound[half:], free[middle - half :]])  # halves in halves
    places = torch.cat([torch.arange(half), middle + torch.arange(inner - half)])  # of the core among these
    network = InvertibleNetwork(size, len(core.layers), core.rank)
    for layer, part in zip(network.layers, core.layers):
        assert isinstance(layer, Layer)
        assert isinstance(part, Layer)
        layer.weight[places[:, None], places] = part.weight
        layer.bias[places] = part.bias
        layer.out[: inner - half] = part.out
        layer.into.zero_()[:, :half] = part.into
    first, whitening = network.layers[0], gaussian.layers[0]
    assert isinstance(first, Layer)
    assert isinstance(whitening, Layer)
    first.bias.add_(first.weight @ whitening.bias[order])
    first.weight.copy_(first.weight @ whitening.weight[order])
    return network


def train(
    network: InvertibleNetwork, data: Tensor, steps: int, batch: int, learning_rate: float, seed: int
) -> InvertibleNetwork:
    """Maximise the likelihood of data (n, d) by Adam with clipped gradients and a rate that falls to zero."""
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(network.parameters(), lr=learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        rows = torch.randint(len(data), (batch,), generator=generator)
        loss = network.action(data[rows]).mean()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), LARGEST_GRADIENT)
        optimiser.step()
        schedule.step()
    return network
