"""`darksieve illustrate`: one figure of an analysis, as PDF and PNG."""

from __future__ import annotations

import argparse
import importlib
import json
from pathlib import Path

from darksieve.cli.analyse import ANALYSES
from darksieve.cli.analyse_images import IMAGE_ANALYSES
from darksieve.cli.output import write_figure
from darksieve.problem.errors import DarksieveError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("analysis", choices=(*ANALYSES, *IMAGE_ANALYSES), help="which analysis")
    parser.add_argument("figure", help="which figure of it")
    parser.add_argument("--result", type=Path, required=True, help="result.json of the analysis")
    parser.add_argument("--pdf", type=Path, required=True, help="the figure as PDF, written")
    parser.add_argument("--png", type=Path, required=True, help="the figure as PNG, written")


def run(options: argparse.Namespace) -> None:
    """Draw and save the figure."""
    figures = importlib.import_module(f"darksieve.figures.{options.analysis.replace('/', '.')}").FIGURES
    if options.figure not in figures:
        raise DarksieveError(
            f"no figure {options.figure!r}", where=options.analysis, mend=f"there are {', '.join(figures)}"
        )
    write_figure(figures[options.figure](json.loads(options.result.read_text())), options.pdf, options.png)
