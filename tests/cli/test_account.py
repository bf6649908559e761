"""Verbs that measure themselves, and the ledger that is made of it."""

import csv
import json
import shutil
import subprocess
import sys

import pytest
import yaml

CHILD = "import time; x = b'x' * 500_000_000\nwhile time.process_time() < 0.6: pass"
BUSY = f"""
import subprocess, sys, time
subprocess.run([sys.executable, "-c", {CHILD!r}])
time.sleep(0.7)
"""


def run(*arguments, **kwargs):
    return subprocess.run(
        [sys.executable, "-m", "darksieve", *map(str, arguments)], capture_output=True, text=True, **kwargs
    )


@pytest.fixture
def experiment(repository, tmp_path):
    """The example, with a simulator that waits and has a busy child when it is loaded."""
    for name in ("line.py", "line.yaml"):
        shutil.copy(repository / "examples" / name, tmp_path / name)
    (tmp_path / "line.py").write_text((tmp_path / "line.py").read_text() + BUSY)
    return tmp_path / "line.yaml"


def test_verb_counts_its_children_its_waiting_and_its_memory(experiment, tmp_path):
    cost = tmp_path / "costs/declare/declare.json"
    result = run("declare", "--experiment", experiment, "--output", tmp_path / "prior.json", "--cost", cost)
    assert result.returncode == 0, result.stderr
    record = json.loads(cost.read_text())
    assert record["verb"] == "declare"
    assert 0.6 <= record["cpu_seconds"] < 60
    assert 0.6 + 0.7 <= record["wall_seconds"] < 60
    assert 0.5 <= record["peak_memory_gb"] < 30
    assert record["gpu_seconds"] == 0
    assert record["gpu_joules"] is None


def test_verb_that_fails_and_verb_that_is_not_asked_write_no_cost(experiment, tmp_path):
    shared = ("declare", "--experiment", experiment, "--output", tmp_path / "prior.json")
    assert run(*shared).returncode == 0
    record = yaml.safe_load(experiment.read_text())
    del record["prior"]["slope"]
    experiment.write_text(yaml.safe_dump(record))
    assert run(*shared, "--cost", tmp_path / "cost.json").returncode == 1
    assert not list(tmp_path.glob("**/*cost*"))


def test_account_sums_all_costs_up(tmp_path):
    costs = {"observe/observe": 3600, "train/round-1": 7200, "simulate/test-shard-0": 1800, "refer/nuts": 36000}
    paths = []
    for place, seconds in costs.items():
        path = tmp_path / "costs" / f"{place}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        record = {"verb": place.partition("/")[0], "wall_seconds": seconds, "cpu_seconds": float(seconds)}
        record |= {"gpu_seconds": 0.0, "peak_memory_gb": 0.5, "cpu_joules": None, "gpu_joules": None}
        path.write_text(json.dumps(record))
        paths.append(path)
    table, output = tmp_path / "energy.csv", tmp_path / "energy.json"
    power = ("--watts-per-core", 10, "--watts-per-gpu", 200)
    result = run("account", "--costs", *paths, *power, "--table", table, "--output", output)
    assert result.returncode == 0, result.stderr
    with open(table, newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["rule"], row["what"]) for row in rows] == [
        ("observe", "observe"), ("train", "round-1"), ("simulate", "test shard 0"), ("refer", "nuts")
    ]  # fmt: skip
    assert [float(row["kwh"]) for row in rows] == pytest.approx([0.01, 0.02, 0.005, 0.1])
    assert {row["method"] for row in rows} == {"estimated"}
    sums = json.loads(output.read_text())
    assert sums["posterior"]["kwh"] == pytest.approx(0.03)
    assert sums["diagnostics"]["kwh"] == pytest.approx(0.005)
    assert sums["reference"]["nuts"]["kwh"] == pytest.approx(0.11)
