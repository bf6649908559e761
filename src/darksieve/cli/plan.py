"""`darksieve plan`: which simulations are in the store, and which must be made."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from darksieve.cli.arguments import (
    add_experiment,
    add_prior,
    add_store,
    load_box,
    load_experiment,
    load_prior,
    write_json,
)

log = logging.getLogger(__name__)

# sections and keys of an experiment file that the step depends on
READS = (
    "simulator",
    "prior",
    "seed",
    "rounds.simulations",
    "rounds.early_simulations",
    "rounds.budget",
    "rounds.shard",
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
    plan = make_plan(experiment, load_box(options.box, load_prior(options)), options.draw, options.store)
    log.info("%d simulations reused, %d new", plan.reused_simulations, plan.new_simulations)
    write_json(options.output, plan.to_record())
