"""`darksieve probe`: what is in the layers and summaries of the network, and where among these the observation lies."""

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
    parser.add_argument("--output", type=Path, required=True, help="summary_space.json, written")


def run(options: argparse.Namespace) -> None:
    """Describe the space of summaries."""
    from darksieve.interpret.layers import describe_layers
    from darksieve.interpret.summary_space import describe_summary_space

    inputs = load_calibration(options)
    write_json(options.output, describe_summary_space(*inputs) | {"layers": describe_layers(*inputs)})
