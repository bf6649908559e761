"""The tables of SPARC: rotation curves of disc galaxies with what their gas and stars contribute.

References: Lelli, McGaugh & Schombert 2016, AJ 152, 157.
"""

from __future__ import annotations

import difflib
import io
import math
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from darksieve.problem.errors import DarksieveError

__all__ = ["Galaxy", "RotationCurveTable", "read_curve", "read_galaxy"]

Floats = NDArray[np.float64]
FIELDS = 19  # words of a row of the table of galaxies; its columns are not where the table's head says
LOWEST_INCLINATION = 30.0  # degrees, below which sin i magnifies every error
NOT_FOR_DYNAMICS = 3  # quality flag of asymmetric discs and large non-circular motions


@dataclass(frozen=True)
class Galaxy:
    """A row of the table of galaxies: distances in Mpc, inclinations in degrees."""

    name: str
    distance: float
    distance_error: float
    inclination: float
    inclination_error: float
    quality: int


@dataclass(frozen=True)
class RotationCurveTable:
    """One galaxy's rotation curve, each array (points,).

    Attributes
    ----------
    distance : float
        Distance that the radii stand for [Mpc].
    radius : array
        [kpc]
    velocity, error : array
        Rotation velocity, corrected for the published inclination, and its standard deviation [km / s].
    gas, disc, bulge : array
        Circular velocity of each component alone, of the stars for a mass-to-light ratio of 1 [km / s]. Negative where
        its force points outwards.
    """

    distance: float
    radius: Floats
    velocity: Floats
    error: Floats
    gas: Floats
    disc: Floats
    bulge: Floats


def read_galaxy(path: Path, name: str) -> Galaxy:
    """A galaxy's row of `MasterSheet_SPARC.mrt`.

    Raises
    ------
    DarksieveError
        If the table has no such galaxy, or says that its rotation curve is not fit for dynamics: a quality flag of 3
        or an inclination below 30 degrees (section 4 of the reference).
    """
    try:
        rows = [line.split() for line in path.read_text().splitlines()]
        galaxies = {row[0]: row for row in rows if len(row) == FIELDS and _is_number(row[2])}
    except (OSError, UnicodeDecodeError) as error:
        raise DarksieveError(f"cannot be read: {error}", where=path, mend="is it MasterSheet_SPARC.mrt?") from error
    _check_known(name, list(galaxies), path)
    distance, distance_error, _, inclination, inclination_error = map(float, galaxies[name][2:7])
    quality = int(galaxies[name][17])
    if quality >= NOT_FOR_DYNAMICS or inclination < LOWEST_INCLINATION:
        raise DarksieveError(
            f"{name} has quality flag {quality} and an inclination of {inclination:g} degrees", where="option galaxy",
            mend=f"choose one with a flag below {NOT_FOR_DYNAMICS} and at least {LOWEST_INCLINATION:g} degrees",
        )  # fmt: skip
    return Galaxy(name, distance, distance_error, inclination, inclination_error, quality)


def read_curve(path: Path, name: str) -> RotationCurveTable:
    """A galaxy's rotation curve from `Rotmod_LTG.zip`.

    Raises
    ------
    DarksieveError
        If the archive has no such galaxy or its table is not what it should be.
    """
    ending = "_rotmod.dat"
    try:
        with zipfile.ZipFile(path) as archive:
            members = {Path(member).name.removesuffix(ending): member for member in archive.namelist()}
            _check_known(name, list(members), path)
            text = archive.read(members[name]).decode()
        columns = np.loadtxt(io.StringIO(text), ndmin=2).T
        radius, velocity, error, gas, disc, bulge = columns[:6]
        distance = float(text.splitlines()[0].split()[-2])
    except (OSError, zipfile.BadZipFile, ValueError, IndexError) as problem:
        raise DarksieveError(f"cannot be read: {problem}", where=path, mend="is it Rotmod_LTG.zip?") from problem
    if not (np.all(np.diff(radius) > 0) and radius[0] > 0 and np.all(error > 0) and math.isfinite(columns.sum())):
        raise DarksieveError(f"the radii or errors of {name} make no sense", where=path, mend="get the file again")
    return RotationCurveTable(distance, radius, velocity, error, gas, disc, bulge)


def _check_known(name: str, known: list[str], path: Path) -> None:
    if name not in known:
        close = difflib.get_close_matches(str(name), known, n=1)
        raise DarksieveError(
            f"no galaxy {name!r} in {path.name}", where="option galaxy",
            mend=f"did you mean {close[0]!r}?" if close else "write its name as SPARC does, such as NGC3198",
        )  # fmt: skip


def _is_number(word: str) -> bool:
    return word.replace(".", "", 1).isdigit()
