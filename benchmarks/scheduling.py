"""What a million to a hundred million simulations ask of a scheduler, a file system and Snakemake.

A part of an experiment is simulated here and a small dry run is measured; the rest is arithmetic: shards, submissions
(an array of `slurm-array-limit` shards is one), files, bytes, hours, and how fast the store grows. A dry run of over a
minute is marked. Run it as `python benchmarks/scheduling.py`; `--cores` says how many cores simulate at a time.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import torch
import yaml
from dry_run import REPOSITORY, copy_workflow, measure

from darksieve.problem.box import Box
from darksieve.problem.experiment import Experiment
from darksieve.store.plan import make_plan
from darksieve.store.simulate import simulate_shard

# simulations, and those of one shard
PLANS = ((1_000_000, 8_192), (10_000_000, 32_768), (100_000_000, 65_536))
BESIDES = 4  # files a shard has beside its folder in the store: manifest, cost, log, benchmark
MINUTE = 60.0


def simulate_one(name: str, simulations: int) -> tuple[float, float, int]:
    """Seconds and bytes a simulation, and files of a shard."""
    torch.set_num_threads(1)
    experiment = Experiment.load(REPOSITORY / f"config/experiments/{name}.yaml", REPOSITORY)
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder)
        plan = make_plan(experiment, Box.full(experiment.prior.names), "round-1", simulations, store)
        started = time.process_time()
        rows = sum(simulate_shard(experiment, plan, shard, store)["rows"] for shard in plan.slices if shard)
        seconds = time.process_time() - started
        files = [path for path in store.rglob("*") if path.is_file()]
        return seconds / rows, sum(path.stat().st_size for path in files) / rows, len(files)


def measure_dry_run() -> tuple[float, float]:
    """CPU seconds of a dry run without jobs, and those of each job."""
    found = []
    for shards in (100, 600):
        with tempfile.TemporaryDirectory() as folder:
            jobs, _, cpu = measure(Path(folder), copy_workflow(Path(folder), shards))
        found.append((jobs, cpu))
    (few, fast), (many, slow) = found
    each = (slow - fast) / (many - few)
    return fast - few * each, each


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--experiment", default="lens-mock", help="one of config/experiments")
    parser.add_argument("--simulations", type=int, default=512, help="simulations that are made to measure")
    parser.add_argument("--cores", type=int, default=1000, help="cores that simulate at a time")
    options = parser.parse_args()
    array = yaml.safe_load((REPOSITORY / "profiles/slurm/profile.yaml").read_text())["slurm-array-limit"]
    seconds, size, files = simulate_one(options.experiment, options.simulations)
    start, each = measure_dry_run()
    print(f"{options.experiment}: {1e3 * seconds:.1f} ms and {size / 1e3:.1f} kB a simulation, {files} files a shard")
    print(f"dry run: {start:.1f} s and {1e3 * each:.1f} ms a job; {options.cores} cores; arrays of {array} shards")
    print("simulations  shard shards minutes each arrays an hour   files store [TB]  hours  MB/s dry run [s]")
    for simulations, shard in PLANS:
        shards = -(-simulations // shard)
        arrays = -(-shards // array)
        hours = -(-shards // options.cores) * shard * seconds / 3600  # the last wave is as long as the others
        dry = start + each * shards
        terabytes = 1e-12 * size * simulations
        minutes = shard * seconds / 60
        print(
            f"{simulations:11.0e} {shard:6d} {shards:6d} {minutes:12.1f} {arrays:6d} {arrays / hours:7.0f} "
            f"{shards * (files + BESIDES):7d} {terabytes:10.2f} {hours:6.2f} {1e6 * terabytes / (3600 * hours):5.0f} "
            f"{dry:11.1f}{' too long' if dry > MINUTE else ''}"
        )


if __name__ == "__main__":
    main()
