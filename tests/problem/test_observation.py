"""Observations from files: what is read, and what each broken file says."""

import h5py
import numpy as np
import pytest
from astropy.io import fits

from darksieve.problem.errors import DarksieveError
from darksieve.problem.files import crop_centre, read_array, resolve_array
from darksieve.problem.observation import Observation, make_observation
from darksieve.problem.simulator import Description

VALUES = np.linspace(0, 1, 20)


@pytest.fixture
def observe(line_record, load_record, tmp_path):
    """Observe the example experiment with its mock replaced by a file."""

    def make(file, **keys):
        line_record["observation"] = {"file": str(tmp_path / file), **keys}
        return make_observation(load_record(line_record))

    return make


def write_hdf5(path, **arrays):
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name.replace("__", "/")] = array


def test_mock_is_the_same_twice_and_knows_its_truth(line):
    first, second = make_observation(line), make_observation(line)
    np.testing.assert_array_equal(first.x["brightness"], second.x["brightness"])
    assert first.truth == {"intercept": 0.4, "slope": -0.7}
    assert first.descriptions["brightness"].unit == "mag"


def test_coordinates_of_a_vector_are_kept(tmp_path):
    description = Description("km / s", "V", coordinate=(0.5, 1.5), coordinate_label="radius [kpc]")
    Observation({"v": np.zeros(2, np.float32)}, descriptions={"v": description}).write(tmp_path / "observation.h5")
    assert Observation.read(tmp_path / "observation.h5").descriptions["v"] == description


def test_simulator_brings_its_own_data(line_record, load_record, monkeypatch):
    line_record["observation"] = {"from_simulator": True}
    experiment = load_record(line_record)
    with pytest.raises(DarksieveError, match=r"observation.from_simulator: Line has no method `observed`"):
        make_observation(experiment)
    monkeypatch.setattr(type(experiment.simulator), "observed", lambda _: {"brightness": VALUES}, raising=False)
    observation = make_observation(experiment)
    np.testing.assert_allclose(observation.x["brightness"], VALUES, rtol=1e-6)
    assert observation.truth is None
    monkeypatch.setattr(type(experiment.simulator), "observed", lambda _: {"brightness": VALUES[1:]})
    with pytest.raises(DarksieveError, match="is not the simulator's"):
        make_observation(experiment)


def test_hdf5_with_a_group_x_is_read(observe, tmp_path):
    write_hdf5(tmp_path / "a.h5", x__brightness=VALUES)
    np.testing.assert_allclose(observe("a.h5").x["brightness"], VALUES, rtol=1e-6)


def test_fits_and_csv_are_read(observe, tmp_path):
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(VALUES, name="SCI")]).writeto(tmp_path / "a.fits")
    (tmp_path / "a.csv").write_text("day,mag\n" + "".join(f"{i},{v}\n" for i, v in enumerate(VALUES)))
    for file, place in (("a.fits", "SCI"), ("a.fits", "1"), ("a.csv", "mag")):
        x = observe(file, arrays={"brightness": place}).x["brightness"]
        np.testing.assert_allclose(x, VALUES, rtol=1e-6)


def test_masked_values_may_be_nan_and_become_zero(observe, tmp_path):
    values, mask = VALUES.copy(), np.ones(20)
    values[3], mask[3] = np.nan, 0
    write_hdf5(tmp_path / "a.h5", x__brightness=values, good=mask)
    observation = observe("a.h5", mask={"file": str(tmp_path / "a.h5"), "dataset": "good"})
    assert observation.x["brightness"][3] == 0
    assert observation.masks["brightness"].sum() == 19


def test_observation_file_round_trip(line, tmp_path):
    observation = make_observation(line)
    observation.write(tmp_path / "o.h5")
    read = Observation.read(tmp_path / "o.h5")
    np.testing.assert_array_equal(read.x["brightness"], observation.x["brightness"])
    assert read.truth == observation.truth
    assert read.descriptions == observation.descriptions


