"""One shard on disk: a Zarr v3 group that is complete or not there.

A shard holds `z (n, P)`, `index (n,)`, `point (n, P + 1)` (place in the prior's unit cube, and mark), `status (n,)` and
one array a data name, each a single sharded file whose chunks carry checksums. It is written beside its place and
renamed, so that readers and other writers never see half of one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from darksieve.problem.errors import DarksieveError
from darksieve.store.region import Points

__all__ = [
    "FORMAT",
    "Shard",
    "Simulations",
    "Status",
    "checksums",
    "read_points",
    "read_shard",
    "read_table",
    "refuse_lost_data",
    "shard_attributes",
    "write_shard",
]

FORMAT = 2
ROWS_PER_CHUNK = 64


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


def checksums(arrays: Mapping[str, NDArray[Any]]) -> dict[str, str]:
    """sha256 of the bytes of each array, as a manifest records them."""
    return {name: _checksum(values) for name, values in arrays.items()}


def _checksum(values: NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(values).view(np.uint8).data if values.size else b"").hexdigest()


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
    import zarr

    if not Path(path).is_dir():
        return None
    try:
        attributes: dict[str, Any] = dict(zarr.open_group(path, mode="r").attrs)
    except Exception:
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


def refuse_lost_data(path: Path, names: Sequence[str]) -> None:
    """Refuse a shard of which a data file is lost or empty: Zarr would give zeros.

    Raises
    ------
    DarksieveError
        If there is none for one of the arrays `names`.
    """
    for name in names:
        files = [f for f in (path / "x" / name).rglob("*") if f.is_file() and f.name != "zarr.json"]
        if not any(file.stat().st_size for file in files):
            raise DarksieveError(
                f"is damaged: no data of {name}", where=f"shard {path}", mend="the next run remakes it"
            )


def _open(path: Path) -> tuple[Callable[[str], NDArray[Any]], dict[str, Any]]:
    """A function that reads an array of a shard and verifies it, and the shard's attributes."""
    import zarr

    attributes = shard_attributes(path)
    if attributes is None:
        raise DarksieveError("is absent or incomplete", where=f"shard {path}", mend="delete its manifest and rerun")
    group = zarr.open_group(path, mode="r")

    def read(name: str) -> NDArray[Any]:
        try:
            values = np.asarray(group[name])
            if _checksum(values) != attributes["sha256"][name]:  # Zarr gives zeros for a file that is lost
                raise ValueError("its content is not what was written")
        except Exception as error:
            raise DarksieveError(
                f"is damaged, array {name}: {error}",
                where=f"shard {path}",
                mend="the next run remakes it",
            ) from error
        return values

    return read, attributes


def _points(point: NDArray[np.float64], index: NDArray[np.uint64]) -> Points:
    return Points(point[:, :-1], point[:, -1], index)


def _write_group(path: Path, shard: Shard, attributes: Mapping[str, Any]) -> None:
    import zarr
    from zarr.codecs import Crc32cCodec, ZstdCodec

    chunk = max(1, min(ROWS_PER_CHUNK, len(shard)))
    whole = max(1, -(-len(shard) // chunk)) * chunk  # a Zarr shard is a multiple of its chunks
    group = zarr.create_group(store=path, zarr_format=3, overwrite=True)
    for name, values in shard.arrays.items():
        array = group.create_array(
            name,
            shape=values.shape,
            dtype=values.dtype,
            chunks=(chunk, *values.shape[1:]),
            shards=(whole, *values.shape[1:]),
            compressors=(ZstdCodec(level=1), Crc32cCodec()),
        )
        array[:] = values
    own = {"format": FORMAT, "rows": len(shard), "data": list(shard.simulations.x), "failures": list(shard.failures)}
    own["sha256"] = checksums(shard.arrays)
    complete: dict[str, Any] = {**attributes, **own, "complete": True}
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
