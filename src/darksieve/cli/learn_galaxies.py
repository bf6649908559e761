"""`darksieve learn_galaxies`: a diffusion model of galaxies, the prior of lensed sources."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from darksieve.cli.arguments import add_threads, set_threads, whole_file
from darksieve.problem.interruption import Interruption


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument(
        "--settings",
        default="{}",
        help="section analyses.diffusion.galaxies of config.yaml, as JSON (default: all defaults)",
    )
    add_threads(parser)
    parser.add_argument("--output", type=Path, required=True, help="prior.pt, written")


def run(options: argparse.Namespace) -> None:
    """Train, going on from the checkpoint if one was left by a training with the same settings."""
    from darksieve.physics_ai.diffusion.galaxies.prior import learn_galaxies
    from darksieve.problem.diffusion import GalaxiesConfig
    from darksieve.problem.provenance import code_digest, digest
    from darksieve.problem.section import read_config

    given = json.loads(options.settings)
    settings = read_config(GalaxiesConfig, given, where="analyses.diffusion.galaxies")
    set_threads(options.threads)
    inputs = digest({"settings": settings.model_dump(exclude={"samples", "offered"}), "code": code_digest(__name__)})
    checkpoint = options.output.with_name(f"training-{inputs}.checkpoint")
    for stale in set(checkpoint.parent.glob("training-*.checkpoint")) - {checkpoint}:
        stale.unlink()
    with Interruption() as interruption:
        prior = learn_galaxies(settings, checkpoint, interruption)
    with whole_file(options.output) as part:
        prior.save(part)
    checkpoint.unlink(missing_ok=True)
