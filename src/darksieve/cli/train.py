"""`darksieve train`: the ratio estimator of one round."""

from __future__ import annotations

import argparse
import csv
import shutil
from pathlib import Path

from darksieve.cli.arguments import (
    add_experiment,
    add_plan,
    add_store,
    load_box,
    load_experiment,
    set_threads,
    whole_file,
)
from darksieve.problem.interruption import Interruption

HELD_OUT = 256  # simulations that say what truncation loses
# sections and keys of an experiment file that the step depends on
READS = ("simulator", "prior", "marginals", "network", "training", "seed")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    add_experiment(parser)
    add_store(parser)
    parser.add_argument("--observation", type=Path, required=True, help="observation.h5")
    parser.add_argument("--box", type=Path, help="box.json of the round before (default: the whole prior)")
    parser.add_argument("--start", type=Path, help="estimator.pt of the round before, from which training starts")
    parser.add_argument("--round", type=int, required=True, help="number of the round, from 1")
    add_plan(parser)
    parser.add_argument("--manifests", type=Path, nargs="+", required=True, help="manifests of the round's shards")
    parser.add_argument("--estimator", type=Path, required=True, help="estimator.pt, written")
    parser.add_argument("--profiles", type=Path, required=True, help="profiles.npz, the marginals, written")
    parser.add_argument("--history", type=Path, required=True, help="history.csv, written")


def run(options: argparse.Namespace) -> None:
    """Train, going on from this round's checkpoint if one was left by a training with the same inputs."""
    with Interruption() as interruption:
        _train(options, interruption)


def _train(options: argparse.Namespace, interruption: Interruption) -> None:
    from darksieve.inference.estimator import Estimator
    from darksieve.inference.profiles import find_marginals
    from darksieve.inference.training import HISTORY_COLUMNS, held_out, train
    from darksieve.problem.observation import Observation
    from darksieve.problem.provenance import code_digest, digest, file_digest
    from darksieve.store.plan import Plan
    from darksieve.store.simulate import open_simulations

    experiment = load_experiment(options)
    set_threads(experiment.config.training.threads)
    observation = Observation.read(options.observation)
    masks = observation.masks
    box = load_box(options.box, experiment.prior)
    simulations = open_simulations(experiment, Plan.read(options.plan), options.manifests, options.store)
    inputs = digest(
        {
            "plan": file_digest(options.plan),
            "manifests": [file_digest(path) for path in options.manifests],
            "start": options.start and file_digest(options.start),
            "masks": {name: mask.tobytes().hex() for name, mask in masks.items()},
            "config": experiment.config.model_dump(include={"marginals", "network", "training", "seed"}),
            "code": code_digest(__name__),
        }
    )
    checkpoint = options.estimator.with_name(f"training-{inputs}.checkpoint")
    for stale in set(checkpoint.parent.glob("training-*.checkpoint")) - {checkpoint}:
        shutil.rmtree(stale)
    start = None if options.start is None else Estimator.load(options.start, experiment)
    estimator, history = train(
        experiment,
        box,
        simulations,
        masks,
        round_number=options.round,
        start=start,
        checkpoint=checkpoint,
        interruption=interruption,
    )
    with whole_file(options.history) as part, open(part, "w", newline="") as stream:
        writer = csv.DictWriter(stream, HISTORY_COLUMNS)
        writer.writeheader()
        writer.writerows(history)
    unseen = held_out(experiment, simulations, masks, round_number=options.round, at_most=HELD_OUT)
    with whole_file(options.profiles) as part:
        find_marginals(estimator, observation, experiment.prior, unseen).write(part)
    with whole_file(options.estimator) as part:
        estimator.save(part, experiment, simulations.shapes, experiment.config.seed)
    shutil.rmtree(checkpoint, ignore_errors=True)
