"""Writing and reading 64 x 64 images: darksieve's store, swyft's ZarrStore on zarr 2, and a memory-mapped NumPy file.

The same simulations (rendered lenses, and numbers that do not compress) in blocks that alternate in one run: written
shard by shard, and read in shuffled batches as one epoch of training reads them, with a tenth held out. swyft runs in
an environment of its own (`.venv-zarr2`, made at the first run: this one's packages with zarr 2 before them), at the
chunk size that suits it best. Run it as `python benchmarks/store_speed.py`; it fails below the required ratios.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lens_speed import draw_parameters
from numpy.typing import NDArray

from darksieve.simulators.lens import StrongLens
from darksieve.store.reader import MemorySource, StreamedSource
from darksieve.store.region import Points
from darksieve.store.shard import Shard, Simulations, read_shard, write_shard

REQUIRED_WRITE, REQUIRED_READ = 1.0, 3.0
CHUNKS = (64, 256, 512, 1024, 2048)
PEER_PACKAGES = ("zarr==2.18.7", "numcodecs==0.15.1", "asciitree==0.3.3", "fasteners==0.20", "deprecated", "wrapt")
SHAPE = {"image": (64, 64)}
MEMORY = 5e7  # bytes, a fifth of the store
Arrays = dict[str, NDArray[np.float32]]


def prepare_peer(folder: Path) -> Path:
    """The Python of an environment in which swyft finds zarr 2."""
    python = folder / "bin/python"
    if not (folder / "ready").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", *PEER_PACKAGES], check=True)
        (packages,) = folder.glob("lib/python*/site-packages")
        (packages / "behind.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
        (folder / "ready").touch()
    return python


class Peer:
    """A process that runs swyft's store."""

    def __init__(self, python: Path) -> None:
        script = Path(__file__).with_name("zarrstore_peer.py")
        self.process = subprocess.Popen([python, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._answer() == "ready"

    def ask(self, **command: Any) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())


def render(rows: int) -> Arrays:
    """Noise-free lenses (rows, 64, 64) and their parameters."""
    simulator = StrongLens(pixels=64, pixel_scale=0.05, supersampling=1)
    z = draw_parameters(simulator, rows)
    parts = [simulator.simulate(part, torch.Generator())["image"] for part in z.split(64)]
    return {"image": torch.cat(parts).numpy(), "z": z.numpy()}


def random_numbers(rows: int) -> Arrays:
    """Images (rows, 64, 64) that no compression makes smaller."""
    generator = np.random.default_rng(1)
    return {"image": generator.normal(size=(rows, 64, 64)).astype(np.float32),
            "z": generator.random((rows, 15), np.float32)}  # fmt: skip


def write_store(path: Path, content: Arrays) -> float:
    """Seconds to write a shard."""
    rows = len(content["z"])
    points = Points(content["z"].astype(float), np.arange(rows, dtype=float), np.arange(rows, dtype=np.uint64))
    simulations = Simulations(content["z"], {"image": content["image"]}, points.index)
    start = time.perf_counter()
    write_shard(path, Shard(simulations, points, np.zeros(rows, np.uint8)), {})
    return time.perf_counter() - start


def write_mapped(path: Path, content: Arrays) -> float:
    """Seconds to write two NumPy files."""
    start = time.perf_counter()
    for name, values in content.items():
        mapped = np.lib.format.open_memmap(path / f"{name}.npy", mode="w+", dtype=values.dtype, shape=values.shape)
        mapped[:] = values
        mapped.flush()
    return time.perf_counter() - start


def training_rows(rows: int) -> NDArray[np.int64]:
    return np.arange(rows)[rows // 10 :]


def read_streamed(path: Path, rows: int, batch: int) -> tuple[float, int]:
    """One epoch that reads the shard block by block while it trains."""
    start = time.perf_counter()
    z = np.zeros((rows, 15), np.float32)
    source = StreamedSource([(path, np.arange(rows))], z, SHAPE, memory=MEMORY)
    generator = torch.Generator().manual_seed(1)
    seen = sum(
        len(torch.from_numpy(data["image"])) for _, data in source.batches(training_rows(rows), batch, generator)
    )
    return time.perf_counter() - start, seen


def read_in_memory(path: Path, rows: int, batch: int, epochs: int) -> tuple[float, int]:
    """Epochs over a shard that was read, and verified, once; the reading counts."""
    start = time.perf_counter()
    source = MemorySource(read_shard(path).simulations)
    images, order = torch.from_numpy(source.x["image"]), torch.from_numpy(training_rows(rows))
    generator = torch.Generator().manual_seed(1)
    seen = 0
    for _ in range(epochs):
        for part in order[torch.randperm(len(order), generator=generator)].split(batch):
            seen += len(images[part])
    return time.perf_counter() - start, seen


def read_mapped(path: Path, rows: int, batch: int) -> tuple[float, int]:
    """One epoch of random rows of a memory-mapped file."""
    start = time.perf_counter()
    mapped = np.load(path / "image.npy", mmap_mode="r")
    order = np.random.default_rng(1).permutation(training_rows(rows))
    seen = sum(len(torch.from_numpy(mapped[order[i : i + batch]])) for i in range(0, len(order), batch))
    return time.perf_counter() - start, seen


def compare(name: str, content: Arrays, peer: Peer, options: argparse.Namespace, folder: Path) -> bool:
    """Measure, print, and say whether the ratios are what they must be."""
    rows, images = len(content["z"]), folder / "content.npz"
    np.savez(images, **content)
    numbers = iter(range(10_000))

    def place() -> Path:
        path = folder / f"{name}-{next(numbers)}"
        path.mkdir()
        return path

    def peer_writes(chunk: int) -> tuple[float, Path]:
        path = place() / "store"
        return peer.ask(do="write", path=str(path), images=str(images), chunk=chunk), path

    chunk = min(CHUNKS, key=lambda chunk: min(peer_writes(chunk)[0] for _ in range(2)))
    rates: dict[str, list[float]] = {}

    def note(what: str, rows_a_second: float) -> None:
        rates.setdefault(what, []).append(rows_a_second)

    for _ in range(options.blocks):
        ours = place() / "a.zarr"
        note("darksieve, written", rows / write_store(ours, content))
        theirs_seconds, theirs = peer_writes(chunk)
        note("swyft, written", rows / theirs_seconds)
        mapped = place()
        note("NumPy, written", rows / write_mapped(mapped, content))
        reads = {
            "darksieve, streamed": read_streamed(ours, rows, options.batch),
            "swyft, read": peer.ask(do="read", path=str(theirs), batch=options.batch),
            "darksieve, in memory": read_in_memory(ours, rows, options.batch, 10),
            "NumPy, read": read_mapped(mapped, rows, options.batch),
        }
        for what, (taken, seen) in reads.items():
            note(what, seen / taken)
    median = {what: statistics.median(values) for what, values in rates.items()}
    print(f"\n{name}: {rows} images of 64 x 64, batches of {options.batch}, swyft's best chunk {chunk}")
    for what, value in median.items():
        peer_value = median["swyft, written" if "written" in what else "swyft, read"]
        numpy_value = median["NumPy, written" if "written" in what else "NumPy, read"]
        print(f"  {what:22s} {value:9.0f} simulations/s  {value / peer_value:5.2f} of swyft  "
              f"{value / numpy_value:5.2f} of NumPy")  # fmt: skip
    write = median["darksieve, written"] / median["swyft, written"]
    read_ratio = median["darksieve, streamed"] / median["swyft, read"]
    print(f"  written {write:.2f} (required {REQUIRED_WRITE:g}), read {read_ratio:.2f} (required {REQUIRED_READ:g})")
    return write >= REQUIRED_WRITE and read_ratio >= REQUIRED_READ


def main() -> int:
    """Compare, and return 1 below the required ratios."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rows", type=int, default=16384, help="simulations")
    arguments.add_argument("--batch", type=int, default=64, help="simulations a batch")
    arguments.add_argument("--blocks", type=int, default=5, help="repetitions")
    arguments.add_argument("--peer", type=Path, default=Path(".venv-zarr2"), help="environment of swyft with zarr 2")
    options = arguments.parse_args()
    torch.set_num_threads(1)
    peer = Peer(prepare_peer(options.peer))
    passed = True
    for name, content in (("lenses", render(options.rows)), ("random numbers", random_numbers(options.rows))):
        with tempfile.TemporaryDirectory() as folder:
            passed &= compare(name, content, peer, options, Path(folder))
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
