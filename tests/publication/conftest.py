"""A headless browser, and the record of two jobs behind a result."""

import shutil
from dataclasses import asdict

import pytest

from tests.publication.browser import Browser


@pytest.fixture(scope="session")
def browser():
    programs = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    if missing := [name for name, path in programs.items() if path is None]:
        pytest.skip(f"no {' and no '.join(missing)}: install Debian's packages chromium and chromium-driver")
    browser = Browser(**programs)
    yield browser
    browser.close()


@pytest.fixture
def run_folder(tmp_path):
    """A run of three jobs: an observation from data, two shards, a posterior."""
    for name, text in {
        "data.csv": "1,2",
        "my.yaml": "# How steep is the line?\nseed: 1\n",
        "results/my/observation.h5": "observation",
        "results/my/round-1/shard-0.json": '{"shard": "aa/train-1/0.zarr", "rows": 3, "digests": {"z": "ab"}}',
        "results/my/round-1/shard-1.json": '{"shard": "aa/train-1/1.zarr", "rows": 4, "digests": {"z": "cd"}}',
        "results/my/posterior.h5": "posterior",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


@pytest.fixture
def job_records():
    folder = "results/my"
    shards = f"{folder}/round-1/shard-{{0..1}}.json"
    return [
        {
            "rule": "sample",
            "inputs": [shards, f"{folder}/observation.h5", "my.yaml"],
            "outputs": [f"{folder}/posterior.h5"],
            "params": {"depends_on": "config 11 code 22"},
        },
        {"rule": "simulate", "inputs": ["my.yaml"], "outputs": [shards], "params": {"depends_on": "config 33 code 44"}},
        {
            "rule": "observe",
            "inputs": ["data.csv", "my.yaml"],
            "outputs": [f"{folder}/observation.h5"],
            "params": {"depends_on": "config 55 code 66"},
        },
    ]


@pytest.fixture
def provenance(run_folder, job_records):
    """What `darksieve attest` would write of that run."""
    from darksieve.publication.lineage import file_digests, read_jobs, store_record

    jobs = read_jobs(job_records)
    files = file_digests(jobs, run_folder)
    return {
        "experiment": "my",
        "file": {"path": "my.yaml", "sha256": files["my.yaml"]},
        "revision": {"commit": "c0ffee", "dirty": True},
        "seeds": {"experiment": 1, "mock": 2},
        "simulator": {"class": "line.py:Line", "fingerprint": "aa"},
        "store": store_record(jobs, run_folder),
        "versions": {"python": "3.11", "darksieve": "0.1.0"},
        "files": files,
        "jobs": [asdict(job) for job in jobs],
    }
