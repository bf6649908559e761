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

__all__ = ["Galaxy", "RotationCurveTable", "read_curve", "read_galaxies", "read_galaxy", "read_names"]

Floats = NDArray[np.float64]
ENDING = "_rotmod.dat"
FIELDS = 19  # words of a row of the table of galaxies; its columns are not where the table's head says
LOWEST_INCLINATION = 30.0  # degrees, below which sin i magnifies every error
NOT_FOR_DYNAMICS = 3  # quality flag of asymmetric discs and large non-circular motions


@dataclass(frozen=True)
class Galaxy:
    """A row of the table of galaxies.

    Distances in Mpc, inclinations in degrees, luminosity at 3.6 micrometres in 1e9 solar luminosities, central surface
    brightness of the disc in solar luminosities / pc^2, mass of neutral hydrogen in 1e9 solar masses.
    """

    name: str
    distance: float
    distance_error: float
    inclination: float
    inclination_error: float
    quality: int
    luminosity: float
    brightness: float
    hydrogen: float

    @property
    def fit_for_dynamics(self) -> bool:
        """Whether its flag is below 3 and its inclination at least 30 degrees (section 4 of the reference)."""
        return self.quality < NOT_FOR_DYNAMICS and self.inclination >= LOWEST_INCLINATION


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


def read_galaxies(path: Path) -> dict[str, Galaxy]:
    """All rows of `MasterSheet_SPARC.mrt`, by name.

    Raises
    ------
    DarksieveError
        If the file cannot be read.
    """
    try:
        rows = [line.split() for line in path.read_text().splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise DarksieveError(f"cannot be read: {error}", where=path, mend="is it MasterSheet_SPARC.mrt?") from error
    return {row[0]: _galaxy(row) for row in rows if len(row) == FIELDS and _is_number(row[2])}


def read_galaxy(path: Path, name: str) -> Galaxy:
    """A galaxy's row of `MasterSheet_SPARC.mrt`.

    Raises
    ------
    DarksieveError
        If the table has no such galaxy, or says that its rotation curve is not fit for dynamics.
    """
    galaxies = read_galaxies(path)
    _check_known(name, list(galaxies), path)
    galaxy = galaxies[name]
    if not galaxy.fit_for_dynamics:
        raise DarksieveError(
            f"{name} has quality flag {galaxy.quality} and an inclination of {galaxy.inclination:g} degrees",
            where="option galaxy",
            mend=f"choose one with a flag below {NOT_FOR_DYNAMICS} and at least {LOWEST_INCLINATION:g} degrees",
        )
    return galaxy


def read_names(path: Path) -> list[str]:
    """Names of the galaxies in `Rotmod_LTG.zip`.

    Raises
    ------
    DarksieveError
        If the file cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return [Path(member).name.removesuffix(ENDING) for member in archive.namelist()]
    except (OSError, zipfile.BadZipFile) as problem:
        raise DarksieveError(f"cannot be read: {problem}", where=path, mend="is it Rotmod_LTG.zip?") from problem


def read_curve(path: Path, name: str) -> RotationCurveTable:
    """A galaxy's rotation curve from `Rotmod_LTG.zip`.

    Raises
    ------
    DarksieveError
        If the archive has no such galaxy or its table is not what it should be.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = {Path(member).name.removesuffix(ENDING): member for member in archive.namelist()}
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


def _galaxy(row: list[str]) -> Galaxy:
    distance, distance_error, _, inclination, inclination_error, luminosity = map(float, row[2:8])
    return Galaxy(
        row[0], distance, distance_error, inclination, inclination_error, int(row[17]), luminosity, float(row[12]),
        float(row[13]),
    )  # fmt: skip


def _check_known(name: str, known: list[str], path: Path) -> None:
    if name not in known:
        close = difflib.get_close_matches(str(name), known, n=1)
        raise DarksieveError(
            f"no galaxy {name!r} in {path.name}", where="option galaxy",
            mend=f"did you mean {close[0]!r}?" if close else "write its name as SPARC does, such as NGC3198",
        )  # fmt: skip


def _is_number(word: str) -> bool:
    return word.replace(".", "", 1).isdigit()
