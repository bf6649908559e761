"""`darksieve observe`: the observation of an experiment."""

from __future__ import annotations

import argparse
from pathlib import Path

from darksieve.cli.arguments import add_experiment, load_experiment, whole_file

# sections and keys of an experiment file that the step depends on
READS = ("simulator", "prior", "observation")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    add_experiment(parser)
    parser.add_argument("--output", type=Path, required=True, help="observation.h5")


def run(options: argparse.Namespace) -> None:
    """Make or read the observation."""
    from darksieve.problem.observation import make_observation

    observation = make_observation(load_experiment(options))
    with whole_file(options.output) as part:
        observation.write(part)
