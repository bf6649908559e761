"""`darksieve rank`: models of one observation, ordered by their evidence."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from darksieve.cli.arguments import aligned, whole_file, write_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("--experiments", nargs="+", required=True, help="names of the models")
    parser.add_argument("--references", type=Path, nargs="+", required=True, help="nested.h5 of each, in that order")
    parser.add_argument("--observations", type=Path, nargs="+", required=True, help="observation.h5 of each")
    parser.add_argument("--output", type=Path, required=True, help="the models with their evidences (JSON), written")
    parser.add_argument("--table", type=Path, required=True, help="the same as a table, written")


def run(options: argparse.Namespace) -> None:
    """Rank the models."""
    from darksieve.diagnostics.alternatives import check_same_observation, rank
    from darksieve.problem.observation import Observation
    from darksieve.reference.result import load_reference

    observations = map(Observation.read, options.observations)
    elements = check_same_observation(dict(zip(options.experiments, observations, strict=True)))
    record = rank(dict(zip(options.experiments, map(load_reference, options.references), strict=True)))
    record["elements"] = elements
    write_json(options.output, record)
    with whole_file(options.table) as part:
        part.write_text("\n".join(aligned(list(_table(record)))) + "\n")


def _table(record: dict[str, Any]) -> Iterator[list[str]]:
    fit = f"-2 ln L of the best fit to {record['elements']} elements"
    yield ["model", "parameters", "ln Z", "ln Bayes factor", "probability", fit]
    for name, model in record["models"].items():
        yield [
            name,
            str(model["parameters"]),
            f"{model['log_evidence']:.2f} +- {model['log_evidence_error']:.2f}",
            f"{model['log_bayes_factor']:.2f} +- {model['log_bayes_factor_error']:.2f}",
            f"{model['probability']:.2g}",
            f"{-2 * model['largest_log_likelihood']:.1f}",
        ]
