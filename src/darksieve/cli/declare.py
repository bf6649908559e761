"""`darksieve declare`: the prior of an experiment, for the steps that need no simulator."""

from __future__ import annotations

import argparse
from pathlib import Path

from darksieve.cli.arguments import add_experiment, load_experiment, write_json

# sections and keys of an experiment file that the step depends on
READS = ("simulator", "prior")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    add_experiment(parser)
    parser.add_argument("--output", type=Path, required=True, help="prior.json, written")


def run(options: argparse.Namespace) -> None:
    """Write the parameters in the order of the simulator, with their priors, units and labels."""
    write_json(options.output, load_experiment(options).prior.to_record())
