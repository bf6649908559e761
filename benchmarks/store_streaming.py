"""Training the lens network on a store that exceeds the memory, against training on simulations in memory.

A store of `lens-mock` simulations is written (each rendered lens several times, with other source fluxes, in which an
image is linear); one epoch over all of it is trained in a process that may not allocate more than the limit, with the
page cache emptied of the store first; before and after it one epoch over a part that fits in memory. Run it as
`python benchmarks/store_streaming.py`; it fails below the required throughput.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from darksieve.inference.training import train
from darksieve.problem.box import Box
from darksieve.problem.experiment import Experiment
from darksieve.store.reader import MemorySource, StreamedSource
from darksieve.store.region import Points
from darksieve.store.shard import Shard, Simulations, read_shard, read_table, write_shard

REQUIRED = 0.7
ROWS = 8192  # a shard
FLUX = "log10_source_flux"
EXPERIMENT = Path(__file__).parents[1] / "config/experiments/lens-mock.yaml"


def load(memory: float) -> Experiment:
    """`lens-mock`, one epoch, with that many GB for simulations."""
    experiment = Experiment.load(EXPERIMENT, Path())
    training = experiment.config.training.model_copy(update={"epochs": 1, "memory": memory})
    return replace(experiment, config=experiment.config.model_copy(update={"training": training}))


def write(folder: Path, shards: int) -> None:
    """Write the store."""
    experiment = load(1.0)
    prior, column = experiment.prior, experiment.prior.names.index(FLUX)
    generator = np.random.default_rng(1)
    unit = generator.random((ROWS, len(prior)))
    z = prior.from_unit(unit).astype(np.float32)
    parts = [experiment.simulator.simulate(part, torch.Generator())["image"] for part in torch.from_numpy(z).split(64)]
    image = torch.cat(parts).numpy()
    index = np.arange(ROWS, dtype=np.uint64)
    start = time.perf_counter()
    for number in range(shards):
        unit[:, column] = generator.random(ROWS)
        new = prior.from_unit(unit).astype(np.float32)
        scaled = image * 10 ** (new[:, column] - z[:, column])[:, None, None]
        points = Points(unit, number * ROWS + np.arange(ROWS, dtype=float), index)
        content = Shard(Simulations(new, {"image": scaled}, index), points, np.zeros(ROWS, np.uint8))
        write_shard(folder / f"{number:04d}.zarr", content, {})
    seconds = time.perf_counter() - start
    files = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    print(f"{shards * ROWS} simulations, {shards * image.nbytes / 1e9:.1f} GB, {sum(files) / 1e9:.1f} GB stored in "
          f"{len(files)} files, written in {seconds:.0f} s")  # fmt: skip


def measure(folder: Path, shards: int, limit: float | None) -> dict[str, float]:
    """Train one epoch on the first shards, streamed under a limit of allocated memory [GB] or in memory."""
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (int(1e9 * limit),) * 2)
    experiment = load(1.0)
    paths = sorted(folder.glob("*.zarr"))[:shards]
    source: MemorySource | StreamedSource
    if limit is None:
        source = MemorySource(Simulations.concatenate([read_shard(path).simulations for path in paths]))
    else:
        z = np.concatenate([read_table(path)[0] for path in paths])
        rows: NDArray[np.int64] = np.arange(ROWS)
        shapes = {"image": (64, 64)}
        source = StreamedSource([(path, rows) for path in paths], z, shapes, 1e9 * experiment.config.training.memory)
    torch.set_num_threads(experiment.config.training.threads)
    _, history = train(experiment, Box.full(experiment.prior.names), source, {}, round_number=1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    return {"rate": len(source.z) / history[0]["seconds"], "seconds": history[0]["seconds"], "peak": peak}


def run(folder: Path, shards: int, limit: float | None) -> dict[str, float]:
    """`measure` in a process of its own."""
    command = [sys.executable, __file__, "--measure", str(folder), "--shards", str(shards)]
    command += [] if limit is None else ["--limit", str(limit)]
    result = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(result.stdout.splitlines()[-1])


def empty_page_cache(folder: Path) -> None:
    """Let the system forget what it has read of the store."""
    os.sync()
    for path in folder.rglob("*"):
        if path.is_file():
            with open(path, "rb") as stream:
                os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def main() -> int:
    """Compare, and return 1 below the required throughput."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--gigabytes", type=float, default=12.0, help="size of the images")
    arguments.add_argument("--limit", type=float, help="memory that may be allocated [GB] (default: 4)")
    arguments.add_argument("--folder", type=Path, help="where the store is written (default: a temporary folder)")
    arguments.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments.add_argument("--shards", type=int, help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, options.shards, options.limit)))
        return 0
    limit = options.limit or 4.0
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        shards = round(options.gigabytes * 1e9 / (ROWS * 64 * 64 * 4))
        write(folder, shards)
        small = min(shards, 8)
        memory = [run(folder, small, None)]
        empty_page_cache(folder)
        streamed = run(folder, shards, limit)
        memory.append(run(folder, small, None))
    in_memory = statistics.mean(record["rate"] for record in memory)
    for text, record in (("in memory, before", memory[0]), ("streamed", streamed), ("in memory, after", memory[1])):
        print(f"{text:18s} {record['rate']:6.0f} simulations/s over {record['seconds']:.0f} s, "
              f"peak memory {record['peak']:.2f} GB")  # fmt: skip
    ratio = streamed["rate"] / in_memory
    print(f"streamed / in memory {ratio:.2f} (required {REQUIRED:g}), limit {limit:g} GB")
    return 0 if ratio >= REQUIRED else 1


if __name__ == "__main__":
    sys.exit(main())
