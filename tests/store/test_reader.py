from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.conftest import plan_request

from darksieve.inference import training
from darksieve.inference.training import train
from darksieve.problem.box import Box
from darksieve.problem.errors import DarksieveError
from darksieve.store import reader
from darksieve.store.reader import MemorySource, StreamedSource
from darksieve.store.simulate import open_simulations, read_simulations, simulate_shard

MEMORY = 200_000  # bytes: of 2,000 spectra of 20 numbers three blocks at once


def sized(experiment, **training_changes):
    """The experiment with small shards, and other keys of `training`."""
    config = experiment.config
    sections = {
        "rounds": config.rounds.model_copy(update={"shard": 700}),
        "training": config.training.model_copy(update=training_changes),
    }
    return replace(experiment, config=config.model_copy(update=sections))


@pytest.fixture
def stored(line, tmp_path, monkeypatch):
    """An experiment whose simulations exceed its memory, its plan and its store."""
    monkeypatch.setattr(reader, "BLOCK_ROWS", 64)
    experiment = sized(line, memory=1e-9 * MEMORY / 10, epochs=2)
    plan = plan_request(experiment, Box.full(line.prior.names), tmp_path, 2000)
    for name in plan.slices:
        simulate_shard(experiment, plan, name, tmp_path)
    return experiment, plan, tmp_path


@pytest.fixture
def streamed(stored):
    experiment, plan, store = stored
    return open_simulations(experiment, plan, [], store)


def test_what_fits_is_in_memory_and_the_rest_is_streamed(stored, streamed):
    experiment, plan, store = stored
    assert isinstance(streamed, StreamedSource)
    assert isinstance(open_simulations(sized(experiment, memory=1.0), plan, [], store), MemorySource)


def test_streamed_simulations_are_those_in_memory(stored, streamed):
    experiment, plan, store = stored
    whole = read_simulations(experiment, plan, [], store)
    np.testing.assert_array_equal(streamed.z, whole.z)
    rows = np.random.default_rng(1).permutation(len(whole))[:500]
    np.testing.assert_array_equal(streamed.read(rows)["brightness"], whole.x["brightness"][rows])


@pytest.mark.parametrize("shuffled", [True, False])
def test_batches_hold_every_row_once_with_its_own_data(stored, streamed, shuffled):
    experiment, plan, store = stored
    whole = read_simulations(experiment, plan, [], store)
    generator = torch.Generator().manual_seed(1) if shuffled else None
    wanted, _ = streamed.split(0.1, torch.Generator().manual_seed(2))
    seen = []
    for rows, data in streamed.batches(wanted, 50, generator):
        np.testing.assert_array_equal(data["brightness"], whole.x["brightness"][rows])
        seen.append(rows)
    np.testing.assert_array_equal(np.sort(np.concatenate(seen)), np.sort(wanted))


def test_shuffled_batches_differ_from_epoch_to_epoch_and_mix_the_shards(streamed):
    rows = np.arange(len(streamed.z))
    generator = torch.Generator().manual_seed(1)
    epochs = [[part for part, _ in streamed.batches(rows, 128, generator)] for _ in range(2)]
    assert not np.array_equal(epochs[0][0], epochs[1][0])
    assert [len(part) for part in epochs[0][:-1]] == [128] * (len(epochs[0]) - 1)
    assert np.mean([np.ptp(part) for part in epochs[0]]) > 500


def test_training_and_validation_share_no_simulation_whatever_the_shards(streamed):
    training_rows, validation_rows = streamed.split(0.1, torch.Generator().manual_seed(1))
    assert not set(training_rows) & set(validation_rows)
    assert len(training_rows) + len(validation_rows) == len(streamed.z)
    assert 0.05 < len(validation_rows) / len(streamed.z) < 0.2
    memory = MemorySource.__new__(MemorySource)
    memory.z = streamed.z
    first, second = memory.split(0.1, torch.Generator().manual_seed(1))
    assert sorted([*first, *second]) == list(range(len(streamed.z)))


def test_streamed_simulations_train(stored, streamed):
    experiment, plan, _ = stored
    estimator, history = train(experiment, plan.region.box, streamed, {}, round_number=1)
    assert history[-1]["validation_loss"] < 0
    assert estimator.box == plan.region.box


def test_noise_of_streamed_validation_is_the_same_every_epoch(stored, streamed, monkeypatch):
    experiment, plan, _ = stored
    seen = []
    original = training.ratio_loss

    def spy(network, batch, *kind):
        if not network.training:
            seen.append(batch["brightness"].clone())
        return original(network, batch, *kind)

    monkeypatch.setattr(training, "ratio_loss", spy)
    train(experiment, plan.region.box, streamed, {}, round_number=1)
    half = len(seen) // 2
    assert half
    for first, second in zip(seen[:half], seen[half:]):
        torch.testing.assert_close(first, second)


def test_damage_is_named_while_streaming(stored, streamed):
    _, plan, store = stored
    shard = store / plan.pool / f"{plan.names[1]}.zarr"
    (data,) = [path for path in (shard / "x/brightness").rglob("*") if path.is_file() and path.name != "zarr.json"]
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 1
    data.write_bytes(content)
    with pytest.raises(DarksieveError, match=f"{plan.names[1]}.zarr: is damaged"):
        for _ in streamed.batches(np.arange(len(streamed.z)), 100, None):
            pass


def test_lost_data_are_named_before_streaming(stored):
    experiment, plan, store = stored
    shard = store / plan.pool / f"{plan.names[1]}.zarr"
    (data,) = [path for path in (shard / "x/brightness").rglob("*") if path.is_file() and path.name != "zarr.json"]
    data.write_bytes(b"")
    with pytest.raises(DarksieveError, match="is damaged, array x/brightness: its file has not the length"):
        open_simulations(experiment, plan, [], store)
