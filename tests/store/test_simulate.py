import builtins
import errno
import json
import multiprocessing
import os
import signal
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.conftest import plan_request, simulate

from darksieve.problem.box import Box
from darksieve.problem.errors import DarksieveError
from darksieve.problem.interruption import Interruption
from darksieve.store import simulate as module
from darksieve.store.attempt import BLOCK, simulator_call
from darksieve.store.shard import Status, read_shard
from darksieve.store.simulate import read_simulations, simulate_shard


@pytest.fixture
def full(line):
    return Box.full(line.prior.names)


@pytest.fixture
def behave(line, monkeypatch):
    """Replace what the simulator does to its result: a function of z (n, P) and the result (n, points)."""
    cls = type(line.simulator)
    original = cls.simulate

    def install(change):
        def changed(self, z, generator):
            return {"brightness": change(z, original(self, z, generator)["brightness"].clone())}

        monkeypatch.setattr(cls, "simulate", changed)

    return install


def make(experiment, plan, store):
    return [simulate_shard(experiment, plan, name, store) for name in plan.slices if name]


def stored(store):
    return {path.name: read_shard(path).arrays for path in store.rglob("*.zarr")}


def assert_same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        for key in a[name]:
            np.testing.assert_array_equal(a[name][key], b[name][key], err_msg=f"{name} {key}")


def test_simulations_are_those_of_their_parameters(line, full, tmp_path):
    found = simulate(line, full, tmp_path, 200)
    expected = line.simulator.simulate(torch.from_numpy(found.z), torch.Generator())["brightness"]
    np.testing.assert_array_equal(found.x["brightness"], expected.numpy())


def test_a_shard_that_is_there_is_not_simulated_again(line, full, tmp_path, behave):
    plan = plan_request(line, full, tmp_path, 100)
    (first,) = make(line, plan, tmp_path)
    assert first["made"]
    behave(lambda *_: pytest.fail("simulated again"))
    (second,) = make(line, plan, tmp_path)
    assert second == first | {"made": False}
    assert len(simulate(line, full, tmp_path, 50)) < len(simulate(line, full, tmp_path, 100))


def test_another_network_or_observation_simulates_nothing(line_record, load_record, tmp_path):
    one = load_record(line_record, "one")
    simulate(one, Box.full(one.prior.names), tmp_path / "store", 100)
    line_record["training"] = {"epochs": 3}
    line_record["network"] = {"features": 8}
    line_record["observation"]["mock"]["seed"] = 99
    two = load_record(line_record, "two")
    assert plan_request(two, Box.full(two.prior.names), tmp_path / "store", 100).new_simulations == 0


def test_what_the_simulation_needs_does_not_share_a_store(line_record, load_record):
    one = load_record(line_record, "one").fingerprint
    line_record["simulator"]["options"]["points"] = 21
    assert load_record(line_record, "two").fingerprint != one
    line_record["simulator"]["options"]["points"] = 20
    line_record["prior"]["slope"] = {"normal": [0, 3]}
    assert load_record(line_record, "three").fingerprint != one


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_simulation_that_is_not_finite_is_recorded_and_never_read(line, full, tmp_path, behave, value, caplog):
    behave(lambda z, y: torch.where(z[:, :1] > z[:, 0].quantile(0.99), value, y))
    plan = plan_request(line, full, tmp_path, 1000)
    relaxed = with_policy(line, failures_allowed=0.5)
    (manifest,) = make(relaxed, plan, tmp_path)
    assert 0 < manifest["states"]["not_finite"] < 50
    assert manifest["failures"][0]["message"] == "brightness is not finite"
    assert set(manifest["failures"][0]["parameters"]) == {"intercept", "slope"}
    found = read_simulations(relaxed, plan, [], tmp_path)
    assert np.isfinite(found.x["brightness"]).all()
    assert len(found) == manifest["states"]["ok"]
    assert "they are left out" in caplog.text


