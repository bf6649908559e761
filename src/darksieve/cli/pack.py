"""`darksieve pack`: an analysis in one file, with metadata, without the store."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from darksieve.cli.arguments import add_experiment, load_experiment, whole_file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    add_experiment(parser)
    parser.add_argument("--inputs", type=Path, nargs="+", required=True, help="config and pinned environment")
    parser.add_argument("--provenance", type=Path, required=True, help="provenance.json, in the folder of the results")
    parser.add_argument("--posterior", type=Path, required=True, help="posterior.h5, whose day the archive bears")
    parser.add_argument("--results", type=Path, nargs="+", required=True, help="all other results")
    parser.add_argument("--output", type=Path, required=True, help="archive.zip, written")


def run(options: argparse.Namespace) -> None:
    """Write the archive."""
    from datetime import UTC, datetime

    from darksieve.problem.simulator import simulator_source
    from darksieve.publication.archive import write_archive
    from darksieve.publication.report import leading_comment

    experiment = load_experiment(options)
    source = simulator_source(experiment.config.simulator.class_, experiment.path.parent)
    results = [options.provenance, options.posterior, *options.results]
    made = datetime.fromtimestamp(options.posterior.stat().st_mtime, UTC)
    with whole_file(options.output) as part:
        write_archive(
            part,
            {path.name: path for path in (options.experiment, *options.inputs, *([source] if source else []))},
            {str(path.relative_to(options.provenance.parent)): path for path in results},
            description=leading_comment(options.experiment.read_text()) or f"Posteriors of {experiment.name}.",
            date=f"{made:%Y-%m-%d}",
            provenance=json.loads(options.provenance.read_text()),
        )
