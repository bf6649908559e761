import json

import numpy as np
import pytest
import zarr

from darksieve.problem.errors import DarksieveError
from darksieve.store.region import Points
from darksieve.store.shard import (
    FORMAT,
    Shard,
    Simulations,
    Status,
    read_points,
    read_shard,
    shard_attributes,
    write_shard,
)


def make_shard(n):
    generator = np.random.default_rng(1)
    x = {"image": generator.normal(size=(n, 8, 8)).astype(np.float32), "flux": np.ones(n, np.float32)}
    index = np.arange(n, dtype=np.uint64)
    points = Points(generator.random((n, 3)), generator.random(n), index)
    status = np.zeros(n, np.uint8)
    failures = []
    if n:
        status[3] = Status.FAILED
        failures.append({"row": 3, "state": "failed", "message": "ValueError: no", "parameters": {"a": 1.0}})
    return Shard(Simulations(points.unit.astype(np.float32), x, index), points, status, failures)


@pytest.fixture
def content():
    return make_shard(150)


@pytest.fixture
def shard(tmp_path, content):
    path = tmp_path / "store" / "abc.zarr"
    write_shard(path, content, {"fingerprint": "abc"})
    return path


def same(a, b):
    return all(
        a.arrays[name].dtype == values.dtype and np.array_equal(a.arrays[name], values)
        for name, values in b.arrays.items()
    )


def test_what_is_written_is_read(shard, content):
    found = read_shard(shard)
    assert same(found, content)
    assert found.failures == content.failures
    assert shard_attributes(shard)["fingerprint"] == "abc"
    assert np.array_equal(read_points(shard).unit, content.points.unit)


def test_zarr_reads_the_same(shard, content):
    group = zarr.open_group(shard, mode="r")
    for name, values in content.arrays.items():
        found = np.asarray(group[name])
        assert found.dtype == values.dtype
        np.testing.assert_array_equal(found, values)
    np.testing.assert_array_equal(group["x/image"][70:75], content.simulations.x["image"][70:75])


def test_zarr_finds_flipped_bits_too(shard):
    data = data_file(shard, "x/image")
    damaged = bytearray(data.read_bytes())
    damaged[1000] ^= 1
    data.write_bytes(damaged)
    with pytest.raises(ValueError, match="checksum"):
        zarr.open_group(shard, mode="r")["x/image"][:]


def test_shard_is_zarr_v3_with_one_file_an_array(shard):
    group = zarr.open_group(shard, mode="r")
    assert group.metadata.zarr_format == 3
    assert group["x/image"].shards == (192, 8, 8)
    files = [path for path in shard.rglob("*") if path.is_file() and path.name != "zarr.json"]
    assert len(files) == 6


def test_shard_of_the_default_size_needs_less_than_a_file_a_500_simulations(tmp_path):
    from darksieve.problem.config import RoundsConfig

    rows = RoundsConfig().shard
    path = tmp_path / "abc.zarr"
    write_shard(path, make_shard(rows), {})
    assert rows / sum(item.is_file() for item in path.rglob("*")) > 500


def test_nothing_but_the_shard_is_left_in_the_folder(shard):
    assert [path.name for path in shard.parent.iterdir()] == ["abc.zarr"]


def test_empty_shard_is_a_shard(tmp_path):
    write_shard(tmp_path / "e.zarr", make_shard(0), {})
    assert len(read_shard(tmp_path / "e.zarr")) == 0


def test_complete_shard_stays(shard):
    before = (shard / "zarr.json").stat().st_mtime_ns
    write_shard(shard, make_shard(10), {})
    assert (shard / "zarr.json").stat().st_mtime_ns == before


def test_shard_whose_writing_was_cut_short_is_not_there(shard):
    attributes = json.loads((shard / "zarr.json").read_text())
    del attributes["attributes"]["complete"]
    (shard / "zarr.json").write_text(json.dumps(attributes))
    assert shard_attributes(shard) is None
    with pytest.raises(DarksieveError, match="absent or incomplete"):
        read_shard(shard)


def test_incomplete_shard_is_replaced(shard, content):
    (shard / "zarr.json").unlink()
    write_shard(shard, content, {})
    assert same(read_shard(shard), content)


def data_file(shard, array):
    (data,) = [path for path in (shard / array).rglob("*") if path.is_file() and path.name != "zarr.json"]
    return data


@pytest.mark.parametrize("array", ["x/image", "x/flux", "z", "point", "status", "index"])
def test_single_flipped_bits_are_caught(shard, array):
    data = data_file(shard, array)
    original = data.read_bytes()
    generator = np.random.default_rng(1)
    for bit in generator.integers(8 * len(original), size=40):
        content = bytearray(original)
        content[bit // 8] ^= 1 << (bit % 8)
        data.write_bytes(content)
        with pytest.raises(DarksieveError, match=r"abc\.zarr: is damaged"):
            read_shard(shard)


@pytest.mark.parametrize("length", [0, 10, 1000])
def test_truncated_file_is_caught(shard, length):
    data = data_file(shard, "x/image")
    data.write_bytes(data.read_bytes()[:length])
    with pytest.raises(DarksieveError, match="is damaged"):
        read_shard(shard)


def test_lost_file_is_caught(shard):
    """Zarr gives zeros for a chunk that is not there."""
    data_file(shard, "x/image").unlink()
    with pytest.raises(DarksieveError, match="is damaged"):
        read_shard(shard)


def test_newer_format_is_refused(shard):
    attributes = json.loads((shard / "zarr.json").read_text())
    attributes["attributes"]["format"] = FORMAT + 1
    (shard / "zarr.json").write_text(json.dumps(attributes))
    with pytest.raises(DarksieveError, match="newer darksieve"):
        read_shard(shard)


def test_folder_that_cannot_be_written_is_one_line(tmp_path, content):
    (tmp_path / "store").write_text("a file where the store should be")
    with pytest.raises(DarksieveError, match="cannot be written"):
        write_shard(tmp_path / "store" / "abc.zarr", content, {})


def test_full_disk_is_one_line_and_leaves_nothing(tmp_path, content, monkeypatch):
    import errno

    import darksieve.store.shard as module

    def no_space(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "_write_group", no_space)
    with pytest.raises(DarksieveError, match="No space left on device; free space"):
        write_shard(tmp_path / "store" / "abc.zarr", content, {})
    assert list((tmp_path / "store").iterdir()) == []
