"""Filling the store: each shard of a plan, made once, or found."""

from __future__ import annotations

import importlib.metadata
import json
import logging
import os
import shutil
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from darksieve.problem.errors import DarksieveError
from darksieve.problem.experiment import Experiment
from darksieve.problem.interruption import Interruption
from darksieve.store.attempt import BLOCK, Block, simulate_block, simulator_call
from darksieve.store.plan import Part, Plan
from darksieve.store.reader import MemorySource, Source, StreamedSource
from darksieve.store.shard import (
    Shard,
    Simulations,
    Status,
    read_shard,
    read_table,
    shard_attributes,
    stored_data,
    write_shard,
)

__all__ = ["open_simulations", "provenance", "read_simulations", "simulate_shard"]

log = logging.getLogger(__name__)
Content = TypeVar("Content")
SECONDS_BETWEEN_LINES = 10.0
SECONDS_BETWEEN_SAVES = 15.0


def simulate_shard(
    experiment: Experiment, plan: Plan, name: str, store: Path, interruption: Interruption | None = None
) -> dict[str, Any]:
    """Make one shard of a plan, or find it in the store, and return its manifest.

    What was simulated is saved every few seconds, so that a shard that was interrupted goes on where it was. Processes
    that want the same shard wait for the one that makes it. A damaged shard is made again.

    Parameters
    ----------
    experiment : Experiment
        Whose simulator is used.
    plan : Plan
        Says which points the shard holds.
    name : str
        The shard.
    store : Path
        Folder of the simulation store.
    interruption : Interruption, optional
        Asked after every block of simulations; what was simulated is saved first.

    Raises
    ------
    DarksieveError
        If more simulations than allowed went wrong, the shard cannot be written, or a signal came.
    """
    path = _shard_path(store, plan, name)
    shard = _find(path)
    made = shard is None
    if shard is None:
        partial, lock = (path.with_name(f".{name}.{suffix}") for suffix in ("partial", "lock"))
        try:
            partial.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(lock):
                shard = _find(path)
                made = shard is None
                if shard is None:
                    _remove_leftovers(path, keep=(partial, lock))
                    partial.mkdir(exist_ok=True)
                    shard = _simulate(experiment, plan, name, partial, interruption)
                    write_shard(path, shard, provenance(experiment, plan.parts[name]))
        except OSError as error:
            raise DarksieveError(
                f"cannot be written: {error.strerror or error}", where=f"shard {path}",
                mend="free space or mend permissions",
            ) from error  # fmt: skip
    _remove_leftovers(path)  # who waits for the lock, or makes it anew, finds the shard
    log.info("shard %s: %d simulations %s", name, len(shard), "made" if made else "found in the store")
    _refuse_failures(experiment, shard)
    return {
        "shard": path.relative_to(store).as_posix(),
        "rows": len(shard),
        "made": made,
        "states": _count_states(shard),
        "failures": list(shard.failures),
        "digests": _recorded_digests(path),
    }


def read_simulations(experiment: Experiment, plan: Plan, manifests: Iterable[Path], store: Path) -> Simulations:
    """Read the simulations of a plan: those in its box, each once, that did not go wrong.

    A damaged shard is named and made again.

    Parameters
    ----------
    experiment : Experiment
        Whose simulator remakes what is damaged.
    plan : Plan
        Says which shards and which of their rows.
    manifests : iterable of Path
        Manifests of the shards that were made for this plan.
    store : Path
        Folder of the simulation store.

    Raises
    ------
    DarksieveError
        If the content of a shard is not what its manifest says, or nothing is left.
    """
    wanted = {Path(record["shard"]).stem: record["digests"] for record in _records(manifests) if record["shard"]}
    shards: dict[str, Shard] = {}
    for name in plan.names:
        path = _shard_path(store, plan, name)
        shard = _read_or_remake(read_shard, experiment, plan, name, store)
        if name in wanted and _recorded_digests(path) != wanted[name]:
            raise DarksieveError(
                "holds other simulations than its manifest says", where=f"shard {path}",
                mend="delete the manifest and rerun",
            )  # fmt: skip
        shards[name] = shard
    rows = plan.select({name: shard.points for name, shard in shards.items()})
    parts = [s.simulations[rows[name][s.status[rows[name]] == Status.OK]] for name, s in shards.items()]
    parts = [part for part in parts if len(part)]
    if not parts:
        raise DarksieveError("no simulation is left", where=f"plan of {plan.wanted}", mend="ask for more simulations")
    return Simulations.concatenate(parts)


