"""A copy of the workflow in which a test may run, edit and kill."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

PARTS = ("Snakefile", "workflow", "config", "profiles", "examples", "src", "requirements.lock")


class Workspace:
    """A copy of the repository's workflow and package, whose Snakemake imports the copy."""

    experiments = ("examples/line.yaml",)

    def __init__(self, folder: Path, repository: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for part in PARTS:
            source = repository / part
            if source.is_dir():
                shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
            else:
                shutil.copy(source, folder / part)
        record = yaml.safe_load((folder / "examples/line.yaml").read_text())
        record["rounds"] = {"maximum": 2, "simulations": 512, "shard": 256}
        record["training"] = {"epochs": 4}
        record["diagnostics"] = {"simulations": 60, "predictive_draws": 20}
        record["posterior_samples"] = 500
        (folder / "examples/line.yaml").write_text(yaml.safe_dump(record))

    def command(self, *arguments: str, extra: tuple[str, ...] = ()) -> dict:
        paths = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        environment = {**os.environ, "PATH": paths, "PYTHONPATH": str(self.folder / "src"), "OMP_NUM_THREADS": "1"}
        experiments = f"experiments=[{','.join(self.experiments)}]"
        command = [sys.executable, "-m", "snakemake", *arguments, "--config", experiments, *extra]
        return {"args": command, "cwd": self.folder, "env": environment, "text": True}

    def snakemake(
        self, *arguments: str, check: bool = True, extra: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess:
        result = subprocess.run(**self.command(*arguments, extra=extra), capture_output=True)
        assert not check or result.returncode == 0, result.stdout + result.stderr
        return result

    def planned(self, *arguments: str) -> set[str]:
        """Rules that a dry run would run, from its table of jobs."""
        output = self.snakemake("-n", "--cores", "2", *arguments).stdout
        assert "Job stats:" in output or "Nothing to be done" in output
        return set(re.findall(r"^(\w+) +\d+$", output, flags=re.MULTILINE)) - {"all", "total"}

    def start(self, *arguments: str) -> subprocess.Popen:
        return subprocess.Popen(
            **self.command(*arguments), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )

    @staticmethod
    def kill(process: subprocess.Popen) -> None:
        """SIGKILL Snakemake and every job of it."""
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def result(self, name: str) -> Path:
        return self.folder / "results/line" / name


@pytest.fixture(scope="module")
def finished(tmp_path_factory, repository_module):
    """A workspace in which the example experiment has run on two cores."""
    workspace = Workspace(tmp_path_factory.mktemp("finished"), repository_module)
    workspace.output = workspace.snakemake("--cores", "2")
    return workspace


@pytest.fixture(scope="module")
def repository_module():
    return Path(__file__).resolve().parents[2]


@pytest.fixture
def workspace(tmp_path, repository_module):
    return Workspace(tmp_path / "work", repository_module)
