"""Simulations from elsewhere into the store, and out of it into one HDF5 file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from darksieve.problem.box import Box
from darksieve.problem.errors import DarksieveError
from darksieve.problem.experiment import Experiment
from darksieve.problem.provenance import derive_seed
from darksieve.simulators.imported import Imported
from darksieve.store.plan import Part, pool_name
from darksieve.store.region import Points, Region
from darksieve.store.shard import Shard, Simulations, Status, read_shard, shard_attributes, write_shard
from darksieve.store.simulate import provenance

__all__ = ["export_simulations", "import_simulations"]


def import_simulations(experiment: Experiment, store: Path) -> tuple[int, int]:
    """Put the simulations of an experiment whose simulator is `Imported` into its store; those there stay.

    Rows outside of the prior are refused; rows that are not finite are recorded and never read. A part as large as
    `diagnostics.simulations` is kept for the calibration. The rows count as a Poisson process of as many points,
    although their number is fixed: a relative difference of 1 / sqrt(n) in a number that inference does not use.

    Returns
    -------
    int, int
        Simulations for training and for the calibration.

    Raises
    ------
    DarksieveError
        If the file is not as the experiment says, or has too few rows.
    """
    simulator = experiment.simulator
    if not isinstance(simulator, Imported):
        raise DarksieveError(
            "its simulator is none of imported simulations", where=experiment.path.name,
            mend="say `class: darksieve.simulators.imported:Imported`",
        )  # fmt: skip
    last = Path(store) / pool_name(experiment, "test") / _shard_name(0)
    if shard_attributes(last) is not None:  # it is written last, and alone
        return _count(store, experiment, "round-1"), _count(store, experiment, "test")
    z, x = simulator.load()
    unit = experiment.prior.to_unit(z.astype(float))
    outside = ~((unit > 0) & (unit < 1)).all(axis=1)
    if outside.any():
        values = ", ".join(f"{n}={v:.6g}" for n, v in zip(experiment.prior.names, z[np.flatnonzero(outside)[0]]))
        raise DarksieveError(
            f"{int(outside.sum())} of {len(z)} rows lie outside the prior, first {values}", where=simulator.file.name,
            mend="give the prior from which they were drawn",
        )  # fmt: skip
    tests = experiment.config.diagnostics.simulations
    if len(z) < 2 * tests:
        raise DarksieveError(
            f"{len(z)} rows, of which {tests} are kept for the calibration", where=simulator.file.name,
            mend="lower diagnostics.simulations",
        )  # fmt: skip
    generator = np.random.default_rng(derive_seed("import", experiment.config.seed))
    order = generator.permutation(len(z))
    for draw, rows in (("round-1", order[tests:]), ("test", order[:tests])):
        _write_pool(experiment, store, draw, np.sort(rows), z, x, unit, generator)
    return len(z) - tests, tests


def _write_pool(
    experiment: Experiment,
    store: Path,
    draw: str,
    rows: NDArray[np.int64],
    z: NDArray[np.float32],
    x: dict[str, NDArray[np.float32]],
    unit: NDArray[np.float64],
    generator: np.random.Generator,
) -> None:
    """Write rows as shards, each a slice of the marks."""
    whole = Box.full(experiment.prior.names)
    mark = generator.permutation(len(rows)) + generator.random(len(rows))
    slices = 1 if draw == "test" else -(-len(rows) // experiment.config.rounds.shard)
    edges = np.linspace(0, len(rows), slices + 1)
    for number in range(slices):
        here = (mark >= edges[number]) & (mark < edges[number + 1])
        chosen = rows[here]
        finite = np.all([np.isfinite(a[chosen]).reshape(len(chosen), -1).all(axis=1) for a in x.values()], axis=0)
        status = np.where(finite, Status.OK, Status.NOT_FINITE).astype(np.uint8)
        data = {name: np.where(finite.reshape(-1, *[1] * (a.ndim - 1)), a[chosen], 0) for name, a in x.items()}
        failures = [
            {"row": int(row), "state": "not_finite", "message": "imported data are not finite",
             "parameters": dict(zip(experiment.prior.names, z[chosen[row]].tolist()))}
            for row in np.flatnonzero(~finite)
        ]  # fmt: skip
        points = Points(unit[chosen], mark[here], chosen.astype(np.uint64))
        shard = Shard(Simulations(z[chosen], data, points.index), points, status, failures)
        path = Path(store) / pool_name(experiment, draw) / _shard_name(number)
        part = Part(path.stem, Region(whole, float(edges[number]), float(edges[number + 1])), ())
        write_shard(path, shard, provenance(experiment, part))


def _shard_name(number: int) -> str:
    return f"imported-{number:05d}.zarr"


def _count(store: Path, experiment: Experiment, draw: str) -> int:
    pool = Path(store) / pool_name(experiment, draw)
    return sum(attributes["rows"] for path in pool.glob("*.zarr") if (attributes := shard_attributes(path)) is not None)


def export_simulations(store: Path, fingerprint: str, path: Path) -> int:
    """Write all simulations of one simulator that went well as HDF5: a group a pool, with `z`, `index` and `x/<name>`.

    Returns
    -------
    int
        How many.

    Raises
    ------
    DarksieveError
        If there is no such simulator in the store, or the file cannot be written.
    """
    import h5py

    shards = sorted((Path(store) / fingerprint).glob("*/[!.]*.zarr"))
    if not shards:
        raise DarksieveError("no simulations", where=f"store {store}/{fingerprint}", mend="see `darksieve store info`")
    total = 0
    try:
        with h5py.File(path, "w") as file:
            for shard_path in shards:
                attributes, shard = shard_attributes(shard_path), read_shard(shard_path)
                assert attributes is not None
                group = file.require_group(shard_path.parent.name)
                for key in ("fingerprint", "simulator", "parameters", "units", "prior", "seed"):
                    value = attributes[key]
                    group.attrs[key] = value if isinstance(value, str | int) else json.dumps(value)
                good = shard.simulations[shard.status == Status.OK]
                arrays: dict[str, NDArray[Any]] = {"z": good.z, "index": good.index}
                for name, values in (arrays | {f"x/{n}": a for n, a in good.x.items()}).items():
                    _append(group, name, values)
                total += len(good)
    except OSError as error:
        raise DarksieveError(
            f"cannot be written: {error}", where=path, mend="free space or mend permissions"
        ) from error
    return total


def _append(group: Any, name: str, values: NDArray[Any]) -> None:
    """Append rows to a dataset, made where it is not there."""
    if name not in group:
        shape = values.shape[1:]
        group.create_dataset(name, data=values, maxshape=(None, *shape), chunks=(64, *shape))
        return
    dataset = group[name]
    dataset.resize(len(dataset) + len(values), axis=0)
    dataset[len(dataset) - len(values) :] = values
