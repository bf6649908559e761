"""`darksieve calibrate`: are the marginal posteriors as wide as they should be?"""

from __future__ import annotations

import argparse
from pathlib import Path

from darksieve.cli.arguments import (
    add_experiment,
    add_plan,
    add_store,
    add_threads,
    load_experiment,
    set_threads,
    write_json,
)

# sections and keys of an experiment file that the step depends on
READS = ("simulator", "prior", "marginals", "seed")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    add_experiment(parser)
    add_store(parser)
    add_threads(parser)
    parser.add_argument("--estimator", type=Path, required=True, help="estimator.pt of the last round")
    parser.add_argument("--observation", type=Path, required=True, help="observation.h5, for its masks")
    add_plan(parser)
    parser.add_argument("--manifests", type=Path, nargs="+", required=True, help="manifests of the test shards")
    parser.add_argument("--coverage", type=Path, required=True, help="expected coverage (JSON), written")
    parser.add_argument("--ranks", type=Path, required=True, help="ranks of the truths (JSON), written")
    parser.add_argument("--normalisation", type=Path, required=True, help="ratio normalisation (JSON), written")


def run(options: argparse.Namespace) -> None:
    """Check the estimator on test simulations."""
    from darksieve.diagnostics.calibration import (
        check_simulations,
        expected_coverage,
        rank_uniformity,
        ratio_normalisation,
    )
    from darksieve.inference.estimator import Estimator
    from darksieve.problem.observation import Observation
    from darksieve.store.plan import Plan
    from darksieve.store.simulate import read_simulations

    set_threads(options.threads)
    experiment = load_experiment(options)
    estimator = Estimator.load(options.estimator, experiment)
    simulations = read_simulations(experiment, Plan.read(options.plan), options.manifests, options.store)
    checks = check_simulations(experiment, estimator, simulations, Observation.read(options.observation).masks)
    write_json(options.coverage, expected_coverage(checks.mass))
    write_json(options.ranks, rank_uniformity(checks.rank))
    write_json(options.normalisation, ratio_normalisation(checks.log_normalisation))
