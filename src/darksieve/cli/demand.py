"""`darksieve demand`: an error where a diagnostic says no."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from darksieve.cli.arguments import write_json
from darksieve.problem.errors import DarksieveError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("--verdicts", type=Path, nargs="+", required=True, help="verdict.json of every experiment")
    parser.add_argument("--output", type=Path, required=True, help="the verdicts (JSON), written where none is no")


def run(options: argparse.Namespace) -> None:
    """Fail where a verdict is no, with a line that names what failed.

    Raises
    ------
    DarksieveError
        If a verdict is no.
    """
    from darksieve.diagnostics.verdict import describe_failures

    verdicts = {path.parent.name: json.loads(path.read_text()) for path in options.verdicts}
    failed = [f"{name}: {describe_failures(v)}" for name, v in verdicts.items() if v["verdict"] == "no"]
    if failed:
        raise DarksieveError(
            f"diagnostics failed: {'; '.join(failed)}", mend="all results are written; without strict the run ends well"
        )
    write_json(options.output, {name: verdict["verdict"] for name, verdict in verdicts.items()})
