"""Arrays of a shard: Zarr v3's sharded layout, written and read directly.

An array is one file of chunks of rows, each followed by its CRC-32C, with an index at the end, as Zarr's codec
`sharding_indexed` has it: any Zarr reader can read it. Zarr's own library writes and reads it several times slower (see
`benchmarks/store_speed.py`), and gives zeros for a file that is lost.

References: Zarr specification version 3; Zarr enhancement proposal 2 (sharding codec), sections on the shard's binary
format and its index.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
from numpy.typing import NDArray

__all__ = ["StoredArray", "write_array"]

CHUNK_ROWS = 64
CHUNK_BYTES = 2**23
CRC_BYTES = 4
INDEX_ENTRY = np.dtype([("offset", "<u8"), ("size", "<u8")])


def write_array(group: Any, name: str, values: NDArray[Any]) -> dict[str, Any]:
    """Write values (n, ...) as the array `name` of an open Zarr group, and return what is needed to read them.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    from zarr.codecs import Crc32cCodec

    rows = len(values)
    chunk = _chunk_rows(values)
    chunks = -(-rows // chunk)
    group.create_array(
        name,
        shape=values.shape,
        dtype=values.dtype,
        chunks=(chunk, *values.shape[1:]),
        shards=(max(1, chunks) * chunk, *values.shape[1:]),
        compressors=(Crc32cCodec(),),
    )
    crcs = np.empty(chunks, "<u4")
    if rows:
        path = group.store.root / name / Path("c", *["0"] * values.ndim)
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb") as stream:
            for number in range(chunks):
                data = _bytes(_padded(values[number * chunk : (number + 1) * chunk], chunk))
                crcs[number] = google_crc32c.value(data)
                stream.write(data.data)
                stream.write(crcs[number].tobytes())
            index = np.empty(chunks, INDEX_ENTRY)
            index["size"] = data.size + CRC_BYTES
            index["offset"] = np.arange(chunks) * index["size"]
            stream.write(index.tobytes())
            stream.write(np.array(google_crc32c.value(_bytes(index)), "<u4").tobytes())
    return {"shape": list(values.shape), "dtype": values.dtype.str, "chunk": chunk, "digest": _digest(crcs)}


@dataclass(frozen=True)
class StoredArray:
    """An array on disk; every chunk that is read is verified.

    Attributes
    ----------
    folder : Path
        Folder of the array in its group.
    shape : tuple of int
    dtype : str
    chunk : int
        Rows a chunk.
    digest : str
        Digest of the checksums of all chunks.
    """

    folder: Path
    shape: tuple[int, ...]
    dtype: str
    chunk: int
    digest: str

    @classmethod
    def from_record(cls, group: Path, name: str, record: dict[str, Any]) -> StoredArray:
        """The array that `write_array` described."""
        return cls(group / name, tuple(record["shape"]), record["dtype"], record["chunk"], record["digest"])

    def check_size(self) -> None:
        """Check that the file is as long as it must be, without reading it.

        Raises
        ------
        ValueError, OSError
            If it is not, or is not there.
        """
        if self._chunks and self._path.stat().st_size != self._index_offset + self._index_size:
            raise ValueError("its file has not the length that was written")

    def read(self) -> NDArray[Any]:
        """The whole array.

        Raises
        ------
        ValueError, OSError
            If its content is not what was written.
        """
        values = np.empty((self._chunks * self.chunk, *self.shape[1:]), self.dtype)
        crcs = self.read_chunks(np.arange(self._chunks), values)
        if _digest(crcs) != self.digest:
            raise ValueError("its content is not what was written")
        return values[: self.shape[0]]

    def read_chunks(self, numbers: NDArray[np.int64], out: NDArray[Any]) -> NDArray[Any]:
        """Read chunks, one after the other, into rows of a contiguous array; return their checksums.

        Raises
        ------
        ValueError, OSError
            If a chunk is not what was written.
        """
        crcs = np.empty(len(numbers), "<u4")
        if not len(numbers):
            return crcs
        size, target = self._chunk_bytes, _bytes(out)
        crc_bytes = _bytes(crcs)
        descriptor = os.open(self._path, os.O_RDONLY)
        try:
            offsets = self._read_index(descriptor)[numbers]
            for place, (number, offset) in enumerate(zip(numbers.tolist(), offsets.tolist())):
                data = target[place * size : (place + 1) * size]
                crc = crc_bytes[place * CRC_BYTES : (place + 1) * CRC_BYTES]
                if os.preadv(descriptor, [data.data, crc.data], offset) != size + CRC_BYTES:
                    raise ValueError(f"chunk {number} is cut short")
                if google_crc32c.value(data) != crcs[place]:
                    raise ValueError(f"chunk {number} is not what was written")
        finally:
            os.close(descriptor)
        return crcs

    def _read_index(self, descriptor: int) -> NDArray[np.int64]:
        """Offsets of all chunks."""
        data = np.frombuffer(os.pread(descriptor, self._index_size, self._index_offset), np.uint8)
        if len(data) != self._index_size:
            raise ValueError("the index is cut short")
        index = data[:-CRC_BYTES].view(INDEX_ENTRY)
        if google_crc32c.value(data[:-CRC_BYTES]) != data[-CRC_BYTES:].view("<u4")[0]:
            raise ValueError("the index is not what was written")
        return index["offset"].astype(np.int64)

    @property
    def _path(self) -> Path:
        return self.folder.joinpath("c", *["0"] * len(self.shape))

    @property
    def _chunks(self) -> int:
        return -(-self.shape[0] // self.chunk)

    @property
    def _chunk_bytes(self) -> int:
        return self.chunk * int(np.prod(self.shape[1:])) * np.dtype(self.dtype).itemsize

    @property
    def _index_offset(self) -> int:
        return self._chunks * (self._chunk_bytes + CRC_BYTES)

    @property
    def _index_size(self) -> int:
        return self._chunks * INDEX_ENTRY.itemsize + CRC_BYTES


def _chunk_rows(values: NDArray[Any]) -> int:
    """Rows a chunk: a power of two, unless all rows fit in one."""
    chunk = CHUNK_ROWS
    while chunk > 1 and chunk * values[:1].nbytes > CHUNK_BYTES:
        chunk //= 2
    return max(1, min(chunk, len(values)))


def _padded(values: NDArray[Any], rows: int) -> NDArray[Any]:
    """Values with rows of zeros behind them."""
    if len(values) == rows:
        return np.ascontiguousarray(values)
    whole = np.zeros((rows, *values.shape[1:]), values.dtype)
    whole[: len(values)] = values
    return whole


def _bytes(values: NDArray[Any]) -> NDArray[np.uint8]:
    """The memory of a contiguous array."""
    return values.reshape(-1).view(np.uint8)


def _digest(crcs: NDArray[Any]) -> str:
    return hashlib.sha256(crcs.tobytes()).hexdigest()
