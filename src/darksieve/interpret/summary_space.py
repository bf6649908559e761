"""The space of the summaries that a network learned: its dimension, what can be read from it, where the observation is.

References: Alain & Bengio 2017, ICLR workshop (arXiv 1610.01644; probes); Gao et al. 2017, bioRxiv 214262 (dimension as
the participation ratio of the eigenvalues of the covariance).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from darksieve.diagnostics.bars import rounded
from darksieve.diagnostics.calibration import observe_once
from darksieve.diagnostics.summaries import Components, summarise_data
from darksieve.inference.estimator import Estimator
from darksieve.problem.experiment import Experiment
from darksieve.problem.observation import Observation
from darksieve.problem.provenance import derive_seed
from darksieve.store.shard import Simulations

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["canonical_correlations", "describe_summary_space", "effective_dimension", "probe", "probe_linearly"]

Floats = NDArray[np.float64]
SIMULATIONS_A_COMPONENT = 10
AT_MOST = 1000  # simulations: non-linear probes take the third power of them
FOLDS = 5
RIDGES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)  # weight of the penalty; the summaries have unit variance
KERNEL_WIDTHS = (0.03, 0.1, 0.3)  # gamma times the number of summaries
NEAREST = 3
DRAWN = 500  # simulations in the picture


def describe_summary_space(
    experiment: Experiment, estimator: Estimator, simulations: Simulations, observation: Observation
) -> dict[str, Any]:
    """Record of what the summaries of fresh simulations from the last box hold, and of the observation's place.

    `dimension` is the participation ratio; `probes` are held-out fractions of each parameter's variance that a linear
    and a non-linear regression on the summaries explain; `canonical_correlations` are between summaries and parameters,
    held out; `information` is the mean log-ratio at the true parameters, which bounds the mutual information of data
    and parameter from below [nat]; `nearest` are the simulations whose summaries are closest to the observation's.
    """
    prior, box = experiment.prior, estimator.box
    simulations = simulations.head(AT_MOST)
    x = observe_once(experiment, simulations, observation.masks)
    summaries, observed = summarise_data(estimator, x), summarise_data(estimator, observation.batch())
    components = Components.find(summaries, max(1, len(summaries) // SIMULATIONS_A_COMPONENT))
    points, place = components(summaries), components(observed)[0]
    unit = (prior.to_unit(simulations.z) - box.lower) / np.subtract(box.upper, box.lower)
    seed = derive_seed("summary space", experiment.config.seed)
    order = np.argsort(((points - place) ** 2).sum(axis=1))[:NEAREST]
    return {
        "simulations": len(points),
        "summaries": summaries.shape[1],
        "dimension": effective_dimension(summaries),
        "spectrum": rounded(_spectrum(summaries)),
        "probes": {
            name: dict(zip(("linear", "non_linear"), probe(points, unit[:, column], seed)))
            for column, name in enumerate(prior.names)
        },
        "canonical_correlations": rounded(canonical_correlations(points, unit, len(points) // 2)[0], 4),
        "information": _information(estimator, x, simulations.z),
        "map": {
            "simulations": rounded(points[:DRAWN, :2], 4),
            "parameters": rounded(unit[:DRAWN], 4),
            "observation": rounded(place[:2], 4),
            "nearest": rounded(points[order, :2], 4),
        },
        "nearest": [
            {
                "distance": float(np.sqrt(((points[row] - place) ** 2).mean())),
                "parameters": dict(zip(prior.names, map(float, simulations.z[row]))),
                "data": {name: rounded(array[row]) for name, array in x.items()},
            }
            for row in order
        ],
        "observation": {name: rounded(array) for name, array in observation.x.items()},
    }


def _spectrum(values: Floats) -> Floats:
    """Eigenvalues of the correlation matrix of summaries (n, F), the largest first."""
    spread = values.std(axis=0)
    varies = spread > 0
    scaled = (values[:, varies] - values[:, varies].mean(axis=0)) / spread[varies]
    return np.linalg.svd(scaled, compute_uv=False) ** 2 / len(values)


def effective_dimension(values: Floats) -> float:
    """Participation ratio of the eigenvalues of the correlation matrix of `values` (n, F): F if all are equal."""
    spectrum = _spectrum(values)
    return float(spectrum.sum() ** 2 / (spectrum**2).sum())


def probe(points: Floats, target: Floats, seed: int) -> tuple[float, float]:
    """Held-out R^2 of a linear and of a non-linear (kernel ridge) regression of a target (n,) on points (n, k)."""
    from sklearn.kernel_ridge import KernelRidge

    grid = {"alpha": RIDGES, "gamma": [width / points.shape[1] for width in KERNEL_WIDTHS]}
    return probe_linearly(points, target, seed), _held_out(KernelRidge(kernel="rbf"), grid, points, target, seed)


def probe_linearly(points: Floats, target: Floats, seed: int) -> float:
    """Held-out R^2 of a linear (ridge) regression of a target (n,) on points (n, k)."""
    from sklearn.linear_model import Ridge

    return _held_out(Ridge(), {"alpha": [len(points) * ridge / 100 for ridge in RIDGES]}, points, target, seed)


def _held_out(model: Any, grid: Mapping[str, Sequence[float]], points: Floats, target: Floats, seed: int) -> float:
    from sklearn.metrics import r2_score
    from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict

    folds = KFold(FOLDS, shuffle=True, random_state=seed % 2**32)
    centred = target - target.mean()
    return float(r2_score(centred, cross_val_predict(GridSearchCV(model, grid, cv=3), points, centred, cv=folds)))


def canonical_correlations(points: Floats, parameters: Floats, learned: int) -> tuple[Floats, Floats]:
    """Combinations of points (n, k) and of parameters (n, P) that go together best, found on the first `learned` rows.

    Returns
    -------
    correlations : array (m,)
        Of each pair of combinations over the other rows, m the smaller of k and P.
    loadings : array (m, P)
        Correlations of each combination of the points with each parameter, over the same rows.

    References: Hotelling 1936, Biometrika 28, 321.
    """
    from sklearn.cross_decomposition import CCA

    number = min(points.shape[1], parameters.shape[1])
    analysis = CCA(n_components=number, max_iter=2000).fit(points[:learned], parameters[:learned])
    first, second = analysis.transform(points[learned:], parameters[learned:])
    correlations = np.array([np.corrcoef(u, v)[0, 1] for u, v in zip(first.T, second.T)])
    return correlations, np.corrcoef(first.T, parameters[learned:].T)[:number, number:]


def _information(estimator: Estimator, x: dict[str, Tensor], z: NDArray[np.float32]) -> dict[str, dict[str, float]]:
    """Mean log-ratio of each marginal at the true parameters, with its standard error [nat]."""
    return {
        "-".join(names): {"mean": float(values.mean()), "error": float(values.std(ddof=1) / np.sqrt(len(values)))}
        for names, values in estimator.log_ratios_of_each(x, z).items()
    }
