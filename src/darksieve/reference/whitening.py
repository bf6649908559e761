"""Where the posterior lies: its modes, and coordinates in which it is about a unit normal distribution.

The methods that follow a gradient start here. Only the coordinates are approximate: what is sampled is the posterior.
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from darksieve.problem.provenance import derive_seed
from darksieve.reference.target import Target

__all__ = ["Whitened", "whiten"]

log = logging.getLogger(__name__)
Floats = NDArray[np.float64]
POOL = 256  # draws of the prior of which the best one starts a search
NEGLIGIBLE = 10.0  # nat below the highest mode
OVERDISPERSION = 2.0  # of the chains' starting points about their modes, in posterior standard deviations
WIDEST = 2.0  # standard deviations of the prior
HESSIAN_STEP = (1e-5, 0.1, 0.1)  # smallest; in standard deviations; largest


class Whitened:
    """A target in coordinates w, t = centre + root w, as a function of tensors that torch can differentiate.

    Attributes
    ----------
    starts : array (chains, P)
        Where chains start, scattered about their modes by more than the posterior.
    """

    def __init__(self, target: Target, centre: Floats, root: Floats, starts: Floats) -> None:
        self.target, self.centre, self.root, self.starts = target, centre, root, starts

    def physical(self, w: Floats) -> Floats:
        """Parameters z (n, P) in physical units at w (n, P)."""
        return self.target.physical(self.centre + w @ self.root.T)

    def log_density(self, w: Tensor) -> Tensor:
        """The target's log-density (n,) at w (n, P), up to a constant."""
        return _LogDensity.apply(w, self)[0]

    def evaluate(self, w: Floats) -> tuple[Floats, Floats]:
        """Log-density (n,) and gradient (n, P) at w (n, P)."""
        value, gradient = self.target.log_density_and_gradient(self.centre + w @ self.root.T)
        return value, gradient @ self.root


class _LogDensity(torch.autograd.Function):
    """Value and gradient of a `Whitened` target as one node of torch's graph, for `grad` and `torch.func` alike."""

    @staticmethod
    def forward(w: Tensor, white: Whitened) -> tuple[Tensor, Tensor]:
        value, gradient = white.evaluate(w.detach().numpy())
        return torch.from_numpy(value), torch.from_numpy(gradient)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(output[1])

    @staticmethod
    def backward(ctx: Any, by_value: Tensor, _: Tensor) -> tuple[Tensor, None]:
        (gradient,) = ctx.saved_tensors
        return by_value[:, None] * gradient, None


def whiten(target: Target, chains: int, seed: int) -> Whitened:
    """Coordinates about the highest of as many modes as there are chains, and a start for each.

    Every search starts from the best of its own draws of the prior. A mode that is negligible beside the highest one
    is replaced by it; others stay, so that chains in different modes disagree and R-hat shows it. The coordinates come
    from the curvature at the highest mode (Laplace's approximation).
    """
    generator = np.random.default_rng(derive_seed("whiten", seed))
    found = [_find_mode(target, generator.normal(size=(POOL, len(target)))) for _ in range(chains)]
    heights = np.array([height for height, _, _ in found])
    best = int(heights.argmax())
    _, centre, spread = found[best]
    kept = heights > heights[best] - NEGLIGIBLE
    log.info("%d of %d searches ended within %g nat of the highest mode, after %d likelihoods", kept.sum(), chains,
             NEGLIGIBLE, target.calls)  # fmt: skip
    modes = np.stack([found[i if kept[i] else best][1] for i in range(chains)])
    root = _root_of_covariance(target, centre, spread)
    scatter = OVERDISPERSION * generator.normal(size=modes.shape)
    return Whitened(target, centre, root, np.linalg.solve(root, (modes - centre).T).T + scatter)


def _find_mode(target: Target, pool: Floats) -> tuple[float, Floats, Floats]:
    """Height, place (P,) and rough standard deviations (P,) of the mode above the best point of a pool (n, P)."""
    from scipy.optimize import minimize

    def descend(t: Floats) -> tuple[float, Floats]:
        value, gradient = target.log_density_and_gradient(t[None])
        return -float(value[0]), -gradient[0]

    start = pool[target.log_density(pool).argmax()]
    found = minimize(descend, start, jac=True, method="BFGS", options={"gtol": 1e-2})
    return -float(found.fun), found.x, np.sqrt(np.diag(found.hess_inv))


def _root_of_covariance(target: Target, centre: Floats, spread: Floats) -> Floats:
    """Root (P, P) of the inverse curvature of -ln p at a mode, from gradients around it."""
    smallest, fraction, largest = HESSIAN_STEP
    steps = np.diag(np.clip(fraction * spread, smallest, largest))
    _, gradient = target.log_density_and_gradient(centre + np.concatenate([steps, -steps]))
    curvature = -(gradient[: len(steps)] - gradient[len(steps) :]) / (2 * np.diag(steps)[:, None])
    values, vectors = np.linalg.eigh(0.5 * (curvature + curvature.T))
    return vectors / np.sqrt(np.maximum(values, WIDEST**-2))
