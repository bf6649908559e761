"""How long Snakemake takes to see what is to be done: a dry run of darksieve, by the number of its jobs.

The jobs are shards of the first round of `examples/line.yaml`, more of them for every line; beside it stands a workflow
of as many shards that knows no darksieve. CPU seconds are those that a quiet machine would need. Run it as
`python benchmarks/dry_run.py`; it fails where 1,000 shards take 10 s of CPU, 10,000 take 60 s, or a job among many
costs twice what it costs among few.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
SHARD = 64  # simulations, the fewest that are allowed
LONGEST = {1_000: 10.0, 10_000: 60.0}  # CPU seconds
STEEPEST = 2.0  # CPU seconds of a job more, over those where there are fewer
BARE = """
rule all:
    input: expand("shard-{{shard}}.json", shard=range({jobs}))
rule plan:
    output: "plan.json"
    shell: "touch {{output}}"
rule simulate:
    input: "plan.json"
    output: "shard-{{shard}}.json"
    shell: "touch {{output}}"
"""


def copy_workflow(folder: Path, jobs: int) -> list[str]:
    """The workflow with an experiment of that many shards; returns what Snakemake is told."""
    for part in ("Snakefile", "workflow", "config", "profiles", "examples"):
        source = REPOSITORY / part
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / part)
    experiment = folder / "examples/line.yaml"
    record = yaml.safe_load(experiment.read_text())
    record["rounds"] = {"maximum": 1, "simulations": SHARD * jobs, "shard": SHARD}
    experiment.write_text(yaml.safe_dump(record))
    return ["--config", "experiments=[examples/line.yaml]"]


def copy_bare(folder: Path, jobs: int) -> list[str]:
    """A workflow of that many shards and nothing else."""
    (folder / "Snakefile").write_text(BARE.format(jobs=jobs))
    return []


def measure(folder: Path, arguments: list[str]) -> tuple[int, float, float]:
    """Jobs of a dry run, its wall time and CPU time in s, the second of two: the first one checks the simulator."""
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--quiet", "rules", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
    for _ in range(2):
        started, cpu_before = time.monotonic(), cpu_seconds()
        result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        wall, cpu = time.monotonic() - started, cpu_seconds() - cpu_before
        if result.returncode:
            sys.exit(result.stdout + result.stderr)
    (jobs,) = re.findall(r"^total +(\d+)$", result.stdout + result.stderr, flags=re.MULTILINE)[-1:]
    return int(jobs), wall, cpu


def cpu_seconds() -> float:
    """User and system time of all processes that have been waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, nargs="+", default=[100, 1_000, 10_000], help="numbers of shards")
    options = parser.parse_args()
    print("shards     jobs  wall [s]  CPU [s]  bare CPU [s]  CPU [ms] a job more")
    good, measured = True, []
    for shards in options.jobs:
        with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
            jobs, wall, cpu = measure(Path(first), copy_workflow(Path(first), shards))
            *_, bare = measure(Path(second), copy_bare(Path(second), shards))
        measured.append((jobs, cpu))
        slope = slopes(measured)[-1] if len(measured) > 1 else float("nan")
        print(f"{shards:6d} {jobs:8d} {wall:9.1f} {cpu:8.1f} {bare:13.1f} {1e3 * slope:21.2f}", flush=True)
        good &= cpu < LONGEST.get(shards, float("inf"))
    found = slopes(measured)
    return 0 if good and all(b < STEEPEST * a for a, b in pairwise(found)) else 1


def slopes(measured: list[tuple[int, float]]) -> list[float]:
    """CPU seconds that a job more costs, from each measurement to the next."""
    return [(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(measured)]


if __name__ == "__main__":
    sys.exit(main())
