"""The analysis `diffusion/exact`: scores, likelihoods, entropies and posteriors that are known, and those learned."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from azula.denoise import Denoiser, GaussianDenoiser
from azula.linalg.covariance import FullCovariance
from azula.noise import VESchedule
from azula.sample import DDPMSampler, HeunSampler
from torch import Tensor

from darksieve.diagnostics.bars import bar, rounded, summarise_bars
from darksieve.physics_ai.diffusion.inverse import gaussian_posterior, sample_by_gradient, sample_posterior
from darksieve.physics_ai.diffusion.layers import Layers
from darksieve.physics_ai.diffusion.mixture import MixtureDenoiser, ring
from darksieve.physics_ai.diffusion.network import LearnedDenoiser, train
from darksieve.physics_ai.diffusion.process import Noise, draw_start, entropy_production, log_likelihood
from darksieve.problem.diffusion import ExactConfig
from darksieve.problem.provenance import derive_seed

__all__ = ["LinearGaussian", "accuracy", "study"]

SCHEDULE = VESchedule(1e-3, 100.0)
MIXTURE = ring([0.10, 0.15, 0.20, 0.25, 0.30], 0.14)
NOISES = {"diffusion": Noise(), "Poisson flow": Noise(extra_dimensions=8)}
SHAPE, BATCH, LEARNING_RATE = Layers(width=128, blocks=2), 256, 2e-3
FLOW_STEPS = 100  # of the probability flow with an exact denoiser; half of them with a learned one
EXACT_ROWS, LEARNED_ROWS, SCORE_ROWS, FLOW_ROWS, ENTROPY_ROWS = 300, 1000, 1000, 8000, 10000
TIMES = 41  # at which scores are compared and entropy is produced
DIMENSIONS, DATA = 16, 6  # of the linear-Gaussian problem
POSTERIOR_SCHEDULE, POSTERIOR_STEPS, ITERATIONS = VESchedule(1e-2, 50.0), 256, 5
SNAPSHOTS, SHOWN, PATHS = (0.05, 0.2, 0.5, 1.0, 2.0), 500, 30  # sigma; points and lines in figures


@dataclass(frozen=True)
class LinearGaussian:
    """Gaussian x with `mean` (d,) and `covariance` (d, d), and data y (m,) = `operator` x + `noise` z."""

    mean: Tensor
    covariance: Tensor
    operator: Tensor
    y: Tensor
    noise: float

    @classmethod
    def draw(cls, seed: int) -> LinearGaussian:
        """A problem of 16 dimensions with variances from 0.1 to 3, and 6 data."""
        generator = torch.Generator().manual_seed(seed)

        def normal(*shape: int) -> Tensor:
            return torch.randn(shape, generator=generator, dtype=torch.float64)

        axes, _ = torch.linalg.qr(normal(DIMENSIONS, DIMENSIONS))
        variance = torch.logspace(-1.0, math.log10(3.0), DIMENSIONS, dtype=torch.float64)
        mean, operator, noise = normal(DIMENSIONS), 0.5 * normal(DATA, DIMENSIONS), 0.3
        truth = mean + axes @ (variance.sqrt() * normal(DIMENSIONS))
        return cls(mean, (axes * variance) @ axes.T, operator, operator @ truth + noise * normal(DATA), noise)

    def denoiser(self, schedule: VESchedule) -> GaussianDenoiser:
        """The exact one."""
        power, axes = torch.linalg.eigh(self.covariance)
        return GaussianDenoiser(self.mean, FullCovariance(axes, power), schedule)

    def posterior(self) -> tuple[Tensor, Tensor]:
        """Mean (d,) and covariance (d, d)."""
        return gaussian_posterior(self.mean, self.covariance, self.operator, self.y, self.noise)


def accuracy(samples: Tensor, mean: Tensor, covariance: Tensor) -> tuple[float, Tensor]:
    """Error of the mean of samples (n, d), in standard deviations, largest; eigenvalues (d,) of the covariance.

    These are of the samples' covariance in units in which the right `covariance` is one.
    """
    error = (samples.mean(dim=0) - mean).abs() / covariance.diagonal().sqrt()
    white = torch.linalg.solve_triangular(torch.linalg.cholesky(covariance), (samples - mean).T, upper=False)
    return float(error.max()), torch.linalg.eigvalsh(torch.cov(white))


def study(settings: ExactConfig) -> dict[str, Any]:
    """All of it; the record says what is expected of each number."""
    gaussian = _gaussian(settings)
    learned = {name: _learn(name, noise, settings) for name, noise in NOISES.items()}
    posterior = _posterior(settings)
    entropy = _entropy(learned["diffusion"].denoiser, settings)
    results = {name: entry.result for name, entry in learned.items()}
    matched, gradient = posterior[f"moments, {ITERATIONS} iterations"], posterior["gradient"]
    bars = {
        "likelihood, Gaussian": bar(gaussian, None, 1e-3, "ln p of a Gaussian by the probability flow, mean error"),
    }
    for name, entry in results.items():
        bars |= {
            f"likelihood, {name}": bar(
                entry["exact_error"], None, 1e-3, f"ln p of a mixture by the exact flow of {name}, mean error"
            ),
            f"score, {name}": bar(
                entry["score_error"], None, 0.005, f"mean square error of sigma times the score of {name}, relative"
            ),
            f"divergence, {name}": bar(
                entry["divergence"], None, 0.05, f"nats from the mixture to what {name} learned, by its likelihood"
            ),
            f"modes, {name}": bar(
                entry["weight_error"], None, 0.02, f"weights of the mixture's parts drawn by {name}, largest error"
            ),
        }
    bars |= {
        "entropy": bar(entropy["exact_error"], None, 0.02, "entropy that noise produces off what x_t gains [nat]"),
        "entropy, learned": bar(entropy["learned_error"], None, 0.05, "the same by the learned score [nat]"),
        "posterior, mean": bar(
            matched["error"], None, 0.1, "mean of moment-matching posterior samples off the exact one, sd, largest"
        ),
        "posterior, narrowest": bar(matched["eigenvalues"][0], 0.65, None, "least eigenvalue of whitened covariance"),
        "posterior, widest": bar(matched["eigenvalues"][-1], None, 1.15, "largest eigenvalue of whitened covariance"),
        "gradient": bar(gradient["error"], 0.1, None, "the same of diffusion posterior samples (DPS), which fail"),
    }  # fmt: skip
    return summarise_bars(
        bars, learned=results, entropy=entropy, posterior=posterior, process=_process(learned["diffusion"], settings),
        paths={name: _paths(entry, settings) for name, entry in learned.items()}, weight=rounded(MIXTURE.weight),
    )  # fmt: skip


@dataclass(frozen=True)
class _Learned:
    noise: Noise
    exact: MixtureDenoiser
    denoiser: LearnedDenoiser
    result: dict[str, Any]


def _gaussian(settings: ExactConfig) -> float:
    problem = LinearGaussian.draw(_seed(settings, "problem"))
    law = torch.distributions.MultivariateNormal(
        problem.mean, problem.covariance + SCHEDULE.sigma_min**2 * torch.eye(DIMENSIONS)
    )
    torch.manual_seed(_seed(settings, "Gaussian"))
    x = law.sample((64,))
    variance = float(problem.covariance.diagonal().mean())
    found, _ = log_likelihood(problem.denoiser(SCHEDULE), x, Noise(), problem.mean, variance, FLOW_STEPS)
    return float((found - law.log_prob(x)).abs().mean())


def _learn(name: str, noise: Noise, settings: ExactConfig) -> _Learned:
    """A network's denoiser of the mixture, and what it gives, beside the exact one."""
    generator = torch.Generator().manual_seed(_seed(settings, name))
    torch.manual_seed(_seed(settings, name, "start"))
    denoiser, _, seconds = train(
        LearnedDenoiser.of(MIXTURE.draw(10000, generator), SHAPE, SCHEDULE),
        MIXTURE.draw, settings.steps, BATCH, _seed(settings, name, "train"), noise, LEARNING_RATE,
    )  # fmt: skip
    exact = MixtureDenoiser(MIXTURE, SCHEDULE, noise)
    errors, squares = _score_errors(exact, denoiser, noise, generator)
    x = MIXTURE.draw(LEARNED_ROWS, generator)
    true = exact.log_density(x, torch.tensor(0.0))
    mean, variance = MIXTURE.centre, MIXTURE.variance
    some = slice(0, EXACT_ROWS)
    by_exact, _ = log_likelihood(exact, x[some], noise, mean, variance, FLOW_STEPS)
    found, _ = log_likelihood(denoiser, x.float(), noise, mean.float(), variance, FLOW_STEPS // 2)
    start = draw_start(noise, SCHEDULE, mean.float(), variance, FLOW_ROWS, generator)
    weight = MIXTURE.nearest(HeunSampler(denoiser, steps=48, silent=True)(start).double())
    result = {
        "exact_error": float((by_exact - true[some]).abs().mean()),
        "score_error": float(errors.sum() / squares.sum()),
        "sigma": rounded(_sigmas()),
        "errors": rounded(errors),
        "squares": rounded(squares),
        "divergence": float((true - found).mean()),
        "divergence_error": float((true - found).std() / math.sqrt(LEARNED_ROWS)),
        "log_density": rounded(torch.stack([true, found])[:, some], 4),
        "weight": rounded(weight, 4),
        "weight_error": float((weight - MIXTURE.weight).abs().max()),
        "training_seconds": seconds,
    }
    return _Learned(noise, exact, denoiser, result)


@torch.no_grad()
def _score_errors(
    exact: Denoiser, learned: Denoiser, noise: Noise, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Mean square (T,) of sigma times the score's error at several times, and of sigma times the score."""
    errors, squares = [], []
    for time, sigma in zip(_times(), _sigmas()):
        noisy = MIXTURE.draw(SCORE_ROWS, generator) + sigma * noise.draw(SCORE_ROWS, 2, generator)
        right, found = (denoiser(noisy, time).mean for denoiser in (exact, learned))
        errors.append(((found - right) / sigma).square().mean())
        squares.append(((noisy - right) / sigma).square().mean())
    return torch.stack(errors), torch.stack(squares)


def _entropy(learned: Denoiser, settings: ExactConfig) -> dict[str, Any]:
    """What noise produces, by the exact and by the learned score, and the entropies at both ends."""
    exact, seed = MixtureDenoiser(MIXTURE, SCHEDULE), _seed(settings, "entropy")
    generator = torch.Generator().manual_seed(seed)
    x = MIXTURE.draw(4 * ENTROPY_ROWS, generator)
    entropy = []
    for time in (torch.tensor(0.0), torch.tensor(1.0)):
        sigma = SCHEDULE(time)[1]
        entropy.append(-float(exact.log_density(x + sigma * Noise().draw(len(x), 2, generator), time).mean()))
    rates = {
        name: entropy_production(denoiser, lambda g: MIXTURE.draw(ENTROPY_ROWS, g), _times(), seed)
        for name, denoiser in (("exact", exact), ("learned", learned))
    }
    produced = {name: float(torch.trapezoid(rate, torch.log(_sigmas()))) for name, rate in rates.items()}
    return {
        "sigma": rounded(_sigmas()),
        "rates": {name: rounded(rate) for name, rate in rates.items()},
        "produced": produced,
        "ends": entropy,
        "exact_error": abs(produced["exact"] - entropy[1] + entropy[0]),
        "learned_error": abs(produced["learned"] - entropy[1] + entropy[0]),
    }


def _posterior(settings: ExactConfig) -> dict[str, Any]:
    """Samples of the linear-Gaussian posterior by three methods, all with the exact denoiser."""
    problem = LinearGaussian.draw(_seed(settings, "problem"))
    mean, covariance = problem.posterior()
    denoiser = problem.denoiser(POSTERIOR_SCHEDULE)
    y, seed = problem.y.expand(settings.samples, -1), _seed(settings, "posterior")
    drawn = {
        f"moments, {iterations} iteration{'s' if iterations > 1 else ''}": sample_posterior(
            denoiser, problem.operator, y, problem.noise, POSTERIOR_STEPS, iterations, seed
        )
        for iterations in (1, ITERATIONS)
    }
    drawn["gradient"] = sample_by_gradient(denoiser, problem.operator, y, POSTERIOR_STEPS, seed)
    found = {}
    for name, samples in drawn.items():
        error, eigenvalues = accuracy(samples, mean, covariance)
        shown = (samples - mean)[:SHOWN] @ _directions(problem.covariance, covariance)
        found[name] = {"error": error, "eigenvalues": rounded(eigenvalues, 4), "samples": rounded(shown, 4)}
    return found


def _directions(prior: Tensor, posterior: Tensor) -> Tensor:
    """Directions (d, 2) of which the data say most, scaled so that the posterior has unit variance along each."""
    inverse = torch.linalg.inv(torch.linalg.cholesky(posterior))
    axes = torch.linalg.eigh(inverse @ prior @ inverse.T)[1]
    return inverse.T @ axes[:, -2:]


def _process(learned: _Learned, settings: ExactConfig) -> dict[str, Any]:
    """Points to which noise is added, and others from which the learned score takes it away, at the same sigmas."""
    generator = torch.Generator().manual_seed(_seed(settings, "process"))
    torch.manual_seed(_seed(settings, "process", "back"))
    x, z = MIXTURE.draw(SHOWN, generator), Noise().draw(SHOWN, 2, generator)
    state = draw_start(learned.noise, SCHEDULE, MIXTURE.centre.float(), MIXTURE.variance, SHOWN, generator)
    back, start = [], 1.0
    for sigma in reversed(SNAPSHOTS):
        stop = math.log(sigma / SCHEDULE.sigma_min) / math.log(SCHEDULE.sigma_max / SCHEDULE.sigma_min)
        state = DDPMSampler(learned.denoiser, start=start, stop=stop, steps=60, silent=True)(state)
        back.append(rounded(state, 4))
        start = stop
    return {
        "sigma": list(SNAPSHOTS),
        "forward": [rounded(x + sigma * z, 4) for sigma in SNAPSHOTS],
        "back": back[::-1],
    }


def _paths(learned: _Learned, settings: ExactConfig) -> list[Any]:
    """Lines (points, steps + 1, 2) of the learned flow from sigma = 3 to the data."""
    generator = torch.Generator().manual_seed(_seed(settings, "paths"))
    start = math.log(3.0 / SCHEDULE.sigma_min) / math.log(SCHEDULE.sigma_max / SCHEDULE.sigma_min)
    times = np.linspace(start, 0.0, 61)
    state = (MIXTURE.draw(PATHS, generator) + 3.0 * learned.noise.draw(PATHS, 2, generator)).float()
    line = [state]
    for begin, end in pairwise(times):
        state = HeunSampler(learned.denoiser, start=begin, stop=end, steps=1, silent=True)(state)
        line.append(state)
    return rounded(torch.stack(line, dim=1), 4)


def _times() -> Tensor:
    return torch.linspace(0.0, 1.0, TIMES)


def _sigmas() -> Tensor:
    return SCHEDULE(_times())[1]


def _seed(settings: ExactConfig, *parts: object) -> int:
    return derive_seed("diffusion/exact", settings.seed, *parts)
