"""`darksieve detect`: whether attributions point at a lens's subhalo, and where in its image one could be found."""

from __future__ import annotations

import argparse
from pathlib import Path

from darksieve.cli.arguments import write_json
from darksieve.cli.calibration_inputs import add_calibration, load_calibration
from darksieve.cli.output import report_bars

# sections and keys of an experiment file that the step depends on
READS = ("simulator", "prior", "marginals", "network", "training", "seed")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    add_calibration(parser)
    parser.add_argument("--round", type=int, required=True, help="the last round")
    parser.add_argument("--training-plan", type=Path, required=True, help="plan.json of the last round")
    parser.add_argument("--training-manifests", type=Path, nargs="+", required=True, help="its manifests")
    parser.add_argument("--output", type=Path, required=True, help="subhalo.json, written")


def run(options: argparse.Namespace) -> None:
    """Study the subhalo."""
    from darksieve.interpret.subhalo import localise, map_sensitivity
    from darksieve.store.plan import Plan
    from darksieve.store.simulate import read_simulations

    experiment, estimator, simulations, observation = load_calibration(options)
    plan = Plan.read(options.training_plan)
    training = read_simulations(experiment, plan, options.training_manifests, options.store)
    record = {
        "attribution": localise(experiment, estimator, simulations, observation, training, options.round),
        "sensitivity": map_sensitivity(experiment, estimator, simulations, observation),
    }
    write_json(options.output, record)
    for part in record.values():
        report_bars(part)
