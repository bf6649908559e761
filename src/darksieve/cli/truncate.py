"""`darksieve truncate`: the box of the next round."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from darksieve.cli.arguments import add_experiment, load_box, load_experiment, write_json

log = logging.getLogger(__name__)

# sections and keys of an experiment file that the step depends on
READS = ("simulator", "prior", "rounds.threshold", "rounds.stop_shrinkage")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    add_experiment(parser)
    parser.add_argument("--profiles", type=Path, required=True, help="profiles.npz of this round")
    parser.add_argument("--box", type=Path, help="box.json of the round before (default: the whole prior)")
    parser.add_argument("--round", type=int, required=True, help="number of this round, from 1")
    parser.add_argument("--output", type=Path, required=True, help="box.json, written")


def run(options: argparse.Namespace) -> None:
    """Truncate the prior and say whether the box has settled."""
    from darksieve.inference.profiles import read_profiles
    from darksieve.inference.truncation import truncate

    experiment = load_experiment(options)
    before = load_box(options.box, experiment)
    rounds = experiment.config.rounds
    box, settled = truncate(before, read_profiles(options.profiles), rounds.threshold, rounds.stop_shrinkage)
    log.info("round %d: prior volume %.3g to %.3g, %s", options.round, before.volume, box.volume,
             "settled" if settled else "another round" if options.round < rounds.maximum else "last round")  # fmt: skip
    record = {
        "round": options.round,
        "converged": settled,
        "volume_before": before.volume,
        **box.to_record(experiment.prior),
    }
    write_json(options.output, record)
