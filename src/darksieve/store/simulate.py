"""Filling the store: the shard that one job makes, reused where it is already there."""

from __future__ import annotations

import importlib.metadata
import json
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from darksieve.problem.box import Box
from darksieve.problem.errors import DarksieveError
from darksieve.problem.experiment import Experiment
from darksieve.problem.provenance import digest
from darksieve.problem.random import BLOCK, block_generator, draw_block
from darksieve.problem.simulator import simulate_checked
from darksieve.store.shard import Simulations, read_shard, shard_attributes, write_shard

__all__ = ["Draw", "read_manifests", "simulate_shard"]

log = logging.getLogger(__name__)
SECONDS_BETWEEN_LINES = 10.0


@dataclass(frozen=True)
class Draw:
    """A sequence of simulations: those of one purpose (`train` or `test`) from one box of one experiment."""

    experiment: Experiment
    box: Box
    purpose: str

    @property
    def stream(self) -> str:
        """Names the random numbers of this draw."""
        return digest([self.experiment.config.seed, self.purpose, self.box.digest])

    def shard_path(self, shard: int) -> Path:
        """Place of a shard, relative to the store."""
        return Path(self.experiment.fingerprint) / self.stream / f"shard-{shard:05d}.zarr"

    @property
    def attributes(self) -> dict[str, Any]:
        """What made the simulations, as a shard records it."""
        experiment = self.experiment
        return {
            "fingerprint": experiment.fingerprint,
            "simulator": experiment.simulator_identity,
            "parameters": list(experiment.prior.names),
            "units": {p.name: p.unit for p in experiment.prior},
            "prior": experiment.prior.specification(),
            "box": self.box.to_record(experiment.prior),
            "seed": experiment.config.seed,
            "purpose": self.purpose,
            "versions": {name: importlib.metadata.version(name) for name in ("darksieve", "torch", "numpy", "zarr")},
        }


def simulate_shard(draw: Draw, store: Path, shard: int, rows: int, first: int) -> dict[str, Any]:
    """Make one shard, or find it in the store, and return its manifest.

    Parameters
    ----------
    draw : Draw
        What is simulated.
    store : Path
        Folder of the simulation store.
    shard : int
        Number of the shard within the draw.
    rows : int
        Simulations of this shard.
    first : int
        Index of its first simulation within the draw, a multiple of `BLOCK`.

    Raises
    ------
    DarksieveError
        If a simulation is not finite or has the wrong shape, or the shard cannot be written.
    """
    if first % BLOCK:
        raise ValueError(f"first index {first} is no multiple of {BLOCK}")
    relative = draw.shard_path(shard)
    path = Path(store) / relative
    present = shard_attributes(path)
    reused = present is not None and present["rows"] >= rows
    if not reused:
        write_shard(path, _simulate(draw, rows, first), draw.attributes)
    simulations = read_shard(path).head(rows)
    log.info("shard %d: %d simulations %s", shard, rows, "found in the store" if reused else "made")
    return {
        "shard": relative.as_posix(),
        "rows": rows,
        "first": first,
        "fingerprint": draw.experiment.fingerprint,
        "box": draw.box.digest,
        "seed": draw.experiment.config.seed,
        "purpose": draw.purpose,
        "sha256": simulations.checksums(),
    }


def read_manifests(manifests: Iterable[Path], store: Path) -> Simulations:
    """Read the simulations that shard manifests name.

    Raises
    ------
    DarksieveError
        If a shard is absent or damaged, or its content is not what its manifest says.
    """
    parts = []
    for manifest in manifests:
        record = json.loads(Path(manifest).read_text())
        path = Path(store) / record["shard"]
        part = read_shard(path).head(record["rows"])
        if part.checksums() != record["sha256"]:
            raise DarksieveError(
                f"holds other simulations than {Path(manifest).name} says", where=f"shard {path}",
                mend="delete that manifest and rerun",
            )  # fmt: skip
        parts.append(part)
    return Simulations.concatenate(parts)


def _simulate(draw: Draw, rows: int, first: int) -> Simulations:
    """Simulate whole blocks and keep `rows` of them."""
    import torch

    simulator, prior = draw.experiment.simulator, draw.experiment.prior
    z_blocks, x_blocks = [], []
    start = last_line = time.monotonic()
    for block in range(first // BLOCK, -(-(first + rows) // BLOCK)):
        z = draw_block(prior, draw.box, draw.stream, block).astype(np.float32)
        with torch.no_grad():
            signal = simulate_checked(simulator, torch.from_numpy(z), block_generator(draw.stream, block))
        z_blocks.append(z)
        x_blocks.append({name: array.cpu().numpy().astype(np.float32, copy=False) for name, array in signal.items()})
        now, done = time.monotonic(), len(z_blocks) * BLOCK
        if now - last_line > SECONDS_BETWEEN_LINES or done >= rows:
            log.info("%d of %d simulations, %.0f a second", min(done, rows), rows, done / (now - start))
            last_line = now
    x = {name: np.concatenate([block[name] for block in x_blocks])[:rows] for name in x_blocks[0]}
    index = np.arange(first, first + rows, dtype=np.uint64)
    return Simulations(np.concatenate(z_blocks)[:rows], x, index)
