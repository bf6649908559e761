"""What the verbs that calibrate on test simulations share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from darksieve.cli.arguments import add_experiment, add_plan, add_store, add_threads, load_experiment, set_threads

if TYPE_CHECKING:
    from darksieve.inference.estimator import Estimator
    from darksieve.problem.experiment import Experiment
    from darksieve.problem.observation import Observation
    from darksieve.store.shard import Simulations

__all__ = ["add_calibration", "load_calibration"]


def add_calibration(parser: argparse.ArgumentParser) -> None:
    """Arguments of a calibration."""
    add_experiment(parser)
    add_store(parser)
    add_threads(parser)
    parser.add_argument("--estimator", type=Path, required=True, help="estimator.pt of the last round")
    parser.add_argument("--observation", type=Path, required=True, help="observation.h5")
    add_plan(parser)
    parser.add_argument("--manifests", type=Path, nargs="+", required=True, help="manifests of the test shards")


def load_calibration(options: argparse.Namespace) -> tuple[Experiment, Estimator, Simulations, Observation]:
    """Experiment, estimator, test simulations and observation."""
    from darksieve.inference.estimator import Estimator
    from darksieve.problem.observation import Observation
    from darksieve.store.plan import Plan
    from darksieve.store.simulate import read_simulations

    set_threads(options.threads)
    experiment = load_experiment(options)
    estimator = Estimator.load(options.estimator, experiment)
    simulations = read_simulations(experiment, Plan.read(options.plan), options.manifests, options.store)
    return experiment, estimator, simulations, Observation.read(options.observation)
