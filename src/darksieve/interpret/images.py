"""The images of an experiment's simulations: which array they are, noisy ones of them, and the noise of each pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from darksieve.problem.errors import DarksieveError
from darksieve.problem.experiment import Experiment

if TYPE_CHECKING:
    from darksieve.store.shard import Simulations

__all__ = ["image_name", "noise_level", "observe_images"]

Floats = NDArray[np.float32]
ROWS_AT_ONCE = 512


def image_name(experiment: Experiment, simulations: Simulations) -> str:
    """Name of the one data array, an image.

    Raises
    ------
    DarksieveError
        If the simulator makes other data than one image.
    """
    names = list(simulations.x)
    if len(names) != 1 or simulations.x[names[0]].ndim != 3:
        shapes = ", ".join(f"{name} {array.shape[1:]}" for name, array in simulations.x.items())
        raise DarksieveError(
            f"its data are {shapes}", where=experiment.name, mend="ask for this analysis of experiments with one image"
        )
    return names[0]


def observe_images(experiment: Experiment, name: str, images: Floats, seed: int) -> Floats:
    """Noise-free images (n, H, W) as the instrument would record them, noise drawn anew."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    parts = [
        experiment.simulator.observe({name: torch.from_numpy(images[start : start + ROWS_AT_ONCE])}, generator)[name]
        for start in range(0, len(images), ROWS_AT_ONCE)
    ]
    return torch.cat(parts).float().numpy()


def noise_level(experiment: Experiment, name: str, images: Floats, seed: int) -> Floats:
    """Standard deviation (H, W) of each pixel's noise, over the images (n, H, W)."""
    return np.sqrt(((observe_images(experiment, name, images, seed) - images) ** 2).mean(axis=0))
