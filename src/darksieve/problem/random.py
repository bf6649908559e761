"""Random numbers that depend only on an experiment's seed and a simulation's own index.

Simulations are drawn in blocks of fixed size, each with generators of its own: shards, cores, retries and
resumptions cannot change a number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from darksieve.problem.box import Box
from darksieve.problem.prior import Prior
from darksieve.problem.provenance import derive_seed

if TYPE_CHECKING:
    import torch

__all__ = ["BLOCK", "block_generator", "draw_block"]

BLOCK = 64
"""Simulations that share a generator; they are always simulated together."""


def draw_block(prior: Prior, box: Box, stream: str, block: int) -> NDArray[np.float64]:
    """Draw the parameters z (BLOCK, P), physical units, of one block from the prior inside a box.

    `stream` names the sequence of blocks; two streams share no random number.
    """
    generator = np.random.Generator(np.random.Philox(derive_seed("parameters", stream, block)))
    return prior.from_unit(box.scale(generator.random((BLOCK, len(prior)))))


def block_generator(stream: str, block: int) -> torch.Generator:
    """The generator that the simulator uses for one block."""
    import torch

    return torch.Generator().manual_seed(derive_seed("simulator", stream, block))
