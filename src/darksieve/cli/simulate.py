"""`darksieve simulate`: one shard of simulations."""

from __future__ import annotations

import argparse
from pathlib import Path

from darksieve.cli.arguments import (
    add_experiment,
    add_store,
    add_threads,
    load_box,
    load_experiment,
    set_threads,
    write_json,
)

# sections and keys of an experiment file that the step depends on
READS = ("simulator", "prior", "seed", "rounds.shard")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    add_experiment(parser)
    add_store(parser)
    add_threads(parser)
    parser.add_argument("--box", type=Path, help="box.json of the round before (default: the whole prior)")
    parser.add_argument("--purpose", choices=("train", "test"), required=True, help="what the simulations are for")
    parser.add_argument("--shard", type=int, required=True, help="number of the shard, from 0")
    parser.add_argument("--output", type=Path, required=True, help="the shard's manifest (JSON)")


def run(options: argparse.Namespace) -> None:
    """Make the shard or find it in the store."""
    from darksieve.store.simulate import Draw, simulate_shard

    set_threads(options.threads)
    experiment = load_experiment(options)
    total = experiment.simulations_per_round if options.purpose == "train" else experiment.test_simulations
    rows = experiment.shard_rows(total)[options.shard]
    first = options.shard * experiment.config.rounds.shard
    draw = Draw(experiment, load_box(options.box, experiment), options.purpose)
    write_json(options.output, simulate_shard(draw, options.store, options.shard, rows, first))
