"""`darksieve trace`: from a file back to the raw data that it rests on."""

from __future__ import annotations

import argparse
import json
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("file", type=Path, help="a result, such as results/lens-mock/figures/posterior.png")
    parser.add_argument("--root", type=Path, default=Path(), help="folder of the workflow's run (default: this one)")


def run(options: argparse.Namespace) -> None:
    """Print the tree of jobs and files behind a result, with checksums."""
    import os

    from darksieve.publication.lineage import find_record, lineage

    record = json.loads(find_record(options.file).read_text())
    for line in lineage(record, os.path.relpath(options.file, options.root), options.root):
        print(line)
