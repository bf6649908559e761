"""`darksieve download`: a registered data file."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from darksieve.problem.registry import MIRROR_VARIABLE, REGISTRY, fetch


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("name", help=f"one of {', '.join(REGISTRY)}")
    parser.add_argument("--output", type=Path, help="where it goes (default: data/observations/NAME)")
    parser.add_argument(
        "--mirror", type=Path, help=f"folder that holds the file, in place of the network (default: ${MIRROR_VARIABLE})"
    )


def run(options: argparse.Namespace) -> None:
    """Fetch and verify the file, and say how to cite it."""
    mirror = options.mirror or (Path(os.environ[MIRROR_VARIABLE]) if os.environ.get(MIRROR_VARIABLE) else None)
    path = fetch(options.name, options.output or Path("data/observations") / options.name, mirror)
    file = REGISTRY[options.name]
    print(f"{path.name}: verified; licence {file.licence}; cite {file.citation}")
