"""`darksieve survey`: one page of the systems of the physics of AI and what was found of each."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from darksieve.cli.arguments import whole_file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("--cases", nargs="+", required=True, help="the systems, such as ising and memory/lens-mock")
    parser.add_argument("--results", type=Path, nargs="+", required=True, help="result.json of each")
    parser.add_argument("--figures", type=Path, nargs="+", required=True, help="a figure of each, PNG")
    parser.add_argument("--output", type=Path, required=True, help="the page (HTML), written")


def run(options: argparse.Namespace) -> None:
    """Write the page."""
    from darksieve.publication.overview import write_overview

    records = [json.loads(path.read_text()) for path in options.results]
    with whole_file(options.output) as part:
        part.write_text(write_overview(options.cases, records, options.figures))
