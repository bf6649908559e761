"""A cluster for all tests of this folder, and copies of the workflow that run on it."""

import shutil
import subprocess

import pytest
import yaml

from tests.slurm.cluster import Cluster, missing, wait_until
from tests.workflow.conftest import Workspace

# what a cluster without accounting needs, and what saves time in a small one
OPTIONS = (
    "--profile", "profiles/slurm", "--slurm-status-command", "squeue", "--slurm-no-account",
    "--slurm-init-seconds-before-status-checks", "1", "--latency-wait", "5",
)  # fmt: skip


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """A running Slurm of one node with one GPU."""
    if reason := missing():
        pytest.skip(reason)
    found = Cluster(tmp_path_factory.mktemp("slurm"))
    try:
        found.start()
        yield found
    finally:
        found.stop()


class ClusterWorkspace(Workspace):
    """A copy of the workflow with a lens that is smaller still, and the example with a training to be disturbed."""

    experiments = ("examples/tiny.yaml", "examples/line.yaml")

    def __init__(self, folder, repository):
        super().__init__(folder, repository)
        record = yaml.safe_load((folder / "config/experiments/lens-tiny.yaml").read_text())
        record["rounds"] = {"maximum": 2, "simulations": 512, "shard": 256, "threshold": 1e-4}
        record["training"] |= {"epochs": 2}
        record["posterior_samples"] = 500
        (folder / "examples/tiny.yaml").write_text(yaml.safe_dump(record))
        record = yaml.safe_load((folder / "examples/line.yaml").read_text())
        record["rounds"]["maximum"] = 1
        record["training"] = {"epochs": 100}
        (folder / "examples/line.yaml").write_text(yaml.safe_dump(record))
        (folder / "examples/other.yaml").write_text(yaml.safe_dump(record | {"seed": 2}))

    def submit(self, *targets):
        """Start Snakemake on the cluster."""
        return self.start(*targets, *OPTIONS)

    def jobs(self, rule):
        """The jobs of a rule, in the order in which they were submitted."""
        return [job for job in self.cluster.records() if job.folder == self.folder and job.rule == rule]

    @staticmethod
    def finish(process):
        """Wait for Snakemake, which must end well."""
        try:
            assert process.wait(timeout=1800) == 0
        except subprocess.TimeoutExpired:
            Workspace.kill(process)
            raise

    def wait_for(self, pattern):
        """Wait for a file of the results."""
        wait_until(lambda: list(self.folder.glob(f"results/{pattern}")), 300)


@pytest.fixture(scope="module")
def local(tmp_path_factory, repository_module):
    """A copy in which everything has run on this machine."""
    workspace = ClusterWorkspace(tmp_path_factory.mktemp("local"), repository_module)
    workspace.snakemake("results/tiny/posterior.h5", "results/line/posterior.h5", "--cores", "2")
    return workspace


@pytest.fixture
def workspace(tmp_path, repository_module, cluster):
    found = ClusterWorkspace(tmp_path / "work", repository_module)
    found.cluster = cluster
    return found


@pytest.fixture
def simulated(workspace, local):
    """A copy in which the example was simulated, and nothing was trained."""
    shutil.rmtree(workspace.folder)
    shutil.copytree(local.folder, workspace.folder)
    for name in ("round-1/estimator.pt", "round-1/profiles.npz", "round-1/history.csv", "round-1/box.json"):
        workspace.result(name).unlink()
    workspace.result("posterior.h5").unlink()
    return workspace


@pytest.fixture(scope="module")
def repository_module():
    from tests.conftest import REPOSITORY

    return REPOSITORY
