"""`darksieve calibrate`: are the marginal posteriors as wide as they should be?"""

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
    parser.add_argument("--coverage", type=Path, required=True, help="expected coverage (JSON), written")
    parser.add_argument("--ranks", type=Path, required=True, help="ranks of the truths (JSON), written")
    parser.add_argument("--normalisation", type=Path, required=True, help="ratio normalisation (JSON), written")


def run(options: argparse.Namespace) -> None:
    """Check the estimator on test simulations."""
    from darksieve.diagnostics.calibration import (
        check_simulations,
        expected_coverage,
        rank_uniformity,
        ratio_normalisation,
    )

    checks = check_simulations(*load_calibration(options))
    write_json(options.coverage, expected_coverage(checks.mass))
    write_json(options.ranks, rank_uniformity(checks.rank))
    write_json(options.normalisation, ratio_normalisation(checks.log_normalisation))
