"""What swyft's ZarrStore gets wrong, reproduced with its own numbers: none of it happens here.

Found in swyft 0.4.5 with zarr 2: of 1,000 simulations in chunks of 64, training saw 832 instead of 800, 32 of them
held out; rows that were not simulated yet were trained on as zeros; simulations counted as done before they were
written; NaN counted as a simulation. (Four writers of 500 simulations also made 650: see the eight writers in
`test_simulate.py`.)
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.conftest import plan_request

from darksieve.inference.training import _Data
from darksieve.problem.box import Box
from darksieve.problem.errors import DarksieveError
from darksieve.store import reader, shard
from darksieve.store.simulate import open_simulations, read_simulations, simulate_shard


@pytest.fixture
def full(line):
    return Box.full(line.prior.names)


def make(experiment, plan, store):
    return [simulate_shard(experiment, plan, name, store) for name in plan.slices if name]


def resized(experiment, memory, shard):
    config = experiment.config
    sections = {
        "rounds": config.rounds.model_copy(update={"shard": shard}),
        "training": config.training.model_copy(update={"memory": memory}),
    }
    return replace(experiment, config=config.model_copy(update=sections))


@pytest.mark.parametrize("memory", [1.0, 1e-5], ids=["in memory", "streamed"])
def test_leakage_no_simulation_is_both_trained_on_and_held_out(line, full, tmp_path, monkeypatch, memory):
    monkeypatch.setattr(reader, "BLOCK_ROWS", 64)
    experiment = resized(line, memory, shard=200)
    plan = plan_request(experiment, full, tmp_path, 1000)
    make(experiment, plan, tmp_path)
    source = open_simulations(experiment, plan, [], tmp_path)
    training, validation = source.split(0.2, torch.Generator().manual_seed(1))
    data = _Data(source, lambda signal: signal, torch.device("cpu"))
    seen = [
        {
            tuple(row)
            for batch in data.batches(rows, 64, torch.Generator().manual_seed(2))
            for row in batch["z"].tolist()
        }
        for rows in (training, validation)
    ]
    assert len(training) + len(validation) == len(source.z)
    assert len(validation) == pytest.approx(0.2 * len(source.z), abs=64)
    assert not seen[0] & seen[1]
    assert len(seen[0]) >= len(training) - 1  # a last batch of one simulation is left out
    assert len(seen[1]) >= len(validation) - 1


def test_zero_rows_a_store_that_grows_holds_no_row_that_was_not_simulated(line, full, tmp_path):
    make(line, plan_request(line, full, tmp_path, 500), tmp_path)
    plan = plan_request(line, full, tmp_path, 1500)
    assert plan.reused_simulations > 0
    assert plan.new_simulations > 0
    found = read_simulations(line, plan, [], tmp_path)  # nobody made the missing ones: reading does
    assert len(found) == plan.reused_simulations + plan.new_simulations
    assert found.x["brightness"].any(axis=1).all()
    expected = line.simulator.simulate(torch.from_numpy(found.z), torch.Generator())["brightness"]
    np.testing.assert_array_equal(found.x["brightness"], expected.numpy())


def test_done_before_written_an_error_while_writing_leaves_nothing_that_counts_as_done(
    line, full, tmp_path, monkeypatch
):
    plan = plan_request(line, full, tmp_path, 100)
    original = shard._write_group

    def fail(path, content, attributes):
        original(path, content, attributes)
        raise KeyError("brightness")

    with monkeypatch.context() as patch:
        patch.setattr(shard, "_write_group", fail)
        with pytest.raises(KeyError):
            make(line, plan, tmp_path)
    assert not list(tmp_path.rglob("*.zarr"))
    assert plan_request(line, full, tmp_path, 100).new_simulations == plan.new_simulations
    (manifest,) = make(line, plan, tmp_path)
    assert manifest["made"]


def test_nan_no_simulation_that_is_not_finite_counts(line, full, tmp_path, monkeypatch):
    original = type(line.simulator).simulate

    def spoil(self, z, generator):
        signal = original(self, z, generator)["brightness"]
        return {"brightness": torch.where(z[:, :1] > 2.9, float("nan"), signal)}

    monkeypatch.setattr(type(line.simulator), "simulate", spoil)
    plan = plan_request(line, full, tmp_path, 1000)
    with pytest.raises(DarksieveError, match=r"\d+ of \d+ simulations went wrong \(\d+ not finite\)"):
        make(line, plan, tmp_path)
    found = read_simulations(line, plan, [], tmp_path)
    assert len(found) < plan.new_simulations
    assert np.isfinite(found.x["brightness"]).all()
