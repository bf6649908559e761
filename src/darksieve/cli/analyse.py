"""`darksieve analyse`: a system of the physics of AI, held to its exact answers."""

from __future__ import annotations

import argparse
import importlib
import json
from pathlib import Path

from darksieve.cli.arguments import write_json
from darksieve.cli.output import report_bars

ANALYSES = {
    "ising": "IsingConfig",
    "hopfield": "HopfieldConfig",
    "boltzmann": "BoltzmannConfig",
    "interacting_theory": "InteractingTheoryConfig",
    "lattice_field": "LatticeFieldConfig",
    "learned_dynamics": "LearnedDynamicsConfig",
    "wide_networks": "WideNetworksConfig",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("analysis", choices=sorted(ANALYSES), help="which analysis")
    parser.add_argument("--settings", default="{}", help="its section of config.yaml, as JSON (default: all defaults)")
    parser.add_argument("--output", type=Path, required=True, help="result.json, written")


def run(options: argparse.Namespace) -> None:
    """Analyse."""
    from darksieve.problem import config
    from darksieve.problem.section import read_config

    section = getattr(config, ANALYSES[options.analysis])
    settings = read_config(section, json.loads(options.settings), where=f"analyses.{options.analysis}")
    record = importlib.import_module(f"darksieve.physics_ai.{options.analysis}.study").study(settings)
    write_json(options.output, record)
    report_bars(record)
