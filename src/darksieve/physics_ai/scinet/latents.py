"""What latent variables know: how they go with quantities that a physicist would name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from darksieve.physics_ai.scinet.network import SciNet

__all__ = ["ACTIVE", "LinearFit", "correlations", "fit_linear", "latent_means", "match"]

Floats = NDArray[np.float64]

ACTIVE = 0.05  # nats of divergence from which a latent variable is in use


@torch.no_grad()
def latent_means(network: SciNet, observation: Tensor) -> Floats:
    """Means (n, L) of the latent variables of observations (n, ...)."""
    return network.encode(observation)[0].double().numpy()


def correlations(latents: ArrayLike, quantities: ArrayLike) -> Floats:
    """|Pearson's r| (L, P) of latent variables (n, L) with quantities (n, P)."""
    latents, quantities = np.asarray(latents), np.asarray(quantities)
    split = latents.shape[1]
    return np.abs(np.corrcoef(latents.T, quantities.T)[:split, split:])


def match(table: Floats) -> Floats:
    """Of |r| (L, P), with a latent variable of its own for each of the quantities, those (P,) whose sum is largest."""
    rows, columns = linear_sum_assignment(-table)
    return table[rows[np.argsort(columns)], np.sort(columns)]


@dataclass(frozen=True)
class LinearFit:
    """Quantities by least squares from latent variables.

    Attributes
    ----------
    coefficients, constant : array
        (P, L) and (P,).
    explained : array
        R^2 (P,) of each quantity.
    """

    coefficients: Floats
    constant: Floats
    explained: Floats

    def __call__(self, latents: Floats) -> Floats:
        """Quantities (n, P) for latent variables (n, L)."""
        return latents @ self.coefficients.T + self.constant


def fit_linear(latents: ArrayLike, quantities: ArrayLike) -> LinearFit:
    """The fit of quantities (n, P) by latent variables (n, L)."""
    latents, quantities = np.asarray(latents, float), np.asarray(quantities, float)
    design = np.column_stack([latents, np.ones(len(latents))])
    solution = np.linalg.lstsq(design, quantities, rcond=None)[0]
    explained = 1 - (quantities - design @ solution).var(axis=0) / quantities.var(axis=0)
    return LinearFit(solution[:-1].T, solution[-1], explained)
