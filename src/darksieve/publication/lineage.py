"""Where each file comes from: the jobs between raw data and results, with the checksum of every file.

The workflow says which job made which files of which others; this reads the files and follows the jobs back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from darksieve.problem.errors import DarksieveError
from darksieve.problem.provenance import digest, file_digest

__all__ = ["Job", "expand_ranges", "file_digests", "find_record", "lineage", "read_jobs", "store_record"]

RECORD = "provenance.json"
SHOWN = 16  # digits of a checksum that a tree shows


@dataclass(frozen=True)
class Job:
    """One job: its rule, the files it read and wrote, and what else its results depend on (config, code), by name."""

    rule: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    params: Mapping[str, str]


def read_jobs(record: Sequence[Mapping[str, Any]]) -> list[Job]:
    """Jobs from JSON types, their files' ranges written out."""
    return [
        Job(job["rule"], expand_ranges(job["inputs"]), expand_ranges(job["outputs"]), dict(job["params"]))
        for job in record
    ]


def expand_ranges(files: Sequence[str]) -> tuple[str, ...]:
    """Write out the files of a shell's range: `shard-{0..2}.json` stands for three."""
    found: list[str] = []
    for file in files:
        match = re.fullmatch(r"(.*)\{0\.\.(\d+)\}(.*)", file)
        found += [f"{match[1]}{i}{match[3]}" for i in range(int(match[2]) + 1)] if match else [file]
    return tuple(found)


def file_digests(jobs: Sequence[Job], root: Path) -> dict[str, str]:
    """The sha256 of every file that a job read or wrote, by path relative to the root.

    Raises
    ------
    DarksieveError
        If one is missing.
    """
    names = sorted({name for job in jobs for name in (*job.inputs, *job.outputs)})
    for name in names:
        if not (root / name).is_file():
            raise DarksieveError("is missing, though a result rests on it", where=name, mend="run the workflow again")
    return {name: file_digest(root / name) for name in names}


def store_record(jobs: Sequence[Job], root: Path) -> dict[str, dict[str, Any]]:
    """What each draw (`.../round-1`) added to the store: shards, simulations, and a digest of all arrays."""
    draws: dict[str, list[dict[str, Any]]] = {}
    for job in jobs:
        for name in job.outputs if job.rule == "simulate" else ():
            manifest = json.loads((root / name).read_text())
            if "digests" in manifest:
                draws.setdefault(str(Path(name).parent), []).append(manifest)
    return {
        draw: {
            "pool": str(Path(manifests[0]["shard"]).parent),
            "shards": len(manifests),
            "simulations": sum(manifest["rows"] for manifest in manifests),
            "digest": digest([manifest["digests"] for manifest in manifests]),
        }
        for draw, manifests in draws.items()
    }


def find_record(file: Path) -> Path:
    """The `provenance.json` in the folder of a file or in one above it.

    Raises
    ------
    DarksieveError
        If there is none.
    """
    for folder in file.resolve().parents:
        if (folder / RECORD).is_file():
            return folder / RECORD
    raise DarksieveError(f"no {RECORD} beside it or above it", where=file, mend="run `snakemake` to its end")


def lineage(record: Mapping[str, Any], name: str, root: Path) -> Iterator[str]:
    """Lines of a tree: a file, the job that made it, and below it the files that this job read, down to raw data.

    Each line has a file's checksum as recorded, and says where the file is another now. What a job read stands in the
    tree once, as near to the top as possible, and a raw file that several jobs read below the first of them only.

    Parameters
    ----------
    record : mapping
        What `provenance.json` holds.
    name : str
        The file, as recorded.
    root : Path
        The folder that paths are relative to.

    Raises
    ------
    DarksieveError
        If the record knows no such file.
    """
    files = record["files"]
    if name not in files:
        raise DarksieveError("is no result of these jobs", where=name, mend=f"{RECORD} lists all")
    makers = {output: job for job in read_jobs(record["jobs"]) for output in job.outputs}
    places = _places(makers, name)

    def line(file: str, indent: str, expanded: bool) -> str:
        job = makers.get(file)
        made = "given" if job is None else " ".join([job.rule, *(job.params.values() if expanded else ())])
        return f"{indent}{file}  {files[file][:SHOWN]}{_state(root / file, files[file])}  {made}"

    def branches(file: str, indent: str) -> Iterator[str]:
        job = makers.get(file)
        shown = [each for each in job.inputs if each in makers or places[each] == file] if job else []
        for each in shown:
            corner, bar = ("└─ ", "   ") if each == shown[-1] else ("├─ ", "│  ")
            expanded = places.get(each) == file
            yield line(each, indent + corner, expanded)
            if expanded:
                yield from branches(each, indent + bar)

    yield line(name, "", True)
    yield from branches(name, "")


def _places(makers: Mapping[str, Job], name: str) -> dict[str, str]:
    """Below which file each file's own inputs are written out: the first on a breadth-first way back from the result.

    Of the files of one job, that is the one which is met first.
    """
    places, waiting, visited = {name: ""}, [name], set(makers[name].outputs) if name in makers else set()
    while waiting:
        file = waiting.pop(0)
        for each in makers[file].inputs if file in makers else ():
            if each not in places and each not in visited:
                places[each] = file
                visited.update(makers[each].outputs if each in makers else (each,))
                waiting.append(each)
    return places


def _state(path: Path, recorded: str) -> str:
    if not path.is_file():
        return " (gone)"
    return "" if file_digest(path) == recorded else " (CHANGED since)"
