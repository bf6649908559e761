"""What a request takes from the store and what it must simulate, said before anything runs."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from darksieve.problem.box import Box
from darksieve.problem.errors import DarksieveError
from darksieve.problem.experiment import Experiment
from darksieve.problem.provenance import digest
from darksieve.simulators.imported import is_imported
from darksieve.store.region import Points, Region, draw_points, is_covered
from darksieve.store.shard import read_points, shard_attributes

__all__ = ["PLAN_FORMAT", "Part", "Plan", "divide", "make_plan", "pool_name"]

PLAN_FORMAT = 1


@dataclass(frozen=True)
class Part:
    """A shard and what it holds: the points of its region that are in no region of `excluded` (names of shards)."""

    name: str
    region: Region
    excluded: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """A request, the shards that it draws from, and how many simulations come from where.

    Attributes
    ----------
    pool : str
        Folder of the shards, relative to the store: simulator, purpose and seed.
    region : Region
        What is asked: the points of the process in the box with marks below N / V.
    wanted : int
        The expected number N of simulations; the actual one is Poisson-distributed.
    reused : tuple of Part
        Complete shards that hold points of the region.
    slices : tuple of (str or None)
        A slice of the marks each: the shard that is to be made for it; None where nothing is missing.
    parts : mapping of str to Part
        All shards named here, and those that they exclude.
    reused_simulations, new_simulations : int
        Simulations from complete shards, and to be made.
    """

    pool: str
    region: Region
    wanted: int
    reused: tuple[str, ...]
    slices: tuple[str | None, ...]
    parts: Mapping[str, Part]
    reused_simulations: int
    new_simulations: int

    @property
    def names(self) -> tuple[str, ...]:
        """All shards that the request draws from, in the order in which they are read."""
        return tuple(sorted({*self.reused, *(name for name in self.slices if name is not None)}))

    def new_points(self, name: str) -> Points:
        """The points of a shard: those of its region that no earlier shard holds."""
        part = self.parts[name]
        points = draw_points(part.region, self.pool)
        held = np.zeros(len(points), bool)
        for other in part.excluded:
            held |= self.parts[other].region.contains(points)
        return points[~held]

    def select(self, points: Mapping[str, Points]) -> dict[str, NDArray[np.int64]]:
        """Rows of each shard that the request uses, every point once.

        Two shards hold the same part of the process only where two requests were served at the same time; the first
        by name then counts.
        """
        rows: dict[str, NDArray[np.int64]] = {}
        for name in self.names:
            here = self.region.contains(points[name])
            for other in rows:
                if other not in self.parts[name].excluded and name not in self.parts[other].excluded:
                    here &= ~self._holds(other, points[name])
            rows[name] = np.flatnonzero(here)
        return rows

    def _holds(self, name: str, points: Points) -> NDArray[np.bool_]:
        part = self.parts[name]
        held = part.region.contains(points)
        for other in part.excluded:
            held &= ~self.parts[other].region.contains(points)
        return held

    def to_record(self) -> dict[str, Any]:
        """The plan as JSON holds it."""
        return {
            "format": PLAN_FORMAT,
            "pool": self.pool,
            "wanted": self.wanted,
            "region": self.region.to_record(),
            "reused_simulations": self.reused_simulations,
            "new_simulations": self.new_simulations,
            "reused": list(self.reused),
            "slices": list(self.slices),
            "parts": {n: {"region": p.region.to_record(), "excluded": list(p.excluded)} for n, p in self.parts.items()},
        }

    @classmethod
    def read(cls, path: Path) -> Plan:
        """Read `plan.json`.

        Raises
        ------
        DarksieveError
            If it is not a plan of this version.
        """
        try:
            record = json.loads(Path(path).read_text())
            if record["format"] != PLAN_FORMAT:
                raise ValueError(f"format {record['format']}, this darksieve reads {PLAN_FORMAT}")
            parts = {
                name: Part(name, Region.from_record(part["region"]), tuple(part["excluded"]))
                for name, part in record["parts"].items()
            }
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DarksieveError(f"is no plan: {error}", where=path, mend="delete it and rerun") from error
        return cls(
            record["pool"],
            Region.from_record(record["region"]),
            record["wanted"],
            tuple(record["reused"]),
            tuple(record["slices"]),
            parts,
            record["reused_simulations"],
            record["new_simulations"],
        )


def make_plan(experiment: Experiment, box: Box, draw: str, wanted: int, store: Path) -> Plan:
    """Plan the simulations of a round (`draw` is "round-1" ...) or of the calibration ("test").

    Parameters
    ----------
    experiment : Experiment
        Says in shards of which size simulations are made.
    box : Box
        Where they are drawn.
    draw : str
        Rounds share simulations with each other, never with calibrations.
    wanted : int
        How many, on average.
    store : Path
        Folder of the simulation store; it is read, not changed.

    Raises
    ------
    DarksieveError
        If a shard was written by a newer darksieve.
    """
    pool, slices = pool_name(experiment, draw), experiment.slices(wanted)
    folder = Path(store) / pool
    present = _present(folder)
    limit = math.inf
    if is_imported(experiment):  # what is not there cannot be made
        limit = max((part.region.high for part in present.values()), default=0.0)
    return divide(pool, box, wanted, slices, present, lambda name: read_points(folder / f"{name}.zarr"), limit)


def pool_name(experiment: Experiment, draw: str) -> str:
    """Folder of the shards of a draw, relative to the store; the rounds of an experiment share one."""
    return f"{experiment.fingerprint}/{'test' if draw == 'test' else 'train'}-{experiment.config.seed}"


def divide(
    pool: str,
    box: Box,
    wanted: int,
    slices: int,
    present: Mapping[str, Part],
    read: Callable[[str], Points],
    limit: float = math.inf,
) -> Plan:
    """Divide a request among the shards that are there and new ones.

    Parameters
    ----------
    pool : str
        Names the process, and so the random numbers.
    box : Box
        Where simulations are wanted.
    wanted : int
        How many, on average.
    slices : int
        Into how many parts of equal marks new simulations are divided.
    present : mapping of str to Part
        Complete shards.
    read : callable
        The points of a complete shard, by name.
    limit : float
        Largest mark that can be had.
    """
    region = Region(box, 0.0, min(wanted / box.volume, limit))
    used = [name for name, part in present.items() if part.region.overlaps(region)]
    made: dict[str, Part] = {}
    names: list[str | None] = []
    for low, high in itertools.pairwise(np.linspace(0.0, region.high, 1 + slices).tolist()):
        piece = Region(box, low, high)
        excluded = tuple(name for name in used if present[name].region.overlaps(piece))
        if is_covered(piece, (present[name].region for name in excluded)):
            names.append(None)
            continue
        name = digest([piece.to_record(), excluded])
        made[name] = Part(name, piece, excluded)
        names.append(name)
    parts = {name: present[name] for name in sorted(_with_excluded(used, present))} | made
    plan = Plan(pool, region, wanted, tuple(used), tuple(names), parts, 0, 0)
    rows = plan.select({name: read(name) for name in used} | {name: plan.new_points(name) for name in made})
    reused, new = (sum(len(rows[name]) for name in group) for group in (used, made))
    return replace(plan, reused_simulations=reused, new_simulations=new)


def _present(folder: Path) -> dict[str, Part]:
    """Complete shards of a pool whose excluded shards are complete too, by name."""
    found: dict[str, Part] = {}
    for path in sorted(folder.glob("[!.]*.zarr")):
        attributes = shard_attributes(path)
        if attributes is not None:
            name = path.stem
            found[name] = Part(name, Region.from_record(attributes["region"]), tuple(attributes["excluded"]))
    while orphans := [name for name, part in found.items() if any(other not in found for other in part.excluded)]:
        for name in orphans:
            del found[name]
    return found


def _with_excluded(names: Sequence[str], present: Mapping[str, Part]) -> set[str]:
    found, waiting = set(), list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(present[name].excluded)
    return found