def open_simulations(experiment: Experiment, plan: Plan, manifests: Iterable[Path], store: Path) -> Source:
    """The simulations of a plan for training: in memory, or streamed where they exceed `training.memory`.

    Raises
    ------
    DarksieveError
        As `read_simulations`.
    """
    paths = {name: _shard_path(store, plan, name) for name in plan.names}
    tables = {name: _read_or_remake(read_table, experiment, plan, name, store) for name in plan.names}
    memory = 1e9 * experiment.config.training.memory
    shapes = {name: array.shape[1:] for name, array in stored_data(next(iter(paths.values()))).items()}
    row_bytes = 4 * sum(int(np.prod(shape)) for shape in shapes.values())
    if (plan.reused_simulations + plan.new_simulations) * row_bytes <= memory:
        return MemorySource(read_simulations(experiment, plan, manifests, store))
    rows = plan.select({name: points for name, (_, points, _) in tables.items()})
    used = {name: rows[name][status[rows[name]] == Status.OK] for name, (_, _, status) in tables.items()}
    used = {name: chosen for name, chosen in used.items() if len(chosen)}
    log.info("%d simulations are streamed from the store", sum(map(len, used.values())))
    z = np.concatenate([tables[name][0][chosen] for name, chosen in used.items()])
    return StreamedSource([(paths[name], chosen) for name, chosen in used.items()], z, shapes, memory)


def _read_or_remake(
    read: Callable[[Path], Content], experiment: Experiment, plan: Plan, name: str, store: Path
) -> Content:
    """Read a shard; one that is absent or damaged is named and made again."""
    path = _shard_path(store, plan, name)
    try:
        return read(path)
    except DarksieveError as error:
        log.warning("%s: it is made again", error)
        simulate_shard(experiment, plan, name, store)
        return read(path)


def _records(manifests: Iterable[Path]) -> list[dict[str, Any]]:
    return [json.loads(Path(path).read_text()) for path in manifests]


def _recorded_digests(path: Path) -> dict[str, str]:
    """Digest of each array of a shard, which its reading has verified."""
    return {name: record["digest"] for name, record in (shard_attributes(path) or {}).get("arrays", {}).items()}


def _shard_path(store: Path, plan: Plan, name: str) -> Path:
    return Path(store) / plan.pool / f"{name}.zarr"


def _find(path: Path) -> Shard | None:
    """A complete and undamaged shard; a damaged one is named and moved aside."""
    if shard_attributes(path) is None:
        return None
    try:
        return read_shard(path)
    except DarksieveError as error:
        log.warning("%s", error)
    aside = path.with_name(f".{path.stem}.damaged-{os.getpid()}")
    try:
        path.rename(aside)
    except FileNotFoundError:  # another process was first
        return None
    except OSError as error:
        raise DarksieveError(
            f"is damaged and cannot be removed: {error.strerror}", where=f"shard {path}", mend="mend permissions"
        ) from error
    shutil.rmtree(aside, ignore_errors=True)
    return None


def _remove_leftovers(path: Path, keep: tuple[Path, ...] = ()) -> None:
    """Remove what writers of a shard put beside it, also those that were killed."""
    for left in path.parent.glob(f".{path.stem}.*"):
        if left.is_dir() and left not in keep:
            shutil.rmtree(left, ignore_errors=True)
        elif left not in keep:
            with suppress(OSError):
                left.unlink()


def provenance(experiment: Experiment, part: Part) -> dict[str, Any]:
    """What made the simulations, as a shard records it."""
    return {
        "fingerprint": experiment.fingerprint,
        "simulator": experiment.simulator_identity,
        "parameters": list(experiment.prior.names),
        "units": {p.name: p.unit for p in experiment.prior},
        "prior": experiment.prior.specification(),
        "region": part.region.to_record(),
        "excluded": list(part.excluded),
        "seed": experiment.config.seed,
        "versions": {name: importlib.metadata.version(name) for name in ("darksieve", "torch", "numpy", "zarr")},
    }


