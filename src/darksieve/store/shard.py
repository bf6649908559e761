"""One shard on disk: a Zarr v3 group that is complete or not there.

A shard holds `z (n, P)`, `index (n,)` and one array a data name, each a single sharded file whose chunks carry
checksums. It is written beside its place and renamed, so that readers and other writers never see half of one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from darksieve.problem.errors import DarksieveError

__all__ = ["FORMAT", "Simulations", "read_shard", "shard_attributes", "write_shard"]

FORMAT = 1
ROWS_PER_CHUNK = 64


@dataclass(frozen=True)
class Simulations:
    """Simulations in memory: z (n, P) float32 in physical units, x a dict of arrays (n, ...), index (n,) uint64."""

    z: NDArray[np.float32]
    x: dict[str, NDArray[np.float32]]
    index: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.z)

    def head(self, rows: int) -> Simulations:
        """The first `rows` simulations."""
        return Simulations(self.z[:rows], {name: array[:rows] for name, array in self.x.items()}, self.index[:rows])

    @classmethod
    def concatenate(cls, parts: list[Simulations]) -> Simulations:
        """Several shards as one."""
        return cls(
            np.concatenate([part.z for part in parts]),
            {name: np.concatenate([part.x[name] for part in parts]) for name in parts[0].x},
            np.concatenate([part.index for part in parts]),
        )

    def checksums(self) -> dict[str, str]:
        """sha256 of the bytes of each array, as a manifest records them."""
        arrays: dict[str, NDArray[Any]] = {"z": self.z, "index": self.index, **self.x}
        return {name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in arrays.items()}


def write_shard(path: Path, simulations: Simulations, attributes: Mapping[str, Any]) -> None:
    """Write a shard at `path`; a complete one that is already there with as many rows stays.

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
            _write_group(part, simulations, attributes)
            _put_in_place(part, path, len(simulations))
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
    return attributes if attributes.get("complete") else None


def read_shard(path: Path) -> Simulations:
    """Read a shard into memory, verifying its checksums.

    Raises
    ------
    DarksieveError
        If the shard is absent, incomplete or damaged.
    """
    import zarr

    attributes = shard_attributes(path)
    if attributes is None:
        raise DarksieveError("is absent or incomplete", where=f"shard {path}", mend="delete its manifest and rerun")
    try:
        group = zarr.open_group(path, mode="r")
        x = {name: np.asarray(group[f"x/{name}"]) for name in attributes["data"]}
        return Simulations(np.asarray(group["z"]), x, np.asarray(group["index"]))
    except Exception as error:
        raise DarksieveError(
            f"is damaged: {error}", where=f"shard {path}", mend="delete this shard and its manifest and rerun"
        ) from error


def _write_group(path: Path, simulations: Simulations, attributes: Mapping[str, Any]) -> None:
    import zarr
    from zarr.codecs import Crc32cCodec, ZstdCodec

    rows = len(simulations)
    chunk = min(ROWS_PER_CHUNK, rows)
    whole = -(-rows // chunk) * chunk  # a Zarr shard is a multiple of its chunks
    group = zarr.create_group(store=path, zarr_format=3, overwrite=True)
    arrays: dict[str, NDArray[Any]] = {
        "z": simulations.z,
        "index": simulations.index,
        **{f"x/{n}": a for n, a in simulations.x.items()},
    }
    for name, values in arrays.items():
        array = group.create_array(
            name,
            shape=values.shape,
            dtype=values.dtype,
            chunks=(chunk, *values.shape[1:]),
            shards=(whole, *values.shape[1:]),
            compressors=(ZstdCodec(level=1), Crc32cCodec()),
        )
        array[:] = values
    group.attrs.update({**attributes, "format": FORMAT, "rows": rows, "data": list(simulations.x), "complete": True})


def _put_in_place(part: Path, path: Path, rows: int) -> None:
    """Rename a finished shard to its place, unless another writer was first."""
    present = shard_attributes(path)
    if present is not None and present["rows"] >= rows:
        return
    if path.exists():
        path.rename(Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent)) / "replaced")
    try:
        os.rename(part, path)
    except OSError:
        present = shard_attributes(path)
        if present is None or present["rows"] < rows:
            raise
