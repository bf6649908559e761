"""`darksieve calibrate`: are the marginal posteriors right on fresh simulations, and is the observation like these?"""

from __future__ import annotations

import argparse
from pathlib import Path

from darksieve.cli.arguments import write_json
from darksieve.cli.calibration_inputs import add_calibration, load_calibration

# sections and keys of an experiment file that the step depends on
READS = ("simulator", "prior", "marginals", "training.loss", "seed")
OUTPUTS = {
    "coverage": "expected coverage",
    "ranks": "ranks of the truths",
    "dependence": "whether ranks depend on the data",
    "average": "mean posterior against the prior",
    "normalisation": "integral of the ratio over the prior",
    "balance": "joint against marginal pairs",
    "effective": "effective sample size of the ratio's weights",
    "misspecification": "the observation's summaries among those of simulations",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    add_calibration(parser)
    for name, text in OUTPUTS.items():
        parser.add_argument(f"--{name}", type=Path, required=True, help=f"{text} (JSON), written")


def run(options: argparse.Namespace) -> None:
    """Check the estimator on test simulations."""
    from darksieve.diagnostics.marginals import check_marginals

    for name, record in check_marginals(*load_calibration(options)).items():
        write_json(getattr(options, name), record)
