"""Simulations for training: in memory where they fit, streamed in shuffled blocks where they do not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from darksieve.problem.errors import DarksieveError
from darksieve.store.shard import Simulations, refuse_lost_data

__all__ = ["MemorySource", "Source", "StreamedSource"]

Rows = NDArray[np.int64]
Arrays = dict[str, NDArray[np.float32]]

BLOCK_ROWS = 512


class MemorySource:
    """Simulations in memory."""

    def __init__(self, simulations: Simulations) -> None:
        self.z, self.x = simulations.z, simulations.x
        self.shapes: Mapping[str, tuple[int, ...]] = {n: array.shape[1:] for n, array in simulations.x.items()}

    def split(self, fraction: float, generator: torch.Generator) -> tuple[Rows, Rows]:
        """Rows for training and for validation, drawn one by one."""
        order = _permutation(len(self.z), generator)
        held_out = max(2, round(fraction * len(order)))
        return order[held_out:], order[:held_out]


class StreamedSource:
    """Simulations that stay in the store: blocks of rows are read in shuffled order, some at a time, ahead of use.

    Chunks carry checksums, which every reading verifies.

    Parameters
    ----------
    shards : sequence of (Path, array of int)
        Shards and the rows of each that are used.
    z : array (n, P)
        Parameters of these rows, shard after shard.
    shapes : mapping of str to tuple
        Shape of each data array, without the batch axis.
    memory : float
        Bytes that blocks in memory may take.
    """

    def __init__(
        self,
        shards: Sequence[tuple[Path, Rows]],
        z: NDArray[np.float32],
        shapes: Mapping[str, tuple[int, ...]],
        memory: float,
    ) -> None:
        self.z, self.shapes = z, shapes
        self._shards = [path for path, _ in shards]
        for path in self._shards:
            refuse_lost_data(path, list(shapes))
        self._shard = np.concatenate([np.full(len(rows), i) for i, (_, rows) in enumerate(shards)])
        self._row = np.concatenate([rows for _, rows in shards])
        # blocks: consecutive rows of one shard, numbered through all shards
        key = self._shard * (1 + self._row.max() // BLOCK_ROWS) + self._row // BLOCK_ROWS
        self._block = np.unique(key, return_inverse=True)[1]
        row_bytes = 4 * sum(int(np.prod(shape)) for shape in shapes.values())
        # one set of blocks is in use while the next is read and put together with what was left
        self._blocks_at_once = max(1, int(memory / (4 * BLOCK_ROWS * row_bytes)))

    def split(self, fraction: float, generator: torch.Generator) -> tuple[Rows, Rows]:
        """Rows for training and for validation, drawn in blocks: a block is read for one of them alone."""
        blocks = _permutation(int(self._block.max()) + 1, generator)
        held_out = np.zeros(len(blocks), bool)
        held_out[blocks[: max(1, round(fraction * len(blocks)))]] = True
        rows = np.argsort(np.argsort(blocks)[self._block], kind="stable")  # the first ones are of random blocks
        validation = held_out[self._block[rows]]
        return rows[~validation], rows[validation]

    def read(self, rows: Rows) -> Arrays:
        """Data of the given rows."""
        import zarr

        data = {name: np.empty((len(rows), *shape), np.float32) for name, shape in self.shapes.items()}
        order = np.lexsort((self._row[rows], self._shard[rows]))
        for shard in np.unique(self._shard[rows]):
            places = order[self._shard[rows[order]] == shard]
            wanted = self._row[rows[places]]
            try:
                group = zarr.open_group(self._shards[shard], mode="r")
                for name, array in data.items():
                    array[places] = _read_rows(group[f"x/{name}"], wanted)
            except Exception as error:
                raise DarksieveError(
                    f"is damaged: {error}", where=f"shard {self._shards[shard]}",
                    mend="`darksieve store verify --remove` it and rerun",
                ) from error  # fmt: skip
        return data

    def batches(self, rows: Rows, size: int, generator: torch.Generator | None) -> Iterator[tuple[Rows, Arrays]]:
        """Batches of rows with their data; blocks are read in a thread, ahead of use."""
        blocks = np.unique(self._block[rows])
        if generator is not None:
            blocks = blocks[_permutation(len(blocks), generator)]
        groups = [blocks[i : i + self._blocks_at_once] for i in range(0, len(blocks), self._blocks_at_once)]
        by_block = rows[np.argsort(self._block[rows], kind="stable")]
        edges = np.searchsorted(self._block[by_block], np.arange(self._block.max() + 2))

        def load(group: Rows) -> tuple[Rows, Arrays]:
            part = np.concatenate([by_block[edges[block] : edges[block + 1]] for block in group])
            return part, self.read(part)

        left: Rows = rows[:0]
        left_data = {name: np.empty((0, *shape), np.float32) for name, shape in self.shapes.items()}
        with ThreadPoolExecutor(1) as reader:
            coming = [reader.submit(load, group) for group in groups[:1]]
            for number in range(len(groups)):
                part, data = coming.pop().result()
                coming += [reader.submit(load, group) for group in groups[number + 1 : number + 2]]
                part = np.concatenate([left, part])
                data = {name: np.concatenate([left_data[name], array]) for name, array in data.items()}
                order = np.arange(len(part)) if generator is None else _permutation(len(part), generator)
                whole = len(part) if number + 1 == len(groups) else len(part) // size * size
                for start in range(0, whole, size):
                    chosen = order[start : start + size]
                    yield part[chosen], {name: array[chosen] for name, array in data.items()}
                rest = order[whole:]
                left, left_data = part[rest], {name: array[rest] for name, array in data.items()}


Source = MemorySource | StreamedSource


def _permutation(n: int, generator: torch.Generator) -> Rows:
    return torch.randperm(n, generator=generator).numpy()


def _read_rows(array: object, rows: Rows) -> NDArray[np.float32]:
    """Ascending rows of a Zarr array, read in consecutive stretches."""
    pieces = []
    cuts = np.flatnonzero(np.diff(rows) > BLOCK_ROWS) + 1
    for stretch in np.split(rows, cuts):
        first = int(stretch[0])
        pieces.append(np.asarray(array[first : int(stretch[-1]) + 1])[stretch - first])  # type: ignore[index]
    return np.concatenate(pieces)