def test_exception_spoils_only_its_own_simulation(line, full, tmp_path, behave):
    def change(z, y):
        if (z[:, 0] > 0.9).any():
            raise ValueError("no lens")
        return y

    behave(change)
    relaxed = with_policy(line, failures_allowed=0.5)
    plan = plan_request(line, full, tmp_path, 300)
    (manifest,) = make(relaxed, plan, tmp_path)
    (shard,) = [read_shard(path) for path in tmp_path.rglob("*.zarr")]
    np.testing.assert_array_equal(shard.status == Status.FAILED, shard.simulations.z[:, 0] > 0.9)
    assert manifest["failures"][0]["message"] == "ValueError: no lens"
    assert not shard.simulations.x["brightness"][shard.status == Status.FAILED].any()


def test_more_failures_than_allowed_stop_with_one_line(line, full, tmp_path, behave):
    behave(lambda z, y: torch.where(z[:, :1] > 0, float("nan"), y))
    with pytest.raises(DarksieveError, match=r"\d+ of \d+ simulations went wrong \(\d+ not finite\), first at") as told:
        simulate(line, full, tmp_path, 200)
    assert "\n" not in str(told.value)
    assert "failures_allowed" in str(told.value)


def test_simulator_that_always_fails_says_so_in_one_line(line, full, tmp_path, behave):
    def change(z, y):
        raise ValueError("no\nlens")

    behave(change)
    with pytest.raises(DarksieveError, match=r"every simulation went wrong, first at .*: ValueError: no lens"):
        simulate(line, full, tmp_path, 100)


def test_what_went_wrong_is_tried_again_as_often_as_configured(line, full, tmp_path, behave):
    calls = []

    def change(z, y):
        calls.append(len(z))
        return y * float("nan") if len(calls) % 2 else y  # every second call succeeds

    behave(change)
    plan = plan_request(line, full, tmp_path, 20)
    (manifest,) = make(with_policy(line, retries=2), plan, tmp_path)
    assert manifest["states"]["ok"] == manifest["rows"]
    assert len(calls) > manifest["rows"]


def with_policy(experiment, **policy):
    """The experiment with another policy and the same simulator object, which a test may have changed."""
    config = experiment.config
    simulator = config.simulator.model_copy(update=policy)
    changed = replace(experiment, config=config.model_copy(update={"simulator": simulator}))
    changed.__dict__["simulator"] = experiment.simulator
    return changed


SLOW = """
import time
import torch
from darksieve.problem.simulator import Simulator

class Slow(Simulator):
    parameters = ["a"]

    def simulate(self, z, generator):
        if (z[:, 0] > 0.97).any():
            time.sleep(60)
        return {"x": z.clone()}
"""


def test_simulation_that_hangs_is_stopped_and_recorded(tmp_path, load_record):
    (tmp_path / "slow.py").write_text(SLOW)
    record = {
        "simulator": {"class": "slow.py:Slow", "timeout": 0.02, "failures_allowed": 0.5},
        "prior": {"a": {"uniform": [0, 1]}},
        "observation": {"mock": {"parameters": {"a": 0.5}}},
    }
    experiment = load_record(record, "slow")
    plan = plan_request(experiment, Box.full(["a"]), tmp_path / "store", 70)
    (manifest,) = make(experiment, plan, tmp_path / "store")
    (shard,) = [read_shard(path) for path in (tmp_path / "store").rglob("*.zarr")]
    late = shard.simulations.z[:, 0] > 0.97
    assert late.any()
    np.testing.assert_array_equal(shard.status == Status.TIMED_OUT, late)
    assert manifest["failures"][0]["message"] == "took more than 0.02 s"


@pytest.mark.parametrize("result", [torch.zeros(3), {"y": torch.zeros(1, 2)}, {}, {"y": [1]}])
def test_simulation_of_the_wrong_shape_is_refused(line, full, tmp_path, monkeypatch, result):
    monkeypatch.setattr(type(line.simulator), "simulate", lambda *_: result)
    with pytest.raises(DarksieveError, match="simulator Line"):
        simulate(line, full, tmp_path, 64)


