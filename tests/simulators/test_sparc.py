import contextlib
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml

from darksieve.problem.errors import DarksieveError
from darksieve.simulators.sparc import read_curve, read_galaxy


@pytest.fixture
def curves(data_file):
    return Path(data_file("Rotmod_LTG.zip")["file"])


@pytest.fixture
def table(data_file):
    return Path(data_file("MasterSheet_SPARC.mrt")["file"])


def test_cuts_leave_the_published_number_of_galaxies(curves, table):
    """153 of 175 galaxies with 3391 points (McGaugh, Lelli & Schombert 2016, PRL 117, 201101)."""
    with zipfile.ZipFile(curves) as archive:
        names = [Path(member).name.removesuffix("_rotmod.dat") for member in archive.namelist()]
    assert len(names) == 175
    assert sum(len(read_curve(curves, name).radius) for name in names) == 3391
    fit = []
    for name in names:
        with contextlib.suppress(DarksieveError):
            fit.append(read_galaxy(table, name))
    assert len(fit) == 153
    assert all(galaxy.distance == read_curve(curves, galaxy.name).distance for galaxy in fit)


def test_columns_are_those_of_the_table(curves, table):
    galaxy, curve = read_galaxy(table, "NGC3198"), read_curve(curves, "NGC3198")
    assert (galaxy.distance, galaxy.distance_error) == (13.8, 1.4)
    assert (galaxy.inclination, galaxy.inclination_error, galaxy.quality) == (73.0, 3.0, 1)
    first = [curve.radius, curve.velocity, curve.error, curve.gas, curve.disc, curve.bulge]
    assert [values[0] for values in first] == [0.32, 24.40, 35.90, 0.00, 63.28, 0.00]
    assert not curve.bulge.any()
    assert read_curve(curves, "NGC7331").bulge.any()


def test_unknown_and_unfit_galaxies_are_one_line(curves, table):
    with pytest.raises(DarksieveError, match=r"option galaxy: no galaxy 'NGC319'.*did you mean 'NGC3198'"):
        read_galaxy(table, "NGC319")
    with pytest.raises(DarksieveError, match=r"no galaxy 'Milky Way'"):
        read_curve(curves, "Milky Way")
    with pytest.raises(DarksieveError, match=r"F561-1 has quality flag 3 and an inclination of 24 degrees"):
        read_galaxy(table, "F561-1")
    with pytest.raises(DarksieveError, match=r"cannot be read: .*is it Rotmod_LTG.zip"):
        read_curve(table, "NGC3198")


def test_priors_of_the_experiments_are_the_published_errors(repository, table):
    """Of distance and inclination."""
    files = sorted((repository / "config/experiments").glob("rotation-curve*.yaml"))
    assert len(files) >= 8
    for file in files:
        record = yaml.safe_load(file.read_text())
        galaxy = read_galaxy(table, record["simulator"]["options"]["galaxy"])
        assert record["prior"]["distance"]["normal"] == [galaxy.distance, galaxy.distance_error]
        assert record["prior"]["inclination"]["normal"] == [galaxy.inclination, galaxy.inclination_error]
        assert np.max(record["prior"]["inclination"]["bounds"]) <= 90
