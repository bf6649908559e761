"""Toy problems whose posterior is known: what an inference must get right before it is believed elsewhere.

Each has a likelihood that can be written down, and draws exact samples of its posterior.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from darksieve.problem.errors import DarksieveError
from darksieve.problem.simulator import Description, Simulator

__all__ = ["Eggbox", "GaussianMixture", "LinearGaussian", "RotatedGaussian", "Torus", "Tractable", "TwoBoards"]

Floats = NDArray[np.float64]
CELLS = 4096
BLOCK = 1_000_000


class Tractable(Simulator):
    """A simulator with one data array `x` (n, D) and exact posterior samples.

    `prior` is the prior for which they are exact, as an experiment file writes it.
    """

    prior: dict[str, dict[str, Any]]

    @abstractmethod
    def log_likelihood(self, x: dict[str, Tensor], signal: dict[str, Tensor]) -> Tensor:
        """ln p(x | signal) (n,) of one observation x (D,) for signals (n, D), up to a constant."""

    @abstractmethod
    def exact_samples(self, x: Floats, n: int, seed: int) -> Floats:
        """Independent draws (n, P) of the posterior of x (D,) under `prior`."""


class _Gaussian(Tractable):
    """Data that are a function of the parameters plus Gaussian noise of known standard deviations."""

    noise: Tensor  # (D,)

    def observe(self, signal: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """The signal with noise."""
        x = signal["x"]
        return {"x": x + self.noise.to(x) * torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)}

    def log_likelihood(self, x: dict[str, Tensor], signal: dict[str, Tensor]) -> Tensor:
        noise = self.noise.to(signal["x"])
        return -0.5 * (((signal["x"] - x["x"]) / noise) ** 2).sum(dim=-1)


class LinearGaussian(_Gaussian):
    """x = A z + noise with a fixed matrix A: posterior and evidence are Gaussian integrals.

    Parameters
    ----------
    dimension : int
        Parameters `z0`, `z1`, ..., each with a standard normal prior.
    data : int
        Elements of x, by default as many as parameters.
    noise : float
        Standard deviation of each.
    seed : int
        Draws A, whose elements have variance 1 / dimension.
    """

    def __init__(self, dimension: int = 5, data: int | None = None, noise: float = 0.3, seed: int = 1) -> None:
        if dimension < 1 or noise <= 0:
            raise DarksieveError("dimension and noise must be above zero", where="simulator LinearGaussian")
        self.parameters = [f"z{i}" for i in range(dimension)]
        self.prior = {name: {"normal": [0.0, 1.0]} for name in self.parameters}
        shape = (dimension if data is None else data, dimension)
        self.matrix = np.random.default_rng(seed).normal(size=shape) / math.sqrt(dimension)
        self.noise = torch.full(shape[:1], noise, dtype=torch.float64)

    def simulate(self, z: Tensor, generator: torch.Generator) -> dict[str, Tensor]:  # noqa: D102
        return {"x": z @ torch.from_numpy(self.matrix).to(z).T}

    def exact_posterior(self, x: Floats) -> tuple[Floats, Floats]:
        """Mean (P,) and covariance (P, P) of the posterior of x (D,)."""
        precision = self.matrix.T / self.noise.numpy() ** 2
        covariance = np.linalg.inv(np.eye(len(self.parameters)) + precision @ self.matrix)
        return covariance @ precision @ x, covariance

    def exact_samples(self, x: Floats, n: int, seed: int) -> Floats:  # noqa: D102
        return np.random.default_rng(seed).multivariate_normal(*self.exact_posterior(x), size=n)


class RotatedGaussian(_Gaussian):
    """Two parameters of which x measures one combination well and the other badly: a thin oblique ellipse.

    Parameters
    ----------
    angle : float
        Angle of the well-measured combination [rad].
    noise : pair of float
        Standard deviations of the two combinations.
    """

    def __init__(self, angle: float = math.pi / 4, noise: Sequence[float] = (0.01, 0.1)) -> None:
        self.parameters = ["z0", "z1"]
        self.prior = {name: {"uniform": [-1.0, 1.0]} for name in self.parameters}
        cosine, sine = math.cos(angle), math.sin(angle)
        self.rotation = np.array([[cosine, sine], [-sine, cosine]])
        self.noise = torch.tensor(noise, dtype=torch.float64)

    def simulate(self, z: Tensor, generator: torch.Generator) -> dict[str, Tensor]:  # noqa: D102
        return {"x": z @ torch.from_numpy(self.rotation).to(z).T}

    def exact_samples(self, x: Floats, n: int, seed: int) -> Floats:  # noqa: D102
        generator = np.random.default_rng(seed)

        def propose(size: int) -> Floats:
            return (x + self.noise.numpy() * generator.normal(size=(size, 2))) @ self.rotation

        return _accept(propose, lambda z: np.all(np.abs(z) < 1.0, axis=1), n)


class GaussianMixture(Tractable):
    """z with noise of one of two widths: a narrow peak on a broad one.

    References: Sisson, Fan & Tanaka 2007, PNAS 104, 1760; Lueckmann et al. 2021, AISTATS (arXiv 2101.04653), T.7.
    """

    widths = (1.0, 0.1)
    edge = 10.0

    def __init__(self, dimension: int = 2) -> None:
        self.parameters = [f"z{i}" for i in range(dimension)]
        self.prior = {name: {"uniform": [-self.edge, self.edge]} for name in self.parameters}

    def simulate(self, z: Tensor, generator: torch.Generator) -> dict[str, Tensor]:  # noqa: D102
        return {"x": z.clone()}

    def observe(self, signal: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """The signal with noise of a width drawn for each simulation."""
        x = signal["x"]
        broad = torch.rand(len(x), 1, generator=generator, device=x.device) < 0.5
        width = torch.where(broad, *self.widths).to(x)
        return {"x": x + width * torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)}

    def log_likelihood(self, x: dict[str, Tensor], signal: dict[str, Tensor]) -> Tensor:  # noqa: D102
        squares = ((signal["x"] - x["x"]) ** 2).sum(dim=-1)
        dimension = signal["x"].shape[-1]
        parts = [-0.5 * squares / width**2 - dimension * math.log(width) for width in self.widths]
        return torch.logsumexp(torch.stack(parts), dim=0)

    def exact_samples(self, x: Floats, n: int, seed: int) -> Floats:  # noqa: D102
        generator = np.random.default_rng(seed)

        def propose(size: int) -> Floats:
            width = generator.choice(self.widths, size=(size, 1))
            return x + width * generator.normal(size=(size, len(x)))

        return _accept(propose, lambda z: np.all(np.abs(z) < self.edge, axis=1), n)


class Eggbox(_Gaussian):
    """x_i = sin(pi z_i) plus noise: two equal modes a parameter, 2^P in all.

    References: Miller et al. 2021, NeurIPS (arXiv 2107.01214), section 4.2.
    """

    def __init__(self, dimension: int = 10, noise: float = 0.1) -> None:
        self.parameters = [f"z{i}" for i in range(dimension)]
        self.prior = {name: {"uniform": [0.0, 1.0]} for name in self.parameters}
        self.noise = torch.full((dimension,), noise, dtype=torch.float64)

    def simulate(self, z: Tensor, generator: torch.Generator) -> dict[str, Tensor]:  # noqa: D102
        return {"x": torch.sin(math.pi * z)}

    def exact_samples(self, x: Floats, n: int, seed: int) -> Floats:  # noqa: D102
        generator = np.random.default_rng(seed)
        grid = (np.arange(CELLS) + 0.5) / CELLS
        columns = []
        for value, noise in zip(x, self.noise.numpy(), strict=True):
            density = np.exp(-0.5 * ((np.sin(math.pi * grid) - value) / noise) ** 2)
            cells = generator.choice(CELLS, size=n, p=density / density.sum())
            columns.append((cells + generator.random(n)) / CELLS)
        return np.stack(columns, axis=1)


class Torus(_Gaussian):
    """Three parameters, two of which are known by their distance from a point: a ring.

    References: Miller et al. 2021, NeurIPS (arXiv 2107.01214), section 4.1.
    """

    centre = (0.6, 0.8)

    def __init__(self, noise: Sequence[float] = (0.03, 0.005, 0.2)) -> None:
        self.parameters = ["z0", "z1", "z2"]
        self.prior = {name: {"uniform": [0.0, 1.0]} for name in self.parameters}
        self.noise = torch.tensor(noise, dtype=torch.float64)

    def simulate(self, z: Tensor, generator: torch.Generator) -> dict[str, Tensor]:  # noqa: D102
        distance = torch.hypot(z[:, 1] - self.centre[0], z[:, 2] - self.centre[1])
        return {"x": torch.stack([z[:, 0], distance, z[:, 2]], dim=1)}

    def exact_samples(self, x: Floats, n: int, seed: int) -> Floats:
        """By rejection: the ring is drawn in polar coordinates, whose Jacobian and third measurement are accepted."""
        generator = np.random.default_rng(seed)
        noise = self.noise.numpy()

        def propose(size: int) -> Floats:
            first = x[0] + noise[0] * generator.normal(size=size)
            radius = x[1] + noise[1] * generator.normal(size=size)
            angle = 2 * math.pi * generator.random(size)
            return np.stack(
                [first, self.centre[0] + radius * np.cos(angle), self.centre[1] + radius * np.sin(angle), radius],
                axis=1,
            )

        def accept(z: Floats) -> NDArray[np.bool_]:
            inside = np.all((z[:, :3] > 0) & (z[:, :3] < 1), axis=1) & (z[:, 3] > 0)
            weight = z[:, 3] / (x[1] + 8 * noise[1]) * np.exp(-0.5 * ((z[:, 2] - x[2]) / noise[2]) ** 2)
            return inside & (generator.random(len(z)) < weight)

        return _accept(propose, accept, n)[:, :3]


class TwoBoards(Tractable):
    """Balls through one of two Galton boards of six rows of pegs, the second shifted by a bin: which board was it?

    The parameter `board` is uniform between 0 and 2: below 1 it is the first board, above it the second. Data are the
    bins, 1 to 8, of the balls: a set.
    """

    rows = 6

    def __init__(self, balls: int = 6) -> None:
        self.parameters = ["board"]
        self.descriptions = {"x": Description(exchangeable=True)}
        self.prior = {"board": {"uniform": [0.0, 2.0]}}
        self.balls = balls

    @classmethod
    def second_board(cls, bins: Sequence[int]) -> Fraction:
        """Exact probability that balls in these bins came through the second board.

        With r rows the probabilities of bin d are C(r, d - 1) and C(r, d - 2) over 2^r, and the boards equally likely.
        """
        first = math.prod(math.comb(cls.rows, d - 1) for d in bins)
        second = math.prod(math.comb(cls.rows, d - 2) if d > 1 else 0 for d in bins)
        return Fraction(second, first + second)

    def simulate(self, z: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """By how much the board is shifted, (n, balls)."""
        return {"x": (z > 1).to(z).repeat(1, self.balls)}

    def observe(self, signal: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """Bins of the balls, (n, balls)."""
        x = signal["x"]
        turns = torch.rand((*x.shape, self.rows), generator=generator, device=x.device) < 0.5
        return {"x": 1 + x + turns.sum(dim=-1)}

    def log_likelihood(self, x: dict[str, Tensor], signal: dict[str, Tensor]) -> Tensor:  # noqa: D102
        right = x["x"] - 1 - signal["x"]
        inside = (right >= 0) & (right <= self.rows)
        right = right.clamp(0, self.rows)
        ways = math.lgamma(self.rows + 1) - torch.lgamma(right + 1) - torch.lgamma(self.rows - right + 1)
        return torch.where(inside, ways, -math.inf).sum(dim=-1)

    def exact_samples(self, x: Floats, n: int, seed: int) -> Floats:  # noqa: D102
        generator = np.random.default_rng(seed)
        probability = float(self.second_board([round(value) for value in np.ravel(x)]))
        return (generator.random((n, 1)) < probability) + generator.random((n, 1))


def _accept(propose: Callable[[int], Floats], accept: Callable[[Floats], NDArray[np.bool_]], n: int) -> Floats:
    """Draws of a proposal (size, ...) that are accepted, until there are n."""
    found: list[Floats] = []
    while sum(map(len, found)) < n:
        z = propose(min(BLOCK, 4 * n))
        found.append(z[accept(z)])
    return np.concatenate(found)[:n]
