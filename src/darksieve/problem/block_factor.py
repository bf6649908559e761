"""Cholesky factors of covariances in which what is far apart is independent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

__all__ = ["BlockFactor", "factorise"]


@dataclass(frozen=True)
class BlockFactor:
    """The lower triangle L of a block-tridiagonal Cholesky factor; without blocks, that of the unit matrix.

    Attributes
    ----------
    blocks : sequence of (Tensor, Tensor)
        Each block on the diagonal (m_i, m_i), and what is left of it (m_i, m_i-1).
    log_determinant : float
        ln det L L^T.
    """

    blocks: Sequence[tuple[Tensor, Tensor]] = ()
    log_determinant: float = 0.0

    def to(self, like: Tensor) -> BlockFactor:
        """The same in another tensor's dtype and on its device."""
        return replace(self, blocks=[(lower.to(like), beside.to(like)) for lower, beside in self.blocks])

    def solve(self, values: Tensor) -> Tensor:
        """L^-1 v for each row v of values (B, N)."""
        if not self.blocks:
            return values
        solved = [values[:, :0]]
        for part, (lower, beside) in zip(self._split(values), self.blocks):
            rest = part - solved[-1] @ beside.T
            solved.append(torch.linalg.solve_triangular(lower, rest.T, upper=False).T)
        return torch.cat(solved, dim=1)

    def solve_transposed(self, values: Tensor) -> Tensor:
        """L^-T v for each row v of values (B, N)."""
        if not self.blocks:
            return values
        solved: list[Tensor] = []
        carried: Tensor | float = 0.0
        for part, (lower, beside) in zip(reversed(self._split(values)), reversed(self.blocks)):
            solved.append(torch.linalg.solve_triangular(lower.T, (part - carried).T, upper=True).T)
            carried = solved[-1] @ beside
        return torch.cat(solved[::-1], dim=1)

    def _split(self, values: Tensor) -> tuple[Tensor, ...]:
        return values.split([len(lower) for lower, _ in self.blocks], dim=1)


def factorise(number: int, covariance: Callable[[int, int], Tensor]) -> BlockFactor:
    """Factorise a positive definite matrix of `number` by `number` blocks, zero but beside its diagonal.

    Parameters
    ----------
    number : int
        Blocks.
    covariance : callable
        Block (m_i, m_j) of the matrix, given i and j, j being i or i - 1.
    """
    blocks: list[tuple[Tensor, Tensor]] = []
    for i in range(number):
        here = covariance(i, i)
        beside = here[:, :0]
        if blocks:
            beside = torch.linalg.solve_triangular(blocks[-1][0].T, covariance(i, i - 1), upper=True, left=False)
        blocks.append((torch.linalg.cholesky(here - beside @ beside.T), beside))
    return BlockFactor(blocks, sum(2 * float(lower.diagonal().log().sum()) for lower, _ in blocks))
