r"""From the weights of a network to the couplings of its action: S(c + x) = sum_n A^(n) x^n / n!.

Couplings are the derivatives of the action at a centre c. Around the value h that a layer has at the centre, its
quadratic part is (1 + 2 chi h) dh + chi dh dh: a layer of deviations has no bias, but another linear part, and a
truncated recursion is exact to its order. Going down through a layer, each leg of a vertex A^(k) may be replaced by chi
with two legs, so that tree diagrams build the vertices of the data from the bare propagator of the latents.

Reference: Merger et al. 2023, Phys. Rev. X 13, 041033 (arXiv 2304.00599), section III.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from darksieve.physics_ai.interacting_theory.network import InvertibleNetwork, Layer

__all__ = ["couplings", "selected_couplings"]


@torch.no_grad()
def couplings(network: InvertibleNetwork, centre: Tensor, order: int) -> list[Tensor]:
    """A^(0) ... A^(order), of shapes (), (d,), (d, d), ..., at a centre (d,), by recursion from latents to data.

    Memory is that of the largest: order 2 for a thousand components, 3 for a hundred, 4 for some tens.
    """
    values = [centre]
    for layer in network.layers:
        values.append(layer(values[-1]))
    latent = values[-1]
    found = [torch.zeros((network.size,) * n, dtype=torch.float64) for n in range(order + 1)]
    found[0] = 0.5 * latent @ latent + network.constant()
    for n, vertex in zip((1, 2), (latent, torch.eye(network.size, dtype=torch.float64))):
        if n <= order:
            found[n] = vertex
    for layer, value in reversed(list(zip(network.layers, values))):
        assert isinstance(layer, Layer)
        linear = _linear(layer, value)
        found = [_attach(_split_legs(found, n, layer), linear) for n in range(order + 1)]
    return found


@torch.no_grad()
def selected_couplings(network: InvertibleNetwork, centre: Tensor, legs: Tensor) -> Tensor:
    """Elements (m,) of A^(n) at a centre (d,) for legs (m, n), each a choice of n components, without any tensor A.

    The derivatives of all subsets of the legs go up through the layers together, which costs 2^n vectors of length d
    for each choice: so thousands of components are within reach.
    """
    number, order = legs.shape
    subsets = [frozenset(part) for size in range(order + 1) for part in itertools.combinations(range(order), size)]
    unit = torch.eye(network.size, dtype=torch.float64)
    moved = {part: torch.zeros(number, network.size, dtype=torch.float64) for part in subsets}
    moved[frozenset()] = centre.expand(number, -1)
    for leg in range(order):
        moved[frozenset({leg})] = unit[legs[:, leg]]
    for layer in network.layers:
        assert isinstance(layer, Layer)
        h = {part: values @ layer.weight.T for part, values in moved.items()}
        h[frozenset()] = h[frozenset()] + layer.bias
        moved = {
            part: h[part] + sum((layer.quadratic(h[one], h[part - one]) for one in _subsets(part)), torch.zeros(()))
            for part in subsets
        }
    every = frozenset(range(order))
    return 0.5 * sum(((moved[one] * moved[every - one]).sum(dim=1) for one in _subsets(every)), torch.zeros(()))


def _subsets(part: frozenset[int]) -> Iterator[frozenset[int]]:
    for size in range(len(part) + 1):
        yield from map(frozenset, itertools.combinations(part, size))


def _linear(layer: Layer, value: Tensor) -> Tensor:
    """How a layer's output changes with its input (d, d) where that is `value` (d,)."""
    h = layer.weight @ value + layer.bias
    return layer.weight + 2.0 * layer.quadratic(h, layer.weight.T).T


def _split_legs(vertices: Sequence[Tensor], n: int, layer: Layer) -> Tensor:
    """Vertex of n legs before a layer's quadratic part: every way in which n - k of k legs are each split in two."""
    total = torch.zeros((layer.weight.shape[0],) * n, dtype=torch.float64)
    for k in range((n + 1) // 2, n + 1):
        part = vertices[k]
        for _ in range(n - k):  # contracted from the last one on, its two new legs come first
            products = part[..., layer.middle :] @ layer.out
            split = torch.einsum("...r,rj,rk->jk...", products, layer.into, layer.into)
            part = nn.functional.pad(split.movedim((0, 1), (-2, -1)), (0, layer.out.shape[0]) * 2).movedim(
                (-2, -1), (0, 1)
            )
        total = total + math.factorial(n) / math.factorial(k) * math.comb(k, n - k) * part
    orders = list(itertools.permutations(range(n)))
    return sum((total.permute(order) for order in orders), torch.zeros(())) / len(orders)


def _attach(vertex: Tensor, linear: Tensor) -> Tensor:
    """A vertex with each of its legs multiplied by a matrix (d, d)."""
    for _ in range(vertex.ndim):
        vertex = torch.tensordot(vertex, linear, dims=([0], [0]))
    return vertex