def _simulate(experiment: Experiment, plan: Plan, name: str, partial: Path, interruption: Interruption | None) -> Shard:
    """Simulate all points of a shard in blocks, going on from those saved in `partial`."""
    points = plan.new_points(name)
    z = experiment.prior.from_unit(points.unit).astype(np.float32)
    blocks = _load_blocks(partial)
    unsaved: dict[int, Block] = {}
    start = last_line = last_save = time.monotonic()
    numbers = [number for number in range(-(-len(z) // BLOCK)) if number not in blocks]
    with simulator_call(experiment) as call:
        for done, number in enumerate(numbers, 1):
            rows = z[number * BLOCK : (number + 1) * BLOCK]
            unsaved[number] = simulate_block(call, rows, name, number, experiment)
            now = time.monotonic()
            if now - last_line > SECONDS_BETWEEN_LINES or done == len(numbers):
                simulated = min(done * BLOCK, len(z))
                log.info("%d of %d simulations, %.0f a second", simulated, len(z), simulated / (now - start))
                last_line = now
            if interruption or now - last_save > SECONDS_BETWEEN_SAVES:
                _save_blocks(partial, unsaved)
                blocks, unsaved, last_save = blocks | unsaved, {}, now
            if interruption and done < len(numbers):
                raise interruption.error(f"shard {name}, block {done} of {len(numbers)}")
    blocks |= unsaved
    ordered = [blocks[number] for number in sorted(blocks)]
    status = np.concatenate([block.status for block in ordered]) if ordered else np.zeros(0, np.uint8)
    messages = {number * BLOCK + row: text for number, block in blocks.items() for row, text in block.messages.items()}
    failures = [
        {"row": row, "state": Status(status[row]).name.lower(), "message": messages[row],
         "parameters": dict(zip(experiment.prior.names, z[row].tolist()))}
        for row in sorted(messages)
    ]  # fmt: skip
    return Shard(Simulations(z, _join(experiment, ordered, failures), points.index), points, status, failures)


def _join(
    experiment: Experiment, blocks: list[Block], failures: list[dict[str, Any]]
) -> dict[str, NDArray[np.float32]]:
    """The data of all blocks; zeros for blocks in which nothing went well."""
    example = next((block.x for block in blocks if block.x), None)
    if example is None:
        if failures:
            raise DarksieveError(
                f"every simulation went wrong, first at {_show_failure(failures[0])}",
                where=f"simulator {experiment.config.simulator.class_}", mend="mend the simulator",
            )  # fmt: skip
        example = _empty_data(experiment)
    shapes = {name: array.shape[1:] for name, array in example.items()}
    return {
        name: np.concatenate([block.x.get(name, np.zeros((len(block.status), *shape), np.float32)) for block in blocks])
        if blocks
        else np.zeros((0, *shape), np.float32)
        for name, shape in shapes.items()
    }


def _empty_data(experiment: Experiment) -> dict[str, NDArray[np.float32]]:
    """Shapes of the data, from one simulation in the middle of the prior."""
    middle = experiment.prior.from_unit(np.full((1, len(experiment.prior)), 0.5)).astype(np.float32)
    with simulator_call(experiment) as call:
        return simulate_block(call, middle, "shapes", 0, experiment).x


def _save_blocks(partial: Path, blocks: Mapping[int, Block]) -> None:
    """Save finished blocks in one file, whole or not at all."""
    arrays: dict[str, Any] = {}
    for number, block in blocks.items():
        arrays |= {f"{number}/x/{name}": array for name, array in block.x.items()}
        arrays[f"{number}/status"] = block.status
        arrays[f"{number}/messages"] = np.array(json.dumps(block.messages))
    part = partial / "blocks.part"
    with open(part, "wb") as stream:
        np.savez(stream, **arrays)
    os.replace(part, partial / f"blocks-{min(blocks):06d}.npz")


def _load_blocks(partial: Path) -> dict[int, Block]:
    """Blocks that an interrupted job saved; files that cannot be read are ignored."""
    found: dict[int, Block] = {}
    for path in sorted(partial.glob("blocks-*.npz")):
        try:
            with np.load(path) as file:
                arrays = {key: file[key] for key in file.files}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            log.warning("%s cannot be read and is simulated again", path.name)
            continue
        for number in {int(key.partition("/")[0]) for key in arrays}:
            prefix = f"{number}/x/"
            x = {key.removeprefix(prefix): array for key, array in arrays.items() if key.startswith(prefix)}
            messages = {int(row): text for row, text in json.loads(str(arrays[f"{number}/messages"])).items()}
            found[number] = Block(x, arrays[f"{number}/status"], messages)
    if found:
        log.info("%d simulations of an interrupted job are kept", sum(len(block.status) for block in found.values()))
    return found


def _count_states(shard: Shard) -> dict[str, int]:
    counts = Counter(Status(value).name.lower() for value in shard.status.tolist())
    return {status.name.lower(): counts[status.name.lower()] for status in Status}


def _refuse_failures(experiment: Experiment, shard: Shard) -> None:
    """Stop where more simulations went wrong than are allowed."""
    if not shard.failures:
        return
    states = _count_states(shard)
    wrong = ", ".join(f"{n} {state.replace('_', ' ')}" for state, n in states.items() if state != "ok" and n)
    message = f"{len(shard.failures)} of {len(shard)} simulations went wrong ({wrong}), first at"
    if len(shard.failures) > experiment.config.simulator.failures_allowed * len(shard):
        raise DarksieveError(
            f"{message} {_show_failure(shard.failures[0])}",
            where=f"simulator {experiment.config.simulator.class_}",
            mend="mend it, narrow the prior, or raise simulator.failures_allowed",
        )
    log.warning("%s %s; they are left out", message, _show_failure(shard.failures[0]))


def _show_failure(failure: Mapping[str, Any]) -> str:
    values = ", ".join(f"{name}={value:.6g}" for name, value in failure["parameters"].items())
    return f"{values}: {failure['message']}"
