import json

import numpy as np
import pytest
import zarr

from darksieve.problem.errors import DarksieveError
from darksieve.store.shard import FORMAT, Simulations, read_shard, shard_attributes, write_shard


@pytest.fixture
def simulations():
    generator = np.random.default_rng(1)
    n = 150
    x = {"image": generator.normal(size=(n, 8, 8)).astype(np.float32), "flux": np.ones(n, np.float32)}
    return Simulations(generator.random((n, 3)).astype(np.float32), x, np.arange(n, dtype=np.uint64))


@pytest.fixture
def shard(tmp_path, simulations):
    path = tmp_path / "store" / "shard-00000.zarr"
    write_shard(path, simulations, {"fingerprint": "abc"})
    return path


def same(a, b):
    return a.checksums() == b.checksums()


def test_what_is_written_is_read(shard, simulations):
    assert same(read_shard(shard), simulations)
    assert shard_attributes(shard)["fingerprint"] == "abc"


def test_shard_is_zarr_v3_with_one_file_an_array(shard):
    group = zarr.open_group(shard, mode="r")
    assert group.metadata.zarr_format == 3
    assert group["x/image"].shards == (192, 8, 8)
    files = [path for path in shard.rglob("*") if path.is_file() and path.name != "zarr.json"]
    assert len(files) == 4


def test_nothing_but_the_shard_is_left_in_the_folder(shard):
    assert [path.name for path in shard.parent.iterdir()] == ["shard-00000.zarr"]


def test_complete_shard_stays_and_a_longer_one_replaces_it(shard, simulations):
    before = (shard / "zarr.json").stat().st_mtime_ns
    write_shard(shard, simulations.head(100), {})
    assert (shard / "zarr.json").stat().st_mtime_ns == before
    write_shard(shard, Simulations.concatenate([simulations, simulations]), {})
    assert len(read_shard(shard)) == 300


def test_shard_whose_writing_was_cut_short_is_not_there(shard):
    attributes = json.loads((shard / "zarr.json").read_text())
    del attributes["attributes"]["complete"]
    (shard / "zarr.json").write_text(json.dumps(attributes))
    assert shard_attributes(shard) is None
    with pytest.raises(DarksieveError, match="absent or incomplete"):
        read_shard(shard)


def test_incomplete_shard_is_replaced(shard, simulations):
    (shard / "zarr.json").unlink()
    write_shard(shard, simulations, {})
    assert same(read_shard(shard), simulations)


@pytest.mark.parametrize("bit", [0, 1000, 20_000, -40])
def test_flipped_bit_is_caught(shard, bit):
    (data,) = [path for path in (shard / "x/image").rglob("*") if path.is_file() and path.name != "zarr.json"]
    content = bytearray(data.read_bytes())
    content[bit] ^= 1
    data.write_bytes(content)
    with pytest.raises(DarksieveError, match="is damaged"):
        read_shard(shard)


def test_newer_format_is_refused(shard):
    attributes = json.loads((shard / "zarr.json").read_text())
    attributes["attributes"]["format"] = FORMAT + 1
    (shard / "zarr.json").write_text(json.dumps(attributes))
    with pytest.raises(DarksieveError, match="newer darksieve"):
        read_shard(shard)


def test_folder_that_cannot_be_written_is_one_line(tmp_path, simulations):
    (tmp_path / "store").write_text("a file where the store should be")
    with pytest.raises(DarksieveError, match="cannot be written"):
        write_shard(tmp_path / "store" / "shard-00000.zarr", simulations, {})
