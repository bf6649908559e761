import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from darksieve.problem.box import Box
from darksieve.problem.errors import DarksieveError
from darksieve.problem.random import BLOCK
from darksieve.store.shard import Simulations, read_shard
from darksieve.store.simulate import Draw, read_manifests, simulate_shard


@pytest.fixture
def draw(line):
    return Draw(line, Box.full(line.prior.names), "train")


def make(draw, store, cuts):
    """Simulate up to the last cut in shards that end at the cuts."""
    parts = []
    for shard, (first, last) in enumerate(zip([0, *cuts], cuts)):
        manifest = simulate_shard(draw, store, shard, last - first, first)
        parts.append(read_shard(store / manifest["shard"]).head(last - first))
    return Simulations.concatenate(parts)


def test_sharding_changes_no_number(draw, tmp_path):
    whole = make(draw, tmp_path / "a", [5 * BLOCK])
    parts = make(draw, tmp_path / "b", [BLOCK, 3 * BLOCK, 5 * BLOCK])
    assert whole.checksums() == parts.checksums()


def test_fewer_simulations_are_the_first_ones(draw, tmp_path):
    whole = make(draw, tmp_path / "a", [3 * BLOCK])
    fewer = make(draw, tmp_path / "b", [100])
    assert fewer.checksums() == whole.head(100).checksums()


def test_a_shard_that_is_there_is_not_simulated_again(draw, tmp_path, monkeypatch):
    first = simulate_shard(draw, tmp_path, 0, 100, 0)
    monkeypatch.setattr(type(draw.experiment.simulator), "simulate", lambda *_: pytest.fail("simulated again"))
    assert simulate_shard(draw, tmp_path, 0, 100, 0) == first
    assert simulate_shard(draw, tmp_path, 0, 50, 0)["rows"] == 50


def test_parameters_fill_the_box_and_only_the_box(line, tmp_path):
    box = Box(line.prior.names, (0.2, 0.5), (0.3, 0.9))
    z = make(Draw(line, box, "train"), tmp_path, [2048]).z
    u = line.prior.to_unit(z)
    assert box.contains(np.clip(u, np.add(box.lower, -1e-6), np.add(box.upper, 1e-6))).all()
    scaled = (u - box.lower) / np.subtract(box.upper, box.lower)
    # the mean of n uniform numbers has a standard deviation of 1 / sqrt(12 n); 5 of them
    np.testing.assert_allclose(scaled.mean(axis=0), 0.5, atol=5 / np.sqrt(12 * 2048))


def test_purposes_seeds_and_boxes_share_no_random_number(line, line_record, load_record, tmp_path):
    line_record["seed"] = 2
    full, half = Box.full(line.prior.names), Box(line.prior.names, (0.0, 0.0), (0.5, 1.0))
    other_seed = load_record(line_record, "other")
    draws = [
        Draw(line, full, "train"),
        Draw(line, full, "test"),
        Draw(line, half, "train"),
        Draw(other_seed, full, "train"),
    ]
    z = [make(draw, tmp_path / str(i), [64]).z for i, draw in enumerate(draws)]
    assert len({values.tobytes() for values in z}) == 4


def test_what_the_posterior_needs_shares_a_store_and_what_the_simulation_needs_does_not(line_record, load_record):
    one = load_record(line_record, "one").fingerprint
    line_record["training"] = {"epochs": 3}
    line_record["observation"]["mock"]["seed"] = 99
    assert load_record(line_record, "two").fingerprint == one
    line_record["simulator"]["options"]["points"] = 21
    assert load_record(line_record, "three").fingerprint != one
    line_record["simulator"]["options"]["points"] = 20
    line_record["prior"]["slope"] = {"normal": [0, 3]}
    assert load_record(line_record, "four").fingerprint != one


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_simulation_that_is_not_finite_stops_with_its_parameters(draw, tmp_path, monkeypatch, value):
    cls = type(draw.experiment.simulator)
    simulate = cls.simulate

    def broken(self, z, generator):
        y = simulate(self, z, generator)["brightness"].clone()
        y[3] = value
        return {"brightness": y}

    monkeypatch.setattr(cls, "simulate", broken)
    with pytest.raises(
        DarksieveError, match=r"not finite in 1 of 64 simulations, first at intercept=.*, slope="
    ) as raised:
        simulate_shard(draw, tmp_path, 0, 64, 0)
    assert "\n" not in str(raised.value)
    assert not list(tmp_path.rglob("*.zarr"))


@pytest.mark.parametrize("result", [torch.zeros(3), {"y": torch.zeros(1, 2)}, {}, {"y": [1]}])
def test_simulation_of_the_wrong_shape_is_refused(draw, tmp_path, monkeypatch, result):
    monkeypatch.setattr(type(draw.experiment.simulator), "simulate", lambda *_: result)
    with pytest.raises(DarksieveError, match="simulator Line"):
        simulate_shard(draw, tmp_path, 0, 64, 0)


def test_manifest_of_other_content_is_refused(draw, tmp_path):
    manifest = simulate_shard(draw, tmp_path / "store", 0, 64, 0)
    path = tmp_path / "shard-0.json"
    path.write_text(json.dumps(manifest))
    assert len(read_manifests([path], tmp_path / "store")) == 64
    path.write_text(json.dumps(manifest | {"sha256": {"z": "0"}}))
    with pytest.raises(DarksieveError, match="other simulations than"):
        read_manifests([path], tmp_path / "store")


@settings(max_examples=20, deadline=None)
@given(total=st.integers(1, 20_000), size=st.integers(1, 80).map(lambda n: 64 * n))
def test_shards_cover_a_draw_without_overlap(total, size):
    from types import SimpleNamespace

    from darksieve.problem.experiment import Experiment

    config = SimpleNamespace(rounds=SimpleNamespace(shard=size))
    rows = Experiment.shard_rows(SimpleNamespace(config=config), total)
    assert sum(rows) == total
    assert all(n == size for n in rows[:-1])
    assert 0 < rows[-1] <= size
