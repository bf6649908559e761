"""`darksieve calibrate_joint`: is the joint posterior right on fresh simulations?"""

from __future__ import annotations

import argparse
from pathlib import Path

from darksieve.cli.arguments import write_json
from darksieve.cli.calibration_inputs import add_calibration, load_calibration

# sections and keys of an experiment file that the step depends on
READS = ("simulator", "prior", "marginals", "seed")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    add_calibration(parser)
    parser.add_argument("--output", type=Path, required=True, help="joint.json, written")


def run(options: argparse.Namespace) -> None:
    """Draw joint posteriors of test simulations and compare them with the truths."""
    from darksieve.diagnostics.joint import check_joint

    write_json(options.output, check_joint(*load_calibration(options)))
