"""`darksieve plan`: which simulations are in the store, and which must be made."""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from darksieve.cli.arguments import (
    add_experiment,
    add_prior,
    add_store,
    load_box,
    load_experiment,
    load_prior,
    write_json,
)
from darksieve.problem.budget import first_request

if TYPE_CHECKING:
    from darksieve.problem.experiment import Experiment

log = logging.getLogger(__name__)

# sections and keys of an experiment file that the step depends on
READS = (
    "simulator",
    "prior",
    "seed",
    "rounds",
    "diagnostics.simulations",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    add_experiment(parser)
    add_prior(parser)
    add_store(parser)
    parser.add_argument("--box", type=Path, help="box.json of the round before (default: the whole prior)")
    parser.add_argument("--draw", required=True, help="what the simulations are for: round-1, round-2, ... or test")
    parser.add_argument("--output", type=Path, required=True, help="plan.json, written")


def run(options: argparse.Namespace) -> None:
    """Say what is reused and what is new, and write it down."""
    from darksieve.simulators.imported import is_imported
    from darksieve.store.plan import make_plan

    experiment = load_experiment(options)
    if is_imported(experiment):
        from darksieve.store.transfer import import_simulations

        import_simulations(experiment, options.store)
    box = load_box(options.box, load_prior(options))
    plan = make_plan(experiment, box, options.draw, _wanted(experiment, options), options.store)
    log.info("%d simulations reused, %d new", plan.reused_simulations, plan.new_simulations)
    write_json(options.output, plan.to_record())


def _wanted(experiment: Experiment, options: argparse.Namespace) -> int:
    """Simulations that the request asks for: the round before says how many."""
    if options.draw == "test":
        return experiment.config.diagnostics.simulations
    if options.box is None:
        return first_request(experiment.config.rounds)
    return json.loads(options.box.read_text())["simulations"]
