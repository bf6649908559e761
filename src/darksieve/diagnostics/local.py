"""Is the joint posterior right at the observation? A classifier that knows the data tells draws from truths.

Given the data, the truth and draws of a right posterior are alike. A classifier is trained to tell them apart from
pairs (parameters, summaries of the data) of test simulations, and asked about draws of the observation's posterior:
the mean square of what it says beyond chance is the statistic. Its null distribution comes from classifiers trained
with a draw in the place of the truth, which is exact. Parameters are whitened by each posterior's own draws, so that
an error of location, width or correlation looks alike for all data; the classifier is kernel ridge regression, whose
nulls cost a matrix product.

References: Linhart, Gramfort & Rodrigues 2023, NeurIPS (arXiv 2306.03580), section 3.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from darksieve.diagnostics.records import record_p_values

__all__ = ["EVALUATIONS", "local_two_sample_test"]

Floats = NDArray[np.float64]
CONTRASTS = 3  # draws that are told from each truth; the others whiten
EVALUATIONS = 300
NULLS = 999
# of several tried on linear Gaussian posteriors of 2 and 10 parameters, what saw errors most often
RIDGE = 0.01  # times the number of examples
LOCALITY = 2.0  # reach of the kernel in the summaries, in standard deviations a dimension
SHRINKAGE = 0.05  # of the correlations that whiten


def local_two_sample_test(
    truth: Floats, draws: Floats, summaries: Floats, observed_draws: Floats, observed_summary: Floats, seed: int
) -> dict[str, Any]:
    """L-C2ST of the joint posterior at the observation.

    Parameters
    ----------
    truth : array (n, P)
        Parameters of test simulations.
    draws : array (n, m, P)
        Posterior draws of each, m well above P.
    summaries : array (n, k)
        A few summaries of their data, of unit variance.
    observed_draws : array (m + 300, P)
        Posterior draws of the observation.
    observed_summary : array (k,)
    seed : int
        Picks the draws: those that are told from a truth, and those that take its place in the null.
    """
    from scipy.linalg import cho_factor, cho_solve

    n, candidates = len(truth), CONTRASTS + 1
    generator = np.random.default_rng(seed)
    draws, observed_draws = _shuffle(draws, generator), _shuffle(observed_draws[None], generator)[0]
    points = np.concatenate([truth[:, None], draws[:, :CONTRASTS]], axis=1)  # (n, candidates, P)
    points = _whiten(points, draws[:, CONTRASTS:]).reshape(n * candidates, -1)
    whitening = draws.shape[1] - CONTRASTS
    asked = _whiten(observed_draws[None, whitening:], observed_draws[None, :whitening])[0]
    examples = _scaled(points, np.repeat(summaries, candidates, axis=0))
    questions = _scaled(asked, np.broadcast_to(observed_summary, (len(asked), len(observed_summary))))
    kernel = _gaussian(examples, examples)
    kernel[np.diag_indices_from(kernel)] += RIDGE * len(kernel)
    answers = cho_solve(cho_factor(kernel, lower=True, overwrite_a=True), _gaussian(examples, questions))
    answers = answers.reshape(n, candidates, -1)
    answers -= answers.mean(axis=1, keepdims=True)  # labels sum to zero for each simulation
    chosen = generator.integers(0, candidates, (NULLS, n))
    chosen = np.concatenate([np.zeros((1, n), int), chosen])
    labels = chosen[:, :, None] == np.arange(candidates)  # (nulls + 1, n, candidates)
    predicted = labels.reshape(len(chosen), -1).astype(float) @ answers.reshape(n * candidates, -1)
    statistics = (predicted**2).mean(axis=1)
    p_value = float((statistics >= statistics[0]).mean())
    return record_p_values(
        {"joint": p_value},
        "fraction of classifiers told nothing that tell draws at the observation from truths as well (L-C2ST)",
        simulations=n,
        distance=float(statistics[0]),
        distance_of_nulls=np.quantile(statistics[1:], [0.5, 0.99]).tolist(),
    )


def _shuffle(draws: Floats, generator: np.random.Generator) -> Floats:
    """Draws (n, m, P) in random order: those of an ensemble come member by member."""
    order = np.argsort(generator.random(draws.shape[:2]), axis=1)
    return np.take_along_axis(draws, order[:, :, None], axis=1)


def _whiten(points: Floats, draws: Floats) -> Floats:
    """Points (n, c, P) in units in which draws (n, m, P) have mean zero and nearly unit covariance."""
    mean, deviation = draws.mean(axis=1, keepdims=True), draws.std(axis=1, keepdims=True)
    deviation = np.maximum(deviation, 1e-12)
    standard = (draws - mean) / deviation
    correlation = (1 - SHRINKAGE) * standard.swapaxes(1, 2) @ standard / draws.shape[1]
    correlation += SHRINKAGE * np.eye(points.shape[2])
    root = np.linalg.cholesky(correlation)
    return np.linalg.solve(root, ((points - mean) / deviation).swapaxes(1, 2)).swapaxes(1, 2)


def _scaled(points: Floats, summaries: Floats) -> Floats:
    """Points (n, P + k) among which the kernel has unit reach."""
    return np.concatenate(
        [points / np.sqrt(points.shape[1]), summaries / (LOCALITY * np.sqrt(summaries.shape[1]))], axis=1
    )


def _gaussian(a: Floats, b: Floats) -> Floats:
    from scipy.spatial.distance import cdist

    squares = cdist(a, b, "sqeuclidean")
    squares *= -0.5
    return np.exp(squares, out=squares)
