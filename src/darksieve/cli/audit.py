"""`darksieve audit`: the truncations of all rounds, judged."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from darksieve.cli.arguments import write_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("--boxes", type=Path, nargs="+", required=True, help="box.json of every round, in order")
    parser.add_argument("--output", type=Path, required=True, help="truncation.json, written")


def run(options: argparse.Namespace) -> None:
    """Sum up the audits."""
    from darksieve.diagnostics.audit import summarise_audits

    write_json(options.output, summarise_audits([json.loads(path.read_text())["audit"] for path in options.boxes]))
