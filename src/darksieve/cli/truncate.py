"""`darksieve truncate`: the box of the next round."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from darksieve.cli.arguments import add_experiment, add_prior, load_box, load_experiment, load_prior, write_json

log = logging.getLogger(__name__)

# sections and keys of an experiment file that the step depends on
READS = ("rounds.threshold", "rounds.stop_shrinkage")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    add_experiment(parser)
    add_prior(parser)
    parser.add_argument("--profiles", type=Path, required=True, help="profiles.npz of this round")
    parser.add_argument("--box", type=Path, help="box.json of the round before (default: the whole prior)")
    parser.add_argument("--round", type=int, required=True, help="number of this round, from 1")
    parser.add_argument("--output", type=Path, required=True, help="box.json, written")


def run(options: argparse.Namespace) -> None:
    """Truncate the prior and say whether the box has settled."""
    from darksieve.inference.profiles import read_profiles
    from darksieve.inference.truncation import truncate

    prior, rounds = load_prior(options), load_experiment(options).config.rounds
    before = load_box(options.box, prior)
    box, settled = truncate(before, read_profiles(options.profiles), rounds.threshold, rounds.stop_shrinkage)
    log.info("round %d: prior volume %.3g to %.3g, %s", options.round, before.volume, box.volume,
             "settled" if settled else "another round" if options.round < rounds.maximum else "last round")  # fmt: skip
    record = {
        "round": options.round,
        "converged": settled,
        "volume_before": before.volume,
        **box.to_record(prior),
    }
    write_json(options.output, record)
