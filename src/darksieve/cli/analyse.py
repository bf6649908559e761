"""`darksieve analyse`: a system of the physics of AI, held to its exact answers."""

from __future__ import annotations

import argparse
import importlib
import json
from pathlib import Path

from darksieve.cli.arguments import write_json
from darksieve.cli.output import report_bars
from darksieve.problem.errors import DarksieveError

ANALYSES = (
    "ising",
    "hopfield",
    "boltzmann",
    "convergence_theory",
    "interacting_theory",
    "lattice_field",
    "learned_dynamics",
    "wide_networks",
    "scinet/pendulum",
    "scinet/collision",
    "scinet/qubits",
    "scinet/heliocentric",
    "scinet/rotation",
    "diffusion/exact",
    "diffusion/field",
    "diffusion/galaxies",
    "diffusion/sources",
)
WITH_PRIOR = ("diffusion/galaxies", "diffusion/sources")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("analysis", choices=ANALYSES, help="which analysis")
    parser.add_argument("--settings", default="{}", help="its section of config.yaml, as JSON (default: all defaults)")
    parser.add_argument(
        "--prior", type=Path, help=f"prior.pt of galaxies, which {' and '.join(WITH_PRIOR)} read and need"
    )
    parser.add_argument("--output", type=Path, required=True, help="result.json, written")


def run(options: argparse.Namespace) -> None:
    """Analyse."""
    from darksieve.problem.analyses import analysis_section
    from darksieve.problem.section import read_config

    name = options.analysis.replace("/", ".")
    settings = read_config(analysis_section(options.analysis), json.loads(options.settings), where=f"analyses.{name}")
    study = importlib.import_module(f"darksieve.physics_ai.{name}.study").study
    if options.analysis in WITH_PRIOR:
        if options.prior is None:
            raise DarksieveError("no prior of galaxies", where=options.analysis, mend="give --prior")
        record = study(settings, options.prior)
    else:
        record = study(settings)
    write_json(options.output, record)
    report_bars(record)
