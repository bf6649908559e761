"""`darksieve compare`: the posterior beside those of likelihood-based methods."""

from __future__ import annotations

import argparse
from pathlib import Path

from darksieve.cli.arguments import write_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("--posterior", type=Path, required=True, help="posterior.h5")
    parser.add_argument("--references", type=Path, nargs="+", required=True, help="what `refer` wrote, a file a method")
    parser.add_argument("--output", type=Path, required=True, help="reference.json, written")


def run(options: argparse.Namespace) -> None:
    """Compare."""
    from darksieve.diagnostics.comparison import compare
    from darksieve.inference.posterior import load_posterior
    from darksieve.reference.result import load_reference

    references = [load_reference(path) for path in options.references]
    write_json(options.output, compare(load_posterior(options.posterior), references))
