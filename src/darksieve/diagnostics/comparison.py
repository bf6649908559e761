"""TMNRE beside likelihood-based inference of the same posterior: the same means and widths, and at what cost?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from darksieve.diagnostics.records import disagreement
from darksieve.inference.posterior import JOINT, Posterior
from darksieve.problem.config import METHODS
from darksieve.problem.provenance import derive_seed
from darksieve.reference.result import Draws, Reference

__all__ = ["chain_diagnostics", "classifier_two_sample_test", "compare"]

Floats = NDArray[np.float64]
LARGEST_R_HAT = 1.01
SMALLEST_ESS = 400
FOLDS = 5
AT_MOST = 2000  # samples of each posterior that the classifier sees
LAGS = 50


def compare(posterior: Posterior, references: Sequence[Reference]) -> dict[str, Any]:
    """The posterior of TMNRE beside that of each method, and a verdict by the most trusted of them.

    A marginal agrees where its mean is within a quarter of the reference's standard deviation and its width within a
    fifth: the samples' own errors are 0.02 of both where there are thousands. The verdict is undecided where the best
    method is one of chains that have not converged (R-hat <= 1.01 and a bulk effective sample size of 400 or more,
    Vehtari et al. 2021, Bayesian Analysis 16, 667).
    """
    by_method = {reference.method: reference for reference in references}
    methods = {method: _describe(posterior, by_method[method]) for method in METHODS if method in by_method}
    best = next(iter(methods))
    ours = {name: _moments(posterior.samples(name, len(posterior.marginal(name).samples))[:, 0])
            for name in posterior.names}  # fmt: skip
    marginals = {name: _deviation(ours[name], methods[best]["marginals"][name]) for name in posterior.names}
    worst = max(deviation["statistic"] for deviation in marginals.values())
    sure = methods[best].get("chains", {}).get("converged", True)
    return {
        "statistic": worst,
        "meaning": f"largest deviation of a marginal from {best}: mean by 0.25 s.d. or width by 20% is 1",
        "expected_range": [0.0, 1.0],
        "passed": bool(worst <= 1.0 and sure),
        "undecided": not sure,
        "reference": best,
        "marginals": marginals,
        "tmnre": {
            "simulations": int(posterior.attributes["simulations"]),
            "simulations_reused": int(posterior.attributes["simulations_reused"]),
            "marginals": ours,
        },
        "methods": methods,
    }


def classifier_two_sample_test(a: Floats, b: Floats, seed: int) -> float:
    """Accuracy, 0.5 to 1, at which a classifier tells samples a (n, d) from samples b (n, d) that it has not seen.

    A multilayer perceptron with two hidden layers of 10 d units and five-fold cross-validation, on samples standardised
    by those of `a`. 0.5 says that they are alike.

    References: Lueckmann et al. 2021, AISTATS (arXiv 2101.04653), appendix on C2ST; Lopez-Paz & Oquab 2017, ICLR.
    """
    from sklearn.model_selection import KFold, cross_val_score
    from sklearn.neural_network import MLPClassifier

    generator = np.random.default_rng(seed)
    n = min(len(a), len(b), AT_MOST)
    a, b = (x[generator.choice(len(x), n, replace=False)] for x in (a, b))
    mean, deviation = a.mean(axis=0), a.std(axis=0)
    x = (np.concatenate([a, b]) - mean) / deviation
    y = np.repeat([0, 1], n)
    units = 10 * x.shape[1]
    state = seed % 2**32
    network = MLPClassifier((units, units), activation="relu", solver="adam", max_iter=10_000, random_state=state)
    folds = KFold(FOLDS, shuffle=True, random_state=state)
    return float(np.mean(cross_val_score(network, x, y, cv=folds, scoring="accuracy")))


def chain_diagnostics(draws: Draws, names: Sequence[str]) -> dict[str, Any]:
    """R-hat, effective sample sizes and autocorrelations of each parameter's chains."""
    import arviz

    by_parameter = np.moveaxis(draws.by_chain(), 2, 0)  # (P, chains, samples)
    r_hat = {name: float(arviz.rhat(values)) for name, values in zip(names, by_parameter)}
    ess = {name: float(arviz.ess(values, method="bulk")) for name, values in zip(names, by_parameter)}
    lags = min(LAGS, by_parameter.shape[2])
    correlation = arviz.autocorr(by_parameter, axis=2).mean(axis=1)[:, :lags]
    return {
        "chains": draws.chains,
        "samples": by_parameter.shape[2],
        "r_hat": r_hat,
        "ess_bulk": ess,
        "autocorrelation": {name: np.round(line, 4).tolist() for name, line in zip(names, correlation)},
        "expected_r_hat": [1.0, LARGEST_R_HAT],
        "expected_ess_bulk_at_least": SMALLEST_ESS,
        "converged": max(r_hat.values()) <= LARGEST_R_HAT and min(ess.values()) >= SMALLEST_ESS,
    }


def _describe(posterior: Posterior, reference: Reference) -> dict[str, Any]:
    """A method's marginals, its cost, its chains, and how well a classifier tells it from TMNRE."""
    record: dict[str, Any] = {
        "samples": len(reference.draws.z),
        "likelihood_calls": reference.likelihood_calls,
        "wall_seconds": reference.wall_seconds,
        "cpu_seconds": reference.cpu_seconds,
        **reference.draws.findings,
        "marginals": {name: _moments(reference.samples((name,))[:, 0]) for name in posterior.names},
        "c2st": {},
    }
    if reference.draws.chains:
        record["chains"] = chain_diagnostics(reference.draws, reference.names)
    groups = [*posterior.marginals, *([] if posterior.joint is None else [(JOINT,)])]
    for group in groups:
        seed, ours = derive_seed("c2st", reference.seed, reference.method, *group), posterior.marginal(group)
        samples = posterior.samples(group, min(AT_MOST, len(ours.samples)), seed)
        record["c2st"][",".join(group)] = classifier_two_sample_test(reference.samples(ours.names), samples, seed)
    return record


def _moments(samples: Floats) -> dict[str, Any]:
    return {
        "mean": float(samples.mean()),
        "standard_deviation": float(samples.std()),
        "interval_68": np.quantile(samples, [0.16, 0.84]).tolist(),
    }


def _deviation(ours: dict[str, Any], reference: dict[str, Any]) -> dict[str, Any]:
    shift = (ours["mean"] - reference["mean"]) / reference["standard_deviation"]
    ratio = ours["standard_deviation"] / reference["standard_deviation"]
    statistic = disagreement(shift, ratio)
    return {"mean_shift": shift, "width_ratio": ratio, "statistic": statistic, "passed": statistic <= 1.0}
