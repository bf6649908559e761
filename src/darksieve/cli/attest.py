"""`darksieve attest`: which job made which file of which others, with checksums, versions and seeds."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from darksieve.cli.arguments import add_experiment, load_experiment, write_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    add_experiment(parser)
    parser.add_argument(
        "--jobs", type=json.loads, required=True,
        help="list of {rule, inputs, outputs, params} (JSON); `shard-{0..2}.json` stands for three files",
    )  # fmt: skip
    parser.add_argument("--output", type=Path, required=True, help="provenance.json, written")


def run(options: argparse.Namespace) -> None:
    """Write the record."""
    from darksieve.problem.provenance import file_digest
    from darksieve.publication.environment import git_revision, versions
    from darksieve.publication.lineage import file_digests, read_jobs, store_record

    experiment = load_experiment(options)
    config, jobs = experiment.config, read_jobs(options.jobs)
    mock = config.observation.mock
    record = {
        "experiment": experiment.name,
        "file": {"path": str(options.experiment), "sha256": file_digest(options.experiment)},
        "revision": git_revision(options.root),
        "seeds": {"experiment": config.seed, **({"mock": mock.seed} if mock else {})},
        "simulator": {"class": config.simulator.class_, "fingerprint": experiment.fingerprint},
        "store": store_record(jobs, options.root),
        "versions": versions(),
        "files": file_digests(jobs, options.root),
        "jobs": [job.as_record() for job in jobs],
    }
    write_json(options.output, record)
