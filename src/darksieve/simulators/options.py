"""Checks of options that several simulators take."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from darksieve.problem.errors import DarksieveError
from darksieve.problem.simulator import Description

__all__ = ["check_fixed", "check_table", "option_file"]


def check_fixed(fixed: Mapping[str, float], known: Mapping[str, Description]) -> dict[str, float]:
    """Parameters that are held at a value.

    Raises
    ------
    DarksieveError
        If one is unknown or its value is not a finite number.
    """
    unknown = [name for name in fixed if name not in known]
    if unknown:
        raise DarksieveError(
            f"unknown parameter {unknown[0]!r}", where="option fixed", mend=f"known are {', '.join(known)}"
        )
    for name, value in fixed.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise DarksieveError(f"{name} = {value!r}", where="option fixed", mend="give a finite number")
    return {name: float(value) for name, value in fixed.items()}


def option_file(option: str, value: Any) -> Path:
    """The path in an option `{file: path}`.

    Raises
    ------
    DarksieveError
        If the option is anything else, or there is no such file.
    """
    if not isinstance(value, Mapping) or set(value) != {"file"}:
        raise DarksieveError(f"{value!r}", where=f"option {option}", mend="write {file: its path}")
    path = Path(value["file"])
    if not path.is_file():
        raise DarksieveError("no such file", where=path, mend="check the path or run `darksieve download`")
    return path


def check_table(shape: tuple[int, ...], wanted: tuple[int, ...], path: Path) -> None:
    """Check the shape of what a file holds.

    Raises
    ------
    DarksieveError
        If it is another.
    """
    if shape != wanted:
        raise DarksieveError(f"holds numbers of shape {shape}, not {wanted}", where=path, mend="get the file again")
