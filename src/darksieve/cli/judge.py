"""`darksieve judge`: one verdict from all diagnostics."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from darksieve.cli.arguments import write_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("--diagnostics", type=Path, nargs="+", required=True, help="JSON files of the diagnostics")
    parser.add_argument("--output", type=Path, required=True, help="verdict.json, written")


def run(options: argparse.Namespace) -> None:
    """Sum up the diagnostics."""
    from darksieve.diagnostics.verdict import judge

    write_json(options.output, judge({path.stem: json.loads(path.read_text()) for path in options.diagnostics}))
