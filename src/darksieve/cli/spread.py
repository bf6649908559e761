"""`darksieve spread`: how far the networks of an ensemble lie from each other."""

from __future__ import annotations

import argparse
from pathlib import Path

from darksieve.cli.arguments import write_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("--profiles", type=Path, required=True, help="profiles.npz of the last round")
    parser.add_argument("--output", type=Path, required=True, help="spread.json, written")


def run(options: argparse.Namespace) -> None:
    """Compare the marginals of the networks."""
    from darksieve.diagnostics.ensemble import ensemble_spread
    from darksieve.inference.profiles import Marginals

    marginals = Marginals.read(options.profiles)
    write_json(options.output, ensemble_spread(marginals.log_ratios, marginals.members))
