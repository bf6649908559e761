"""`darksieve predict`: do data simulated from the posterior look like the observation?"""

from __future__ import annotations

import argparse
from pathlib import Path

from darksieve.cli.arguments import add_experiment, add_threads, load_experiment, set_threads, whole_file, write_json

# sections and keys of an experiment file that the step depends on
READS = ("simulator", "prior", "diagnostics.predictive_draws", "seed")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    add_experiment(parser)
    add_threads(parser)
    parser.add_argument("--posterior", type=Path, required=True, help="posterior.h5")
    parser.add_argument("--observation", type=Path, required=True, help="observation.h5")
    parser.add_argument("--output", type=Path, required=True, help="predictive.h5, written")
    parser.add_argument("--summary", type=Path, required=True, help="the verdict (JSON), written")


def run(options: argparse.Namespace) -> None:
    """Make the posterior-predictive check."""
    from darksieve.diagnostics.predictive import predict
    from darksieve.inference.posterior import load_posterior
    from darksieve.problem.observation import Observation

    set_threads(options.threads)
    observation = Observation.read(options.observation)
    check = predict(load_experiment(options), load_posterior(options.posterior), observation)
    write_json(options.summary, check.summary)
    with whole_file(options.output) as part:
        check.write(part, observation)
