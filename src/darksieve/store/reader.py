"""Simulations for training: in memory where they fit, streamed in shuffled blocks where they do not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from darksieve.problem.errors import DarksieveError
from darksieve.store.arrays import StoredArray
from darksieve.store.shard import Simulations, stored_data

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
        self._arrays = [stored_data(path) for path in self._shards]
        self._shard = np.concatenate([np.full(len(rows), i) for i, (_, rows) in enumerate(shards)])
        self._row = np.concatenate([rows for _, rows in shards])
        # blocks: consecutive rows of one shard, numbered through all shards
        key = self._shard * (1 + self._row.max() // BLOCK_ROWS) + self._row // BLOCK_ROWS
        self._block = np.unique(key, return_inverse=True)[1]
        row_bytes = 4 * sum(int(np.prod(shape)) for shape in shapes.values())
        # one set of blocks is in use while the next is read
        self._blocks_at_once = max(1, int(memory / (2 * BLOCK_ROWS * row_bytes)))

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
        order = np.lexsort((self._row[rows], self._shard[rows]))
        data = self._read_sorted(rows[order])
        back = np.argsort(order)
        return {name: array[back] for name, array in data.items()}

    def batches(self, rows: Rows, size: int, generator: torch.Generator | None) -> Iterator[tuple[Rows, Arrays]]:
        """Batches of rows with their data; blocks are read in a thread, ahead of use."""
        blocks = np.unique(self._block[rows])
        if generator is not None:
            blocks = blocks[_permutation(len(blocks), generator)]
        groups = [blocks[i : i + self._blocks_at_once] for i in range(0, len(blocks), self._blocks_at_once)]
        by_block = rows[np.lexsort((self._row[rows], self._block[rows]))]
        edges = np.searchsorted(self._block[by_block], np.arange(self._block.max() + 2))

        def load(group: Rows) -> tuple[Rows, Arrays]:
            part = np.concatenate([by_block[edges[block] : edges[block + 1]] for block in np.sort(group)])
            return part, self._read_sorted(part)

        left: Rows = rows[:0]
        left_data: Arrays = {name: np.empty((0, *shape), np.float32) for name, shape in self.shapes.items()}
        with ThreadPoolExecutor(1) as reader:
            coming = [reader.submit(load, group) for group in groups[:1]]
            for number in range(len(groups)):
                part, data = coming.pop().result()
                coming += [reader.submit(load, group) for group in groups[number + 1 : number + 2]]
                order = np.arange(len(part)) if generator is None else _permutation(len(part), generator)
                while len(left) + len(order) >= size or (number + 1 == len(groups) and len(left) + len(order)):
                    chosen, order = order[: size - len(left)], order[size - len(left) :]
                    batch = {name: _take(array, chosen) for name, array in data.items()}
                    if len(left):
                        batch = {name: np.concatenate([left_data[name], array]) for name, array in batch.items()}
                    yield np.concatenate([left, part[chosen]]), batch
                    left = rows[:0]
                left_data = {
                    name: np.concatenate([left_data[name][: len(left)], _take(array, order)])
                    for name, array in data.items()
                }
                left = np.concatenate([left, part[order]])

    def _read_sorted(self, rows: Rows) -> Arrays:
        """Data of rows in ascending order of shard and row within it."""
        data = {name: np.empty((len(rows), *shape), np.float32) for name, shape in self.shapes.items()}
        edges = np.searchsorted(self._shard[rows], np.arange(len(self._shards) + 1))
        for shard in np.unique(self._shard[rows]):
            here = slice(edges[shard], edges[shard + 1])
            try:
                for name, array in self._arrays[shard].items():
                    _read_rows(array, self._row[rows[here]], data[name][here])
            except (OSError, ValueError) as error:
                raise DarksieveError(
                    f"is damaged: {error}", where=f"shard {self._shards[shard]}",
                    mend="`darksieve store verify --remove` it and rerun",
                ) from error  # fmt: skip
        return data


Source = MemorySource | StreamedSource


def _permutation(n: int, generator: torch.Generator) -> Rows:
    return torch.randperm(n, generator=generator).numpy()


def _take(array: NDArray[np.float32], rows: Rows) -> NDArray[np.float32]:
    """Rows of an array; torch, unlike NumPy, lets other threads run meanwhile."""
    return torch.from_numpy(array).index_select(0, torch.from_numpy(rows)).numpy()


def _read_rows(array: StoredArray, rows: Rows, out: NDArray[np.float32]) -> None:
    """Read ascending rows of a stored array; chunks that are wanted whole go straight to their place."""
    chunk = array.chunk
    numbers, first, wanted = np.unique(rows // chunk, return_index=True, return_counts=True)
    whole = wanted == chunk
    cuts = np.flatnonzero(np.diff(whole) | ~whole[1:]) + 1
    for run in np.split(np.arange(len(numbers)), cuts):
        place = slice(first[run[0]], first[run[-1]] + wanted[run[-1]])
        if whole[run[0]]:
            array.read_chunks(numbers[run], out[place])
        else:
            buffer = np.empty((chunk, *out.shape[1:]), array.dtype)
            array.read_chunks(numbers[run], buffer)
            out[place] = buffer[rows[place] - numbers[run[0]] * chunk]
