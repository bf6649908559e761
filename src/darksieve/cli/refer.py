"""`darksieve refer`: the posterior by a likelihood-based method, to compare with."""

from __future__ import annotations

import argparse
from pathlib import Path

from darksieve.cli.arguments import add_experiment, add_threads, load_experiment, set_threads, whole_file
from darksieve.problem.config import METHODS

# sections and keys of an experiment file that the step depends on
READS = ("simulator", "prior", "reference.chains", "reference.samples", "seed")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    add_experiment(parser)
    add_threads(parser)
    parser.add_argument("--method", choices=METHODS, required=True, help="which method")
    parser.add_argument("--observation", type=Path, required=True, help="observation.h5")
    parser.add_argument("--output", type=Path, required=True, help="its posterior (HDF5), written")


def run(options: argparse.Namespace) -> None:
    """Sample the posterior, going on from the state of an interrupted run with the same inputs."""
    from darksieve.problem.observation import Observation
    from darksieve.problem.provenance import code_digest, digest, file_digest
    from darksieve.reference.methods import refer

    set_threads(options.threads)
    experiment = load_experiment(options)
    inputs = [file_digest(options.observation), experiment.identity(READS), code_digest(__name__)]
    checkpoint = options.output.with_name(f"{options.output.stem}-{digest(inputs)}.checkpoint.h5")
    for stale in set(checkpoint.parent.glob(f"{options.output.stem}-*.checkpoint.h5")) - {checkpoint}:
        stale.unlink()
    found = refer(experiment, Observation.read(options.observation), options.method, checkpoint)
    with whole_file(options.output) as part:
        found.write(part)
