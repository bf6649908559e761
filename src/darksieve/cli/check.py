"""`darksieve check`: everything that can be said of experiment files before the first job."""

from __future__ import annotations

import argparse
from pathlib import Path

from darksieve.problem.experiment import Experiment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("experiments", type=Path, nargs="+", metavar="FILE", help="experiment files")
    parser.add_argument("--root", type=Path, default=Path(), help="folder of relative data files (default: this one)")


def run(options: argparse.Namespace) -> None:
    """Check the files."""
    from darksieve.problem.likelihood import check_reference
    from darksieve.problem.observation import make_observation

    for path in options.experiments:
        experiment = Experiment.load(path, options.root)
        absent = [file.name for file in experiment.files if not file.is_file()]
        if absent:
            print(f"{experiment.name}: keys and values are right; {', '.join(absent)} to be downloaded")
            continue
        observation = make_observation(experiment)
        check_reference(experiment, observation, experiment.config.reference.methods)
        arrays = ", ".join(f"{name} {array.shape}" for name, array in observation.x.items())
        print(f"{experiment.name}: {len(experiment.prior)} parameters, data {arrays}, store {experiment.fingerprint}")
