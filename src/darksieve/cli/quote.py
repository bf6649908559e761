"""`darksieve quote`: the numbers and tables of the paper, read from result files."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from darksieve.cli.arguments import write_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("--numbers", type=Path, required=True, help="numbers.yaml, which says where each number stands")
    parser.add_argument(
        "--files", required=True, help="JSON: `roles`, `experiments`, `cases` and `rules` as the paper names them"
    )
    parser.add_argument("--output", type=Path, required=True, help="numbers.json, written")
    parser.add_argument("--costs", type=Path, required=True, help="costs.json, what was measured, written")


def run(options: argparse.Namespace) -> None:
    """Read and write the numbers."""
    from darksieve.paper.numbers import quote
    from darksieve.paper.quotations import Files, load_quotations
    from darksieve.paper.tables import costs, tables

    quotations, files = load_quotations(options.numbers), Files(**json.loads(options.files))
    record = {
        "numbers": {name: quote(quotation, files) for name, quotation in quotations.quoted.items()},
        "published": {name: number.model_dump() for name, number in quotations.published.items()},
        **tables(files),
    }
    write_json(options.output, record)
    write_json(options.costs, costs(files))