def test_crop_keeps_the_centre():
    image = np.arange(36.0).reshape(6, 6)
    np.testing.assert_array_equal(crop_centre(image, 2), [[14, 15], [20, 21]])
    with pytest.raises(DarksieveError, match="half a pixel"):
        crop_centre(image, 3)


def broken_bytes(path):
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + b"\0" * 100)


def nan_pixels(path):
    values = VALUES.copy()
    values[[2, 5]] = np.nan
    write_hdf5(path, x__brightness=values)


BROKEN = {
    "truncated HDF5": ("a.h5", broken_bytes, {}, "cannot be read as .h5"),
    "no HDF5 at all": ("a.h5", lambda p: p.write_text("hello"), {}, "cannot be read as .h5"),
    "empty file": ("a.fits", lambda p: p.write_bytes(b""), {"arrays": {"brightness": "0"}}, "cannot be read as .fits"),
    "unknown type": ("a.png", lambda p: p.write_bytes(b"1"), {}, "unknown file type"),
    "no group x": ("a.h5", lambda p: write_hdf5(p, y=VALUES), {}, "no dataset 'x/brightness'.*it holds y"),
    "wrong dataset": (
        "a.h5", lambda p: write_hdf5(p, y=VALUES), {"arrays": {"brightness": "z"}}, "no dataset 'z'",
    ),
    "wrong data name": ("a.h5", lambda p: write_hdf5(p, y=VALUES), {"arrays": {"flux": "y"}}, "makes no array 'flux'"),
    "text for numbers": ("a.h5", lambda p: write_hdf5(p, x__brightness="abc"), {}, "holds no numbers"),
    "wrong shape": ("a.h5", lambda p: write_hdf5(p, x__brightness=VALUES[:7]), {}, r"shape \(7,\) is not"),
    "NaN outside the mask": ("a.h5", nan_pixels, {}, "2 of 20 values.*not finite and not masked"),
    "empty array": ("a.h5", lambda p: write_hdf5(p, x__brightness=np.empty(0)), {}, "holds no numbers"),
    "wrong column": ("a.csv", lambda p: p.write_text("a\n1\n"), {"arrays": {"brightness": "b"}}, "no column 'b'"),
    "text in a column": (
        "a.csv", lambda p: p.write_text("b\nx\n"), {"arrays": {"brightness": "b"}}, "cannot be read as .csv",
    ),
    "wrong extension": (
        "a.fits", lambda p: fits.PrimaryHDU(VALUES).writeto(p), {"arrays": {"brightness": "SCI"}}, "no extension 'SCI'",
    ),
    "extension without data": (
        "a.fits", lambda p: fits.PrimaryHDU().writeto(p), {"arrays": {"brightness": "0"}}, "holds no data",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", BROKEN)
def test_broken_data_file_gives_one_clear_line(fault, observe, tmp_path):
    file, write, keys, message = BROKEN[fault]
    write(tmp_path / file)
    with pytest.raises(DarksieveError, match=message) as raised:
        observe(file, **keys)
    assert "\n" not in str(raised.value)


def test_mask_that_leaves_nothing_is_refused(observe, tmp_path):
    write_hdf5(tmp_path / "a.h5", x__brightness=VALUES, good=np.zeros(20))
    with pytest.raises(DarksieveError, match="leaves no data"):
        observe("a.h5", mask={"file": str(tmp_path / "a.h5"), "dataset": "good"})


def test_broken_observation_file_is_refused(tmp_path):
    (tmp_path / "o.h5").write_text("nothing")
    with pytest.raises(DarksieveError, match="is no observation"):
        Observation.read(tmp_path / "o.h5")


def test_options_give_arrays_as_numbers_or_files(tmp_path):
    write_hdf5(tmp_path / "a.h5", rms=0.1)
    assert resolve_array({"file": str(tmp_path / "a.h5"), "dataset": "rms"}) == pytest.approx(0.1)
    assert resolve_array(3.0) == 3.0
    with pytest.raises(DarksieveError, match="file, dataset"):
        resolve_array({"file": "a.h5"})
    with pytest.raises(DarksieveError, match="no such file"):
        read_array(tmp_path / "b.h5", "rms")
