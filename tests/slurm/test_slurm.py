"""The workflow on a cluster, through a real Slurm: what runs where, and what is left when a job is stopped."""

import os
import signal

import h5py
import numpy as np
import pytest

from darksieve.store.shard import read_shard
from tests.slurm.cluster import run, wait_until

pytestmark = pytest.mark.slurm
CHECKPOINT = "line/round-1/training-*.checkpoint/0.pt"
POSTERIOR = "results/line/posterior.h5"


@pytest.fixture
def jobs(cluster):
    """A function that gives the jobs of a rule since the test began, in the order in which they were submitted."""
    before = {record.number for record in cluster.records()}
    return lambda rule: [job for job in cluster.records() if job.number not in before and job.rule == rule]


def simulations(workspace):
    """Every array of every shard in the store."""
    store = workspace.folder / "data/simulations"
    return {path.relative_to(store): read_shard(path).arrays for path in store.rglob("*.zarr")}


def assert_same_results(workspace, local, *experiments):
    """Simulations and samples of the posteriors are those of the machine without a cluster, to the last bit."""
    expected, found = simulations(local), simulations(workspace)
    assert found
    for shard, arrays in found.items():
        for name, array in arrays.items():
            np.testing.assert_array_equal(array, expected[shard][name], err_msg=f"{shard} {name}")
    for experiment in experiments:
        path = f"results/{experiment}/posterior.h5"
        with h5py.File(local.folder / path) as first, h5py.File(workspace.folder / path) as second:
            assert first.keys() == second.keys()
            for marginal in first:
                for name in first[marginal]:
                    np.testing.assert_array_equal(first[marginal][name][()], second[marginal][name][()])


def assert_not_simulated_again(jobs):
    """Each shard of the round was one job, which ended well."""
    assert [job.state for job in jobs("simulate")] == ["COMPLETED"] * 2


def test_lens_on_the_cluster_gives_what_it_gives_on_this_machine(workspace, local, jobs):
    workspace.finish(workspace.submit("results/tiny/posterior.h5"))
    assert_same_results(workspace, local, "tiny")
    shards, trainings = jobs("simulate"), jobs("train")
    assert len(shards) == 4
    assert {(job.partition, job.gpus) for job in shards} == {("cpu", 0)}
    assert [(job.partition, job.gpus) for job in trainings] == [("gpu", 1)] * 2
    for number in (1, 2):  # the GPU is not one that torch can use
        log = (workspace.folder / f"results/tiny/logs/train/round-{number}.log").read_text()
        assert "the CPU is used: CUDA_VISIBLE_DEVICES is 0" in log


def test_training_that_is_cancelled_goes_on(cluster, workspace, local, jobs):
    process = workspace.submit(POSTERIOR)
    workspace.wait_for(CHECKPOINT)
    (training,) = jobs("train")
    run("scancel", str(training.number))
    workspace.finish(process)
    assert [job.state for job in jobs("train")] == ["CANCELLED", "COMPLETED"]
    assert "resumed after epoch" in (workspace.folder / "results/line/logs/train/round-1.log").read_text()
    assert_not_simulated_again(jobs)
    assert_same_results(workspace, local, "line")


def test_training_on_a_node_that_is_lost_goes_on(cluster, workspace, local, jobs):
    process = workspace.submit(POSTERIOR)
    workspace.wait_for(CHECKPOINT)
    cluster.lose_node()
    cluster.start_node()
    workspace.finish(process)
    assert "resumed after epoch" in (workspace.folder / "results/line/logs/train/round-1.log").read_text()
    assert_not_simulated_again(jobs)
    assert_same_results(workspace, local, "line")


def test_training_over_its_time_limit_goes_on(cluster, workspace, local, jobs):
    """It stands still, as when a file system hangs, until Slurm stops it."""
    process = workspace.submit(POSTERIOR)
    workspace.wait_for(CHECKPOINT)
    (training,) = jobs("train")
    (python,) = [number for number in cluster.processes("bin/darksieve train")]
    os.kill(python, signal.SIGSTOP)
    run("scontrol", "update", f"JobId={training.number}", "TimeLimit=1")
    wait_until(lambda: jobs("train")[0].state == "TIMEOUT", 240)
    workspace.finish(process)
    assert [job.state for job in jobs("train")] == ["TIMEOUT", "COMPLETED"]
    assert_not_simulated_again(jobs)
    assert_same_results(workspace, local, "line")


def test_trainings_of_two_experiments_take_turns_on_the_gpu(workspace, jobs):
    workspace.experiments = ("examples/line.yaml", "examples/other.yaml")
    workspace.finish(workspace.submit("results/line/round-1/estimator.pt", "results/other/round-1/estimator.pt"))
    first, second = sorted(jobs("train"), key=lambda job: job.started)
    assert first.gpus == second.gpus == 1
    assert first.submitted <= second.submitted < first.ended  # they wanted it at the same time
    assert first.ended <= second.started
