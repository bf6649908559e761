"""`darksieve analyse_images`: the physics of AI put to work on the images that an experiment simulated."""

from __future__ import annotations

import argparse
import importlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from darksieve.cli.arguments import (
    add_experiment,
    add_store,
    add_threads,
    load_experiment,
    set_threads,
    write_json,
)
from darksieve.cli.output import report_bars

if TYPE_CHECKING:
    from darksieve.inference.estimator import Estimator
    from darksieve.problem.experiment import Experiment
    from darksieve.store.shard import Simulations

IMAGE_ANALYSES = ("arcs", "diffusion/ring", "embedding_width", "memory", "scinet/images", "summary_theory")
# sections and keys of an experiment file that the step depends on
READS = ("simulator", "prior", "marginals", "network", "training", "seed")
DRAWS = {"first": "the first round", "last": "the last round (memory)", "test": "the calibration (memory)"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("analysis", choices=IMAGE_ANALYSES, help="which analysis")
    add_experiment(parser)
    add_store(parser)
    add_threads(parser)
    parser.add_argument("--settings", default="{}", help="its section of config.yaml, as JSON (default: all defaults)")
    for draw, text in DRAWS.items():
        parser.add_argument(f"--{draw}-plan", type=Path, help=f"plan.json of {text}")
        parser.add_argument(f"--{draw}-manifests", type=Path, nargs="+", help=f"manifests of {text}")
    for draw in ("first", "last"):
        needed = "memory, summary_theory" if draw == "first" else "memory"
        parser.add_argument(f"--{draw}-estimator", type=Path, help=f"estimator.pt of the {draw} round ({needed})")
    parser.add_argument("--observation", type=Path, help="observation.h5 (diffusion/ring)")
    parser.add_argument("--posterior", type=Path, help="posterior.h5 (diffusion/ring)")
    parser.add_argument("--prior", type=Path, help="prior.pt of galaxies (diffusion/ring)")
    parser.add_argument("--output", type=Path, required=True, help="result.json, written")


def run(options: argparse.Namespace) -> None:
    """Analyse."""
    from darksieve.problem.analyses import analysis_section
    from darksieve.problem.section import read_config

    set_threads(options.threads)
    experiment = load_experiment(options)
    name = options.analysis.replace("/", ".")
    settings = read_config(analysis_section(options.analysis), json.loads(options.settings), where=f"analyses.{name}")
    study = importlib.import_module(f"darksieve.physics_ai.{name}.study").study
    if options.analysis == "memory":
        first, last = (
            (_load(options, experiment, draw), _read(options, experiment, draw)) for draw in ("first", "last")
        )
        record = study(settings, experiment, first, last, _read(options, experiment, "test"))
    elif options.analysis == "summary_theory":
        record = study(settings, experiment, _load(options, experiment, "first"), _read(options, experiment, "first"))
    elif options.analysis == "diffusion/ring":
        from darksieve.inference.posterior import load_posterior
        from darksieve.problem.observation import Observation

        observation, posterior = Observation.read(options.observation), load_posterior(options.posterior)
        record = study(settings, experiment, observation, posterior, options.prior)
    else:
        record = study(settings, experiment, _read(options, experiment, "first"))
    write_json(options.output, record)
    report_bars(record)


def _load(options: argparse.Namespace, experiment: Experiment, draw: str) -> Estimator:
    """The estimator of a round.

    Raises
    ------
    DarksieveError
        If the arguments do not name it, or it cannot be loaded.
    """
    from darksieve.inference.estimator import Estimator
    from darksieve.problem.errors import DarksieveError

    path = getattr(options, f"{draw}_estimator")
    if path is None:
        raise DarksieveError(
            f"no estimator of the {draw} round", where=options.analysis, mend=f"give --{draw}-estimator"
        )
    return Estimator.load(path, experiment)


def _read(options: argparse.Namespace, experiment: Experiment, draw: str) -> Simulations:
    """The simulations of a draw.

    Raises
    ------
    DarksieveError
        If the arguments do not name them.
    """
    from darksieve.problem.errors import DarksieveError
    from darksieve.store.plan import Plan
    from darksieve.store.simulate import read_simulations

    plan, manifests = (getattr(options, f"{draw}_{key}") for key in ("plan", "manifests"))
    if plan is None or manifests is None:
        raise DarksieveError(
            f"no simulations of {DRAWS[draw]}", where=options.analysis,
            mend=f"give --{draw}-plan and --{draw}-manifests",
        )  # fmt: skip
    return read_simulations(experiment, Plan.read(plan), manifests, options.store)
