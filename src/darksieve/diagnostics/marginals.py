"""All checks of the marginal posteriors that read fresh simulations from the last box."""

from __future__ import annotations

from typing import Any

from darksieve.diagnostics.calibration import (
    CELLS,
    average_posterior,
    check_simulations,
    expected_coverage,
    observe_once,
    rank_dependence,
    rank_uniformity,
)
from darksieve.diagnostics.misspecification import compare_summaries
from darksieve.diagnostics.ratios import effective_fraction, effective_samples, ratio_balance, ratio_normalisation
from darksieve.diagnostics.summaries import Components, summarise_data
from darksieve.inference.estimator import Estimator
from darksieve.inference.profiles import grid_points
from darksieve.problem.experiment import Experiment
from darksieve.problem.observation import Observation
from darksieve.store.shard import Simulations

__all__ = ["check_marginals"]

AT_MOST = 2000  # simulations whose summaries are compared
SUMMARIES = 10
SIMULATIONS_A_SUMMARY = 20


def check_marginals(
    experiment: Experiment, estimator: Estimator, simulations: Simulations, observation: Observation
) -> dict[str, dict[str, Any]]:
    """The records of all checks, by name, with noise drawn once."""
    prior, names, loss = experiment.prior, experiment.one_dimensional, experiment.config.training.loss
    x = observe_once(experiment, simulations, observation.masks)
    checks = check_simulations(estimator, prior, names, x, simulations.z)
    summaries = summarise_data(estimator, {name: array[:AT_MOST] for name, array in x.items()})
    observed = summarise_data(estimator, observation.batch())
    number = max(1, min(SUMMARIES, len(summaries) // SIMULATIONS_A_SUMMARY))
    ranks = {name: values[:AT_MOST] for name, values in checks.rank.items()}
    ratios = estimator.log_ratios(observation.batch(), grid_points(prior, estimator.box, CELLS))
    return {
        "coverage": expected_coverage(checks.mass),
        "ranks": rank_uniformity(checks.rank),
        "dependence": rank_dependence(ranks, Components.find(summaries, number)(summaries)),
        "average": average_posterior(checks.density),
        "normalisation": ratio_normalisation(checks.log_normalisation, loss),
        "balance": ratio_balance(checks.balance, loss),
        "effective": effective_samples(
            checks.effective, {name: float(effective_fraction(ratios[(name,)])) for name in names}
        ),
        "misspecification": compare_summaries(summaries, observed[0]),
    }
