"""What a store holds, whether it is sound, and what no experiment needs."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from darksieve.problem.errors import DarksieveError
from darksieve.store.shard import read_shard, shard_attributes

__all__ = ["Entry", "list_simulators", "remove_simulators", "verify"]


@dataclass(frozen=True)
class Entry:
    """The simulations of one simulator, as its folder in the store holds them.

    Attributes
    ----------
    fingerprint : str
        Name of the folder.
    simulator : str
        Class of the simulator.
    parameters : tuple of str
    shards, simulations : int
        How many.
    size : int
        Bytes on disk, with unfinished shards.
    files : int
    """

    fingerprint: str
    simulator: str
    parameters: tuple[str, ...]
    shards: int
    simulations: int
    size: int
    files: int


def list_simulators(store: Path) -> list[Entry]:
    """One entry a simulator, largest first."""
    entries = []
    for folder in _folders(store):
        attributes = [found for path in _shards(folder) if (found := shard_attributes(path)) is not None]
        files = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
        simulator, parameters = (
            (attributes[0]["simulator"]["class"], attributes[0]["parameters"]) if attributes else ("?", [])
        )
        entries.append(
            Entry(
                folder.name,
                simulator,
                tuple(parameters),
                len(attributes),
                sum(found["rows"] for found in attributes),
                sum(files),
                len(files),
            )
        )
    return sorted(entries, key=lambda entry: -entry.size)


def verify(store: Path) -> Iterator[tuple[Path, str | None]]:
    """Read every shard: its path, and what is wrong with it or None."""
    for folder in _folders(store):
        for path in _shards(folder):
            try:
                read_shard(path)
            except DarksieveError as error:
                yield path, str(error)
            else:
                yield path, None


def remove_simulators(store: Path, needed: Collection[str], *, really: bool) -> list[Entry]:
    """Remove the simulations of every simulator whose fingerprint is not needed, or only say which they are.

    Raises
    ------
    DarksieveError
        If a folder cannot be removed.
    """
    found = [entry for entry in list_simulators(store) if entry.fingerprint not in needed]
    if really:
        for entry in found:
            try:
                shutil.rmtree(Path(store) / entry.fingerprint)
            except OSError as error:
                raise DarksieveError(
                    f"cannot be removed: {error.strerror or error}", where=f"store {store}/{entry.fingerprint}",
                    mend="mend permissions",
                ) from error  # fmt: skip
    return found


def _folders(store: Path) -> list[Path]:
    if not Path(store).is_dir():
        raise DarksieveError("no such folder", where=f"store {store}", mend="name the folder of a simulation store")
    return sorted(path for path in Path(store).iterdir() if path.is_dir() and not path.name.startswith("."))


def _shards(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/[!.]*.zarr"))
