"""Distances in a flat Universe of matter and dark energy, for many cosmologies at once.

Dark energy has the equation of state w(a) = w0 + wa (1 - a). Radiation is left out: below redshift 3 it changes
distances by less than 0.1%.

References: Hogg 1999, arXiv astro-ph/9905116, equations 14-16; Chevallier & Polarski 2001, IJMPD 10, 213; Linder 2003,
PRL 90, 091301 (equation of state).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

__all__ = ["ComovingDistance", "expansion_rate"]

NODES = 4  # of the Gauss-Legendre rule between neighbouring redshifts
LARGEST_STEP = 0.3  # in redshift


def expansion_rate(redshift: Tensor, omega_m: Tensor, w0: Tensor, wa: Tensor) -> Tensor:
    """H(z) / H0 at redshifts (K,) of cosmologies (n, 1), as (n, K)."""
    stretch = 1 + redshift
    dark_energy = torch.exp(3 * ((1 + w0 + wa) * torch.log(stretch) - wa * redshift / stretch))
    return (omega_m * stretch**3 + (1 - omega_m) * dark_energy).sqrt()


class ComovingDistance:
    """Comoving distances to fixed redshifts, by Gauss-Legendre rules between one and the next.

    Parameters
    ----------
    redshifts : sequence of float
        K redshifts above zero, in any order.
    """

    def __init__(self, redshifts: Sequence[float]) -> None:
        ends, self._place = np.unique(redshifts, return_inverse=True)
        edges = [0.0]
        for end in ends:
            steps = int(np.ceil((end - edges[-1]) / LARGEST_STEP))
            edges += list(np.linspace(edges[-1], end, steps + 1)[1:])
        self._place = np.searchsorted(edges[1:], ends - 1e-12)[self._place]
        nodes, weights = np.polynomial.legendre.leggauss(NODES)
        low, width = np.array(edges[:-1])[:, None], np.diff(edges)[:, None]
        self.nodes = torch.from_numpy(low + 0.5 * width * (1 + nodes))  # (intervals, nodes)
        self.weights = torch.from_numpy(0.5 * width * weights)

    def __call__(self, omega_m: Tensor, w0: Tensor, wa: Tensor) -> Tensor:
        """Distances in units of c / H0, (n, K), of cosmologies (n, 1)."""
        nodes, weights = self.nodes.to(omega_m), self.weights.to(omega_m)
        slowness = 1 / expansion_rate(nodes.flatten(), omega_m, w0, wa)
        intervals = (slowness.unflatten(-1, nodes.shape) * weights).sum(dim=-1)
        return intervals.cumsum(dim=-1)[:, self._place]
