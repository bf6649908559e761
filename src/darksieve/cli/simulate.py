"""`darksieve simulate`: one shard of simulations."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from darksieve.cli.arguments import (
    add_experiment,
    add_plan,
    add_store,
    add_threads,
    load_experiment,
    set_threads,
    write_json,
)
from darksieve.problem.interruption import Interruption

log = logging.getLogger(__name__)

# sections and keys of an experiment file that the step depends on
READS = ("simulator", "prior", "seed")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    add_experiment(parser)
    add_store(parser)
    add_threads(parser)
    add_plan(parser)
    parser.add_argument("--shard", type=int, required=True, help="number of the shard in the plan, from 0")
    parser.add_argument("--output", type=Path, required=True, help="the shard's manifest (JSON)")


def run(options: argparse.Namespace) -> None:
    """Make the shard or find it in the store."""
    from darksieve.store.plan import Plan

    plan = Plan.read(options.plan)
    name = plan.slices[options.shard]
    if name is None:
        log.info("shard %d: all simulations are in the store", options.shard)
        write_json(options.output, {"shard": None, "rows": 0, "made": False})
        return
    with Interruption() as interruption:
        from darksieve.store.simulate import simulate_shard

        set_threads(options.threads)
        manifest = simulate_shard(load_experiment(options), plan, name, options.store, interruption)
    write_json(options.output, manifest)
