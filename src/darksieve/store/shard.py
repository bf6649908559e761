"""One shard on disk: a Zarr v3 group that is complete or not there.

A shard holds `z (n, P)`, `index (n,)`, `point (n, P + 1)` (place in the prior's unit cube, and mark), `status (n,)` and
one array a data name, each a single sharded file whose chunks carry checksums. It is written beside its place and
renamed, so that readers and other writers never see half of one.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from darksieve.problem.errors import DarksieveError
from darksieve.store.arrays import StoredArray, write_array
from darksieve.store.region import Points

__all__ = [
    "FORMAT",
    "Shard",
    "Simulations",
    "Status",
    "read_points",
    "read_shard",
    "read_table",
    "shard_attributes",
    "stored_data",
    "write_shard",
]

FORMAT = 3


class Status(IntEnum):
    """What became of a simulation."""

    OK = 0
    FAILED = 1
    NOT_FINITE = 2
    TIMED_OUT = 3


@dataclass(frozen=True)
class Simulations:
    """Simulations in memory: z (n, P) float32 in physical units, x a dict of arrays (n, ...), index (n,) uint64."""

    z: NDArray[np.float32]
    x: dict[str, NDArray[np.float32]]
    index: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.z)

    def __getitem__(self, rows: NDArray[Any] | slice) -> Simulations:
        return Simulations(self.z[rows], {name: array[rows] for name, array in self.x.items()}, self.index[rows])

    def head(self, rows: int) -> Simulations:
        """The first `rows` simulations."""
        return self[:rows]

    @classmethod
    def concatenate(cls, parts: Sequence[Simulations]) -> Simulations:
        """Several sets of simulations as one."""
        return cls(
            np.concatenate([part.z for part in parts]),
            {name: np.concatenate([part.x[name] for part in parts]) for name in parts[0].x},
            np.concatenate([part.index for part in parts]),
        )


@dataclass(frozen=True)
class Shard:
    """Simulations, their points, and what became of them; the data of those that are not ok are zeros.

    `failures` says for each simulation that is not ok its row, state, message and parameters.
    """

    simulations: Simulations
    points: Points
    status: NDArray[np.uint8]
    failures: Sequence[dict[str, Any]] = ()

    def __len__(self) -> int:
        return len(self.status)

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """All arrays by their names in the group."""
        s = self.simulations
        point = np.column_stack([self.points.unit, self.points.mark])
        return {"z": s.z, "index": s.index, "point": point, "status": self.status,
                **{f"x/{n}": a for n, a in s.x.items()}}  # fmt: skip


def write_shard(path: Path, shard: Shard, attributes: Mapping[str, Any]) -> None:
    """Write a shard at `path`; a complete one that is already there stays.

    Raises
    ------
    DarksieveError
        If the folder cannot be written or the disk is full.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        try:
            _write_group(part, shard, attributes)
            _put_in_place(part, path)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        raise DarksieveError(
            f"cannot be written: {error.strerror or error}",
            where=f"shard {path}",
            mend="free space or mend permissions",
        ) from error


def shard_attributes(path: Path) -> dict[str, Any] | None:
    """Attributes of a complete shard; None where there is none.

    Raises
    ------
    DarksieveError
        If the shard was written by a newer darksieve.
    """
    try:
        attributes: dict[str, Any] = json.loads((Path(path) / "zarr.json").read_text())["attributes"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if attributes.get("format", 0) > FORMAT:
        raise DarksieveError(
            f"is of format {attributes['format']}, this darksieve reads {FORMAT}", where=f"shard {path}",
            mend="use the newer darksieve or another store",
        )  # fmt: skip
    return attributes if attributes.get("complete") and attributes.get("format") == FORMAT else None


def read_points(path: Path) -> Points:
    """Where the simulations of a shard lie, without their data.

    Raises
    ------
    DarksieveError
        If the shard is absent, incomplete or damaged.
    """
    read = _open(path)[0]
    return _points(read("point"), read("index"))


def read_shard(path: Path) -> Shard:
    """Read a shard into memory, verifying its checksums.

    Raises
    ------
    DarksieveError
        If the shard is absent, incomplete or damaged.
    """
    read, attributes = _open(path)
    index = read("index")
    x = {name: read(f"x/{name}") for name in attributes["data"]}
    return Shard(
        Simulations(read("z"), x, index), _points(read("point"), index), read("status"), attributes["failures"]
    )


def read_table(path: Path) -> tuple[NDArray[np.float32], Points, NDArray[np.uint8]]:
    """Parameters z (n, P), points and states of a shard, without its data.

    Raises
    ------
    DarksieveError
        If the shard is absent, incomplete or damaged.
    """
    read = _open(path)[0]
    return read("z"), _points(read("point"), read("index")), read("status")


def stored_data(path: Path) -> dict[str, StoredArray]:
    """The data arrays of a shard, to be read in parts.

    Raises
    ------
    DarksieveError
        If the shard is absent or incomplete, or the file of an array has not its length.
    """
    attributes = _complete(path)
    found = {}
    for name in attributes["data"]:
        array = StoredArray.from_record(path, f"x/{name}", attributes["arrays"][f"x/{name}"])
        with _named(path, f"x/{name}"):
            array.check_size()
        found[name] = array
    return found


def _open(path: Path) -> tuple[Callable[[str], NDArray[Any]], dict[str, Any]]:
    """A function that reads an array of a shard and verifies it, and the shard's attributes."""
    attributes = _complete(path)

    def read(name: str) -> NDArray[Any]:
        with _named(path, name):
            return StoredArray.from_record(path, name, attributes["arrays"][name]).read()

    return read, attributes


def _complete(path: Path) -> dict[str, Any]:
    attributes = shard_attributes(path)
    if attributes is None:
        raise DarksieveError("is absent or incomplete", where=f"shard {path}", mend="delete its manifest and rerun")
    return attributes


@contextmanager
def _named(path: Path, name: str) -> Iterator[None]:
    """Say of which shard and array it is that cannot be read."""
    try:
        yield
    except (OSError, ValueError, KeyError) as error:
        raise DarksieveError(
            f"is damaged, array {name}: {error}",
            where=f"shard {path}",
            mend="the next run remakes it",
        ) from error


def _points(point: NDArray[np.float64], index: NDArray[np.uint64]) -> Points:
    return Points(point[:, :-1], point[:, -1], index)


def _write_group(path: Path, shard: Shard, attributes: Mapping[str, Any]) -> None:
    import zarr

    group = zarr.create_group(store=path, zarr_format=3, overwrite=True)
    arrays = {name: write_array(group, name, values) for name, values in shard.arrays.items()}
    own = {"format": FORMAT, "rows": len(shard), "data": list(shard.simulations.x), "failures": list(shard.failures)}
    complete: dict[str, Any] = {**attributes, **own, "arrays": arrays, "complete": True}
    group.attrs.update(complete)


def _put_in_place(part: Path, path: Path) -> None:
    """Rename a finished shard to its place, unless another writer was first."""
    if shard_attributes(path) is not None:
        return
    if path.exists():
        path.rename(Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent)) / "replaced")
    try:
        os.rename(part, path)
    except OSError:
        if shard_attributes(path) is None:
            raise