def test_interrupted_shard_goes_on_where_it_was_with_the_same_numbers(line, full, tmp_path, behave, monkeypatch):
    monkeypatch.setattr(module, "SECONDS_BETWEEN_SAVES", 0.0)
    plan = plan_request(line, full, tmp_path / "a", 10 * BLOCK)
    make(line, plan, tmp_path / "a")
    calls = []

    def die(z, y):
        calls.append(len(z))
        if len(calls) == 5:
            raise KeyboardInterrupt
        return y

    behave(die)
    with pytest.raises(KeyboardInterrupt):
        make(line, plan, tmp_path / "b")
    assert not list((tmp_path / "b").rglob("*.zarr"))
    first, blocks = len(calls), -(-len(plan.new_points(plan.slices[0])) // BLOCK)
    make(line, plan, tmp_path / "b")
    assert len(calls) - first == blocks - 4  # the fifth was lost
    assert_same(stored(tmp_path / "a"), stored(tmp_path / "b"))
    assert not list((tmp_path / "b").rglob("*.partial"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_shard_that_a_signal_stops_keeps_its_blocks_and_goes_on(line, full, tmp_path, behave, number):
    plan = plan_request(line, full, tmp_path / "a", 10 * BLOCK)
    make(line, plan, tmp_path / "a")
    calls = []

    def stop(z, y):
        calls.append(len(z))
        if len(calls) == 5:
            signal.raise_signal(number)
        return y

    behave(stop)
    with Interruption() as interruption, pytest.raises(DarksieveError) as error:
        simulate_shard(line, plan, plan.slices[0], tmp_path / "b", interruption)
    blocks = -(-len(plan.new_points(plan.slices[0])) // BLOCK)
    assert f"block 5 of {blocks}: stopped by {number.name}, and all that was done is kept" in str(error.value)
    make(line, plan, tmp_path / "b")
    assert len(calls) == blocks
    assert_same(stored(tmp_path / "a"), stored(tmp_path / "b"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_process_of_a_simulator_outlives_the_signals_of_a_scheduler(tmp_path, load_record, number):
    """They reach every process of a job; a simulator's process that died of one would spoil its simulation."""
    (tmp_path / "slow.py").write_text(SLOW)
    record = {
        "simulator": {"class": "slow.py:Slow", "timeout": 60},
        "prior": {"a": {"uniform": [0, 0.9]}},
        "observation": {"mock": {"parameters": {"a": 0.5}}},
    }
    with simulator_call(load_record(record, "slow")) as call:
        z = np.full((2, 1), 0.5, np.float32)
        call(z, 1, 60.0)
        process = call.process.pid
        os.kill(process, number)
        np.testing.assert_array_equal(call(z, 1, 60.0)["x"], z)
        assert call.process.pid == process


def test_saved_blocks_that_cannot_be_read_are_simulated_again(line, full, tmp_path, behave, monkeypatch):
    monkeypatch.setattr(module, "SECONDS_BETWEEN_SAVES", 0.0)
    plan = plan_request(line, full, tmp_path / "a", 5 * BLOCK)
    make(line, plan, tmp_path / "a")
    folder = tmp_path / "b" / plan.pool / f".{plan.slices[0]}.partial"
    folder.mkdir(parents=True)
    (folder / "blocks-000000.npz").write_bytes(b"PK nonsense")
    make(line, plan, tmp_path / "b")
    assert_same(stored(tmp_path / "a"), stored(tmp_path / "b"))


def test_damaged_shard_is_named_and_made_again(line, full, tmp_path, caplog):
    before = simulate(line, full, tmp_path, 300)
    (shard,) = tmp_path.rglob("*.zarr")
    (data,) = [path for path in (shard / "x/brightness").rglob("*") if path.is_file() and path.name != "zarr.json"]
    content = bytearray(data.read_bytes())
    content[100] ^= 4
    data.write_bytes(content)
    after = simulate(line, full, tmp_path, 300)
    assert shard.name in caplog.text
    assert "is damaged" in caplog.text
    assert "it is made again" in caplog.text
    np.testing.assert_array_equal(after.x["brightness"], before.x["brightness"])


def test_manifest_of_other_content_is_refused(line, full, tmp_path):
    plan = plan_request(line, full, tmp_path / "store", 64)
    (manifest,) = make(line, plan, tmp_path / "store")
    path = tmp_path / "shard-0.json"
    path.write_text(json.dumps(manifest))
    assert len(read_simulations(line, plan, [path], tmp_path / "store")) == manifest["rows"]
    path.write_text(json.dumps(manifest | {"digests": {"z": "0"}}))
    with pytest.raises(DarksieveError, match="other simulations than"):
        read_simulations(line, plan, [path], tmp_path / "store")


def test_folder_that_cannot_be_written_is_one_line(line, full, tmp_path):
    (tmp_path / "store").write_text("a file where the store should be")
    plan = plan_request(line, full, tmp_path / "other", 64)
    with pytest.raises(DarksieveError, match="cannot be written"):
        make(line, plan, tmp_path / "store")


@pytest.fixture
def read_only(monkeypatch):
    """Make the file system refuse every change from now on, as a read-only one does."""

    def refuse(*_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    def start():
        open_file, mkdir, open_descriptor = builtins.open, os.mkdir, os.open
        changing = os.O_WRONLY | os.O_RDWR | os.O_CREAT
        monkeypatch.setattr(
            builtins, "open",
            lambda file, mode="r", *a, **k: (refuse if set(mode) & set("wax+") else open_file)(file, mode, *a, **k),
        )  # fmt: skip
        monkeypatch.setattr(
            os,
            "open",
            lambda path, flags, *a, **k: (refuse if flags & changing else open_descriptor)(path, flags, *a, **k),
        )
        monkeypatch.setattr(
            os, "mkdir", lambda path, *a, **k: (mkdir if os.path.exists(path) else refuse)(path, *a, **k)
        )
        for name in ("rename", "replace", "unlink", "remove", "rmdir", "link", "symlink"):
            monkeypatch.setattr(os, name, refuse)

    return start


def test_read_only_store_is_read_and_writing_to_it_is_one_line(line, full, tmp_path, read_only):
    plan = plan_request(line, full, tmp_path, 64)
    manifests = make(line, plan, tmp_path)
    more = plan_request(line, full, tmp_path, 400)
    read_only()
    assert len(read_simulations(line, plan, [], tmp_path)) == plan.new_simulations
    assert make(line, plan, tmp_path) == [manifest | {"made": False} for manifest in manifests]
    with pytest.raises(DarksieveError, match="cannot be written: Read-only file system"):
        make(line, more, tmp_path)


def serve(experiment, plan, store, queue):
    torch.set_num_threads(1)
    made = [simulate_shard(experiment, plan, name, store) for name in plan.slices if name]
    queue.put((os.getpid(), sum(manifest["rows"] for manifest in made if manifest["made"])))


def test_eight_writers_simulate_exactly_what_was_planned(line, full, tmp_path, behave):
    behave(lambda z, y: (time.sleep(0.005), y)[1])
    config = line.config.model_copy(update={"rounds": line.config.rounds.model_copy(update={"shard": 128})})
    small = replace(line, config=config)
    plan = plan_request(small, full, tmp_path, 1000)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    workers = [context.Process(target=serve, args=(small, plan, tmp_path, queue)) for _ in range(8)]
    for worker in workers:
        worker.start()
    rows = dict(queue.get(timeout=120) for _ in workers)
    for worker in workers:
        worker.join()
    assert len(rows) == 8
    assert sum(rows.values()) == plan.new_simulations
    assert len(read_simulations(small, plan, [], tmp_path)) == plan.new_simulations
