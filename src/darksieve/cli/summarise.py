"""`darksieve summarise`: the results of an experiment as a table that a person reads."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from darksieve.cli.arguments import aligned, whole_file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("--posterior", type=Path, required=True, help="posterior.h5")
    parser.add_argument("--observation", type=Path, required=True, help="observation.h5, for the truth of a mock")
    parser.add_argument("--boxes", type=Path, nargs="+", required=True, help="box.json of every round")
    parser.add_argument("--verdict", type=Path, required=True, help="verdict.json")
    parser.add_argument("--energy", type=Path, required=True, help="energy.json")
    parser.add_argument("--reference", type=Path, help="reference.json, where other methods were compared with")
    parser.add_argument("--combination", type=Path, help="combination.json, where observations were combined")
    parser.add_argument("--output", type=Path, required=True, help="summary.txt, written")


def run(options: argparse.Namespace) -> None:
    """Write the summary."""
    from darksieve.inference.posterior import load_posterior
    from darksieve.problem.observation import Observation
    from darksieve.publication.tables import (
        combination_rows,
        cost_sentences,
        opening_sentences,
        posterior_rows,
        verdict_rows,
    )

    posterior = load_posterior(options.posterior)
    truth = Observation.read(options.observation).truth
    verdict, energy = (json.loads(path.read_text()) for path in (options.verdict, options.energy))
    reference, combination = (
        json.loads(path.read_text()) if path is not None else None for path in (options.reference, options.combination)
    )
    converged = json.loads(options.boxes[-1].read_text())["converged"]
    used, made = opening_sentences(posterior, len(options.boxes), converged)
    lines = [
        f"{posterior.attributes['experiment']}: {used}; results in {options.output.parent}",
        made,
        "",
        *aligned(posterior_rows(posterior, truth)),
        "",
        *([*aligned(combination_rows(combination, posterior)), ""] if combination else []),
        *aligned(verdict_rows(verdict["diagnostics"])),
        "",
        f"verdict: {verdict['verdict']} (a right posterior gets no in at most {verdict['false_alarm']:.0%} of runs)",
        *cost_sentences(posterior.attributes["simulations"], energy, reference),
    ]
    with whole_file(options.output) as part:
        part.write_text("\n".join(lines) + "\n")
