"""Whitening: correlated noise, of which the network knows draws alone, as noise that is independent in each element."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from darksieve.problem.block_factor import BlockFactor, factorise

__all__ = ["Whitening"]

CORRELATED = 0.01
RIDGE = 1e-3  # of the mean variance


class Whitening:
    """The inverse Cholesky factor of the noise's covariance, estimated from draws.

    A covariance of d elements from n draws is useless unless n is many times d. But noise is correlated with what is
    near: the covariance is tapered with the distance along each axis, to zero at twice the distance at which the mean
    correlation falls below 0.01. Arrays are taken to be independent of each other, and white noise stays as it is.

    Parameters
    ----------
    noise : sequence of Tensor (n, ...)
        Draws of each array's noise.

    References: Furrer & Bengtsson 2007, J. Multivar. Anal. 98, 227 (tapered sample covariances).
    """

    def __init__(self, noise: Sequence[Tensor]) -> None:
        self.sizes = [draws[0].numel() for draws in noise]
        self.factors = [_factor(draws) for draws in noise]

    def __call__(self, x: Tensor) -> Tensor:
        """W x of each row of x (n, d), all arrays flattened one after the other."""
        return torch.cat([f.solve(part) for f, part in zip(self.factors, x.split(self.sizes, dim=1))], dim=1)

    def transposed(self, x: Tensor) -> Tensor:
        """W^T x of each row of x (n, d)."""
        return torch.cat([f.solve_transposed(part) for f, part in zip(self.factors, x.split(self.sizes, dim=1))], dim=1)


def _factor(noise: Tensor) -> BlockFactor:
    """Factor of the tapered covariance of noise (n, *shape), in units of its mean variance."""
    noise = noise - noise.mean(dim=0)
    variance = noise.square().mean()
    tapers = [_taper(noise, axis) for axis in range(1, noise.ndim)]
    if all(reach == 1 for _, reach in tapers):
        return BlockFactor()
    (first, reach), rest = tapers[0], noise.new_ones(1, 1)
    for taper, _ in tapers[1:]:
        rest = torch.kron(rest, taper)
    blocks = noise.split(reach, dim=1)
    places = torch.arange(len(first), device=noise.device).split(reach)

    def covariance(i: int, j: int) -> Tensor:
        found = blocks[i].flatten(1).T @ blocks[j].flatten(1) / (variance * len(noise))
        found *= torch.kron(first[places[i]][:, places[j]], rest)
        found = found.double()  # single precision may lose the sign of the smallest eigenvalues
        return found + RIDGE * torch.eye(len(found)).to(found) if i == j else found

    return factorise(len(blocks), covariance).to(noise)


def _taper(noise: Tensor, axis: int) -> tuple[Tensor, int]:
    """Weights (m, m) of the covariances of an axis' m elements, and the distance from which on they are zero.

    Bartlett's triangle keeps a covariance positive definite.
    """
    m = noise.shape[axis]
    variance = noise.square().mean()
    reach = 0
    while reach + 1 < m:
        near, far = noise.narrow(axis, 0, m - reach - 1), noise.narrow(axis, reach + 1, m - reach - 1)
        if (near * far).mean().abs() <= CORRELATED * variance:
            break
        reach += 1
    width = 2 * reach + 1
    places = torch.arange(m, device=noise.device)
    distance = (places[:, None] - places).abs()
    return (1 - distance / width).clamp_min(0), width
