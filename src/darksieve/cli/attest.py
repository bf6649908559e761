"""`darksieve attest`: which job made which file of which others, with checksums, versions and seeds."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from darksieve.cli.arguments import load_experiment, write_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("--experiment", type=Path, help="experiment file, where the results are those of one")
    parser.add_argument("--root", type=Path, default=Path(), help="folder of relative files (default: this one)")
    parser.add_argument(
        "--jobs", type=json.loads, required=True,
        help="list of {rule, inputs, outputs, params} (JSON); `shard-{0..2}.json` stands for three files",
    )  # fmt: skip
    parser.add_argument("--output", type=Path, required=True, help="provenance.json, written")


def run(options: argparse.Namespace) -> None:
    """Write the record."""
    from darksieve.publication.environment import git_revision, versions
    from darksieve.publication.lineage import file_digests, read_jobs, store_record

    jobs = read_jobs(options.jobs)
    record = {
        **(_describe(options) if options.experiment else {}),
        "revision": git_revision(options.root),
        "store": store_record(jobs, options.root),
        "versions": versions(),
        "files": file_digests(jobs, options.root),
        "jobs": [asdict(job) for job in jobs],
    }
    write_json(options.output, record)


def _describe(options: argparse.Namespace) -> dict[str, Any]:
    """The experiment: its file, its seeds and its simulator."""
    from darksieve.problem.provenance import file_digest

    experiment = load_experiment(options)
    config, mock = experiment.config, experiment.config.observation.mock
    return {
        "experiment": experiment.name,
        "file": {"path": str(options.experiment), "sha256": file_digest(options.experiment)},
        "seeds": {"experiment": config.seed, **({"mock": mock.seed} if mock else {})},
        "simulator": {"class": config.simulator.class_, "fingerprint": experiment.fingerprint},
    }
