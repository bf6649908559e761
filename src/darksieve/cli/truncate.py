"""`darksieve truncate`: the box of the next round."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from darksieve.cli.arguments import add_experiment, add_threads, load_experiment, set_threads, write_json

log = logging.getLogger(__name__)

# sections and keys of an experiment file that the step depends on
READS = ("simulator", "prior", "rounds.threshold", "rounds.stop_shrinkage")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    add_experiment(parser)
    add_threads(parser)
    parser.add_argument("--estimator", type=Path, required=True, help="estimator.pt of this round")
    parser.add_argument("--observation", type=Path, required=True, help="observation.h5")
    parser.add_argument("--round", type=int, required=True, help="number of this round, from 1")
    parser.add_argument("--output", type=Path, required=True, help="box.json, written")


def run(options: argparse.Namespace) -> None:
    """Truncate the prior and say whether the box has settled."""
    from darksieve.inference.estimator import Estimator
    from darksieve.inference.truncation import marginal_profiles, truncate
    from darksieve.problem.observation import Observation

    set_threads(options.threads)
    experiment = load_experiment(options)
    estimator = Estimator.load(options.estimator, experiment)
    profiles = marginal_profiles(estimator, Observation.read(options.observation), experiment.prior)
    rounds = experiment.config.rounds
    box, settled = truncate(estimator.box, profiles, rounds.threshold, rounds.stop_shrinkage)
    log.info("round %d: prior volume %.3g to %.3g, %s", options.round, estimator.box.volume, box.volume,
             "settled" if settled else "another round" if options.round < rounds.maximum else "last round")  # fmt: skip
    record = {
        "round": options.round,
        "converged": settled,
        "volume_before": estimator.box.volume,
        **box.to_record(experiment.prior),
    }
    write_json(options.output, record)
