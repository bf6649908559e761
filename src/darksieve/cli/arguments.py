"""What several verbs share: arguments, the experiment they name, and files written whole or not at all."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darksieve.problem.box import Box
from darksieve.problem.errors import DarksieveError
from darksieve.problem.prior import Prior

if TYPE_CHECKING:
    from darksieve.problem.experiment import Experiment


__all__ = [
    "add_experiment",
    "add_plan",
    "add_prior",
    "add_store",
    "add_threads",
    "aligned",
    "load_box",
    "load_experiment",
    "load_prior",
    "set_threads",
    "whole_file",
    "write_json",
]


def add_experiment(parser: argparse.ArgumentParser) -> None:
    """The experiment file, and the folder to which its data files may be relative."""
    parser.add_argument("--experiment", type=Path, required=True, help="experiment file")
    parser.add_argument("--root", type=Path, default=Path(), help="folder of relative data files (default: this one)")


def add_store(parser: argparse.ArgumentParser) -> None:
    """The simulation store."""
    parser.add_argument("--store", type=Path, required=True, help="folder of the simulation store")


def add_plan(parser: argparse.ArgumentParser) -> None:
    """The plan of the simulations."""
    parser.add_argument("--plan", type=Path, required=True, help="plan.json of the simulations")


def add_prior(parser: argparse.ArgumentParser) -> None:
    """The prior, with which a step needs no simulator."""
    parser.add_argument("--prior", type=Path, required=True, help="prior.json of the experiment")


def add_threads(parser: argparse.ArgumentParser) -> None:
    """How many cores torch may use."""
    parser.add_argument("--threads", type=int, default=1, help="threads of torch (default: 1)")


def set_threads(threads: int) -> None:
    """Keep torch to the cores that the job was given."""
    import torch

    torch.set_num_threads(threads)


def load_experiment(options: argparse.Namespace) -> Experiment:
    """The experiment that the arguments name."""
    from darksieve.problem.experiment import Experiment

    return Experiment.load(options.experiment, options.root)


def load_prior(options: argparse.Namespace) -> Prior:
    """The prior that `darksieve declare` wrote."""
    return Prior.from_record(json.loads(options.prior.read_text()))


def load_box(path: Path | None, prior: Prior) -> Box:
    """The box in a `box.json`; the whole prior where there is none.

    Raises
    ------
    DarksieveError
        If the file is of another experiment.
    """
    if path is None:
        return Box.full(prior.names)
    box = Box.from_record(json.loads(path.read_text()))
    if box.names != prior.names:
        raise DarksieveError(f"box of {box.names}, not {prior.names}", where=path, mend="delete it and rerun")
    return box


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A file to write to that takes its name only when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        os.replace(part, path)
    except OSError as error:
        raise DarksieveError(
            f"cannot be written: {error.strerror or error}", where=path, mend="free space or mend permissions"
        ) from error
    finally:
        part.unlink(missing_ok=True)


def write_json(path: Path, record: Any) -> None:
    """Write JSON, whole or not at all."""
    with whole_file(path) as part:
        part.write_text(json.dumps(record, indent=1) + "\n")


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines of a table whose columns are aligned."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
