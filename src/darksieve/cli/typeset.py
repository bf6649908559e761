"""`darksieve typeset`: the paper as PDF and its pages as PNG."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from darksieve.cli.arguments import whole_file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("--sources", type=Path, nargs="+", required=True, help="the main file, then what it reads")
    parser.add_argument("--names", nargs="+", required=True, help="names of the figures in the text")
    parser.add_argument("--figures", type=Path, nargs="+", required=True, help="file of each figure, in that order")
    parser.add_argument("--output", type=Path, required=True, help="the document (PDF), written")
    parser.add_argument("--pages", type=Path, required=True, help="folder of its pages (PNG), made anew")


def run(options: argparse.Namespace) -> None:
    """Typeset."""
    from darksieve.paper.document import typeset

    pdf, pages = typeset(options.sources, dict(zip(options.names, options.figures, strict=True)))
    shutil.rmtree(options.pages, ignore_errors=True)
    for number, page in enumerate(pages, start=1):
        with whole_file(options.pages / f"page-{number}.png") as part:
            part.write_bytes(page)
    with whole_file(options.output) as part:
        part.write_bytes(pdf)
