"""`darksieve attribute`: which pixels move the log-ratio of each marginal of the observation."""

from __future__ import annotations

import argparse
from pathlib import Path

from darksieve.cli.arguments import write_json
from darksieve.cli.calibration_inputs import add_calibration, load_calibration

# sections and keys of an experiment file that the step depends on
READS = ("simulator", "prior", "marginals", "training.loss", "seed")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    add_calibration(parser)
    parser.add_argument("--output", type=Path, required=True, help="attribution.json, written")


def run(options: argparse.Namespace) -> None:
    """Attribute the log-ratios to pixels."""
    from darksieve.interpret.attribution import study_attribution

    write_json(options.output, study_attribution(*load_calibration(options)))
