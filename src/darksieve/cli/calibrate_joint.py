"""`darksieve calibrate_joint`: is the joint posterior right on fresh simulations?"""

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
    parser.add_argument("--output", type=Path, required=True, help="joint.json, written")


def run(options: argparse.Namespace) -> None:
    """Draw joint posteriors of test simulations and compare them with the truths."""
    from darksieve.diagnostics.joint import check_joint
    from darksieve.inference.estimator import Estimator
    from darksieve.problem.observation import Observation
    from darksieve.store.plan import Plan
    from darksieve.store.simulate import read_simulations

    set_threads(options.threads)
    experiment = load_experiment(options)
    estimator = Estimator.load(options.estimator, experiment)
    simulations = read_simulations(experiment, Plan.read(options.plan), options.manifests, options.store)
    masks = Observation.read(options.observation).masks
    write_json(options.output, check_joint(experiment, estimator, simulations, masks))
