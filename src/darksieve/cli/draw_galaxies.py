"""`darksieve draw_galaxies`: galaxies drawn from their learned prior, for the option `source.galaxies` of lenses."""

from __future__ import annotations

import argparse
from pathlib import Path

from darksieve.cli.arguments import add_threads, set_threads, whole_file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("--prior", type=Path, required=True, help="prior.pt of galaxies")
    parser.add_argument("--number", type=int, required=True, help="how many")
    add_threads(parser)
    parser.add_argument("--output", type=Path, required=True, help="npz file with the array `images`, written")


def run(options: argparse.Namespace) -> None:
    """Draw."""
    import numpy as np

    from darksieve.physics_ai.diffusion.galaxies.prior import GalaxyPrior
    from darksieve.problem.provenance import derive_seed

    set_threads(options.threads)
    prior = GalaxyPrior.load(options.prior)
    images = prior.draw(options.number, derive_seed("diffusion/galaxies", prior.settings.seed, "offered"))
    shining = images[images.sum(dim=(1, 2)) > 0]  # noise around nothing is no source
    with whole_file(options.output) as part, open(part, "wb") as stream:
        np.savez_compressed(stream, images=shining.numpy())
