"""`darksieve account`: what all jobs of an experiment cost, and what a posterior costs."""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

from darksieve.cli.arguments import whole_file, write_json
from darksieve.diagnostics.energy import Cost, Job, Power, account, ledger


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument(
        "--costs", type=Path, nargs="+", required=True, help="what --cost of each job wrote: .../RULE/NAME.json"
    )
    parser.add_argument("--watts-per-core", type=float, required=True, help="of a busy core without RAPL")
    parser.add_argument("--watts-per-gpu", type=float, required=True, help="of a GPU without NVML")
    parser.add_argument("--table", type=Path, required=True, help="energy.csv, a row a job, written")
    parser.add_argument("--output", type=Path, required=True, help="energy.json, the sums, written")


def run(options: argparse.Namespace) -> None:
    """Write the ledger and its sums."""
    jobs = [_read_job(path) for path in options.costs]
    power = Power(options.watts_per_core, options.watts_per_gpu)
    rows = ledger(jobs, power)
    with whole_file(options.table) as part, open(part, "w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(
            {name: f"{value:.6g}" if isinstance(value, float) else value for name, value in row.items()} for row in rows
        )
    write_json(options.output, account(jobs, power))


def _read_job(path: Path) -> Job:
    record = json.loads(path.read_text())
    return Job(record.pop("verb"), path.stem, ended=record.pop("ended", None), cost=Cost(**record))
