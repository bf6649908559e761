"""`darksieve calibrate_joint`: is the joint posterior right, on fresh simulations and at the observation?"""

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
    parser.add_argument("--joint", type=Path, required=True, help="the check on simulations (JSON), written")
    parser.add_argument("--local", type=Path, required=True, help="the check at the observation (JSON), written")


def run(options: argparse.Namespace) -> None:
    """Draw joint posteriors of test simulations and of the observation, and compare them with the truths."""
    from darksieve.diagnostics.joint import check_joint

    joint, local = check_joint(*load_calibration(options))
    write_json(options.joint, joint)
    write_json(options.local, local)
