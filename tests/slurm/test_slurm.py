"""The workflow on a cluster, through a real Slurm: what runs where, and what is left when a job is stopped."""

import os
import signal
from datetime import timedelta

import h5py
import numpy as np
import pytest

from darksieve.store.shard import read_shard
from tests.slurm.cluster import run

pytestmark = pytest.mark.slurm
CHECKPOINT = "line/round-1/training-*.checkpoint/0.pt"
POSTERIOR = "results/line/posterior.h5"


def simulations(workspace):
    """Every array of every shard in the store."""
    store = workspace.folder / "data/simulations"
    return {path.relative_to(store): read_shard(path).arrays for path in store.rglob("*.zarr")}


def assert_same_results(workspace, local, experiment):
    """Simulations and samples of the posterior are those of the machine without a cluster, to the last bit."""
    expected, found = simulations(local), simulations(workspace)
    assert found
    for shard, arrays in found.items():
        for name, array in arrays.items():
            np.testing.assert_array_equal(array, expected[shard][name], err_msg=f"{shard} {name}")
    path = f"results/{experiment}/posterior.h5"
    with h5py.File(local.folder / path) as first, h5py.File(workspace.folder / path) as second:
        assert first.keys() == second.keys()
        for marginal in first:
            for name in first[marginal]:
                np.testing.assert_array_equal(first[marginal][name][()], second[marginal][name][()])


def assert_it_went_on(workspace, local):
    """The training from its checkpoint, with no simulation made again, to the same posterior."""
    assert "resumed after epoch" in workspace.result("logs/train/round-1.log").read_text()
    assert not workspace.jobs("simulate")
    assert_same_results(workspace, local, "line")


def assert_it_said_that_it_was_stopped(workspace):
    """In one line among what Snakemake shows of the job."""
    shown = "".join(path.read_text() for path in workspace.folder.glob(".snakemake/log/*.log"))
    assert "stopped by SIGTERM, and all that was done is kept; run it again and it goes on" in shown


def test_lens_on_the_cluster_gives_what_it_gives_on_this_machine(workspace, local):
    workspace.finish(workspace.submit("results/tiny/posterior.h5"))
    assert_same_results(workspace, local, "tiny")
    shards, trainings = workspace.jobs("simulate"), workspace.jobs("train")
    assert len(shards) == 4
    assert {(job.partition, job.gpus) for job in shards} == {("cpu", 0)}
    assert [(job.partition, job.gpus) for job in trainings] == [("gpu", 1)] * 2
    for number in (1, 2):  # the GPU is not one that torch can use
        log = (workspace.folder / f"results/tiny/logs/train/round-{number}.log").read_text()
        assert "the CPU is used: CUDA_VISIBLE_DEVICES is 0" in log


def test_training_that_is_cancelled_goes_on(simulated, local):
    process = simulated.submit(POSTERIOR)
    simulated.wait_for(CHECKPOINT)
    (training,) = simulated.jobs("train")
    run("scancel", str(training.number))
    simulated.finish(process)
    assert [job.state for job in simulated.jobs("train")] == ["CANCELLED", "COMPLETED"]
    assert_it_said_that_it_was_stopped(simulated)
    assert_it_went_on(simulated, local)


def test_training_without_memory_goes_on_with_twice_as_much(cluster, simulated, local):
    """It is killed as the kernel kills what takes more than it was given."""
    process = simulated.submit(POSTERIOR)
    simulated.wait_for(CHECKPOINT)
    (python,) = cluster.processes("bin/darksieve train")
    os.kill(python, signal.SIGKILL)
    simulated.finish(process)
    first, second = simulated.jobs("train")
    assert (first.state, second.state) == ("FAILED", "COMPLETED")
    assert second.memory == 2 * first.memory > 0
    assert_it_went_on(simulated, local)


def test_training_on_a_node_that_is_lost_goes_on(cluster, simulated, local):
    process = simulated.submit(POSTERIOR)
    simulated.wait_for(CHECKPOINT)
    cluster.lose_node()
    cluster.start_node()
    simulated.finish(process)
    assert_it_went_on(simulated, local)


def test_training_over_its_time_limit_goes_on(cluster, simulated, local):
    """It stands still, as when a file system hangs; Slurm stops it at the limit, or before as the profile asks."""
    process = simulated.submit(POSTERIOR)
    simulated.wait_for(CHECKPOINT)
    (training,) = simulated.jobs("train")
    (python,) = cluster.processes("bin/darksieve train")
    os.kill(python, signal.SIGSTOP)
    run("scontrol", "update", f"JobId={training.number}", "TimeLimit=1")
    simulated.finish(process)
    first, second = simulated.jobs("train")
    assert (first.state in ("FAILED", "TIMEOUT"), second.state) == (True, "COMPLETED")
    assert first.ended - first.started < timedelta(minutes=3)  # its own limit was two hours
    assert_it_said_that_it_was_stopped(simulated)
    assert_it_went_on(simulated, local)


def test_trainings_of_two_experiments_take_turns_on_the_gpu(workspace):
    workspace.experiments = ("examples/line.yaml", "examples/other.yaml")
    workspace.finish(workspace.submit("results/line/round-1/estimator.pt", "results/other/round-1/estimator.pt"))
    first, second = sorted(workspace.jobs("train"), key=lambda job: job.started)
    assert first.gpus == second.gpus == 1
    assert first.submitted <= second.submitted < first.ended  # they wanted it at the same time
    assert first.ended <= second.started
