"""`darksieve report`: one page of an experiment that opens anywhere."""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

from darksieve.cli.arguments import add_experiment, whole_file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    add_experiment(parser)
    parser.add_argument("--posterior", type=Path, required=True, help="posterior.h5")
    parser.add_argument("--observation", type=Path, required=True, help="observation.h5, for the truth of a mock")
    parser.add_argument("--box", type=Path, required=True, help="box.json of the last round")
    parser.add_argument("--verdict", type=Path, required=True, help="verdict.json")
    parser.add_argument("--energy", type=Path, required=True, help="energy.json")
    parser.add_argument("--ledger", type=Path, required=True, help="energy.csv")
    parser.add_argument("--reference", type=Path, help="reference.json, where other methods were compared with")
    parser.add_argument("--combination", type=Path, help="combination.json, where observations were combined")
    parser.add_argument("--figures", type=Path, nargs="+", required=True, help="the figures, PNG")
    parser.add_argument("--provenance", type=Path, required=True, help="provenance.json")
    parser.add_argument("--output", type=Path, required=True, help="the page (HTML), written")


def run(options: argparse.Namespace) -> None:
    """Write the page."""
    from darksieve.inference.posterior import load_posterior
    from darksieve.problem.observation import Observation
    from darksieve.publication.environment import git_revision
    from darksieve.publication.report import Results, write_report

    records = {
        name: json.loads(path.read_text())
        for name in ("box", "verdict", "energy", "reference", "combination")
        if (path := getattr(options, name)) is not None
    }
    with open(options.ledger, newline="") as stream:
        ledger = list(csv.DictReader(stream))
    results = Results(
        posterior=load_posterior(options.posterior),
        truth=Observation.read(options.observation).truth,
        ledger=ledger,
        **records,
    )
    page = write_report(
        results,
        options.figures,
        options.experiment.read_text(),
        json.loads(options.provenance.read_text()),
        git_revision(options.root),
    )
    with whole_file(options.output) as part:
        part.write_text(page)
