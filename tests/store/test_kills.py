"""A hundred SIGKILLs at random moments of simulating and training, through the verbs that the rules call."""

import json
import multiprocessing
import random

import numpy as np
import pytest
import torch
import yaml

import darksieve.inference.estimator  # noqa: F401  # loaded once, before the forks
from darksieve.cli import main
from darksieve.store import simulate as module
from darksieve.store.shard import Status, read_shard

KILLS = 100
SHORTEST, LONGEST = 0.05, 5.0  # seconds until a kill; a training must sometimes reach the end of an epoch


@pytest.fixture
def experiment(repository, tmp_path):
    """The small lens with less of everything, and shards of four blocks."""
    record = yaml.safe_load((repository / "config/experiments/lens-tiny.yaml").read_text())
    record["rounds"] |= {"simulations": 1024, "shard": 256}
    record["training"] = {"epochs": 4, "threads": 1}
    record["marginals"] = {}
    file = tmp_path / "tiny.yaml"
    file.write_text(yaml.safe_dump(record))
    return file


def run_chain(file, folder):
    """Two rounds, skipping what is there, as Snakemake does."""
    torch.set_num_threads(1)
    module.SECONDS_BETWEEN_SAVES = 0.0

    def step(verb, outputs, **inputs):
        if all(path.exists() for path in outputs.values()):
            return
        arguments = [verb, "--experiment", file]
        for name, value in (inputs | outputs).items():
            arguments += [f"--{name}", *(value if isinstance(value, list) else [value])]
        assert main(list(map(str, arguments))) == 0

    prior, observation, store = folder / "prior.json", folder / "observation.h5", folder / "store"
    step("declare", {"output": prior})
    step("observe", {"output": observation})
    before = {}
    for number in (1, 2):
        here = folder / f"round-{number}"
        plan = here / "plan.json"
        box = {"box": before["box"]} if before else {}
        step("plan", {"output": plan}, prior=prior, store=store, draw=f"round-{number}", **box)
        shards = range(len(json.loads(plan.read_text())["slices"]))
        manifests = [here / f"shard-{shard}.json" for shard in shards]
        for shard in shards:
            step("simulate", {"output": manifests[shard]}, plan=plan, store=store, shard=shard)
        trained = {"estimator": here / "e.pt", "profiles": here / "p.npz", "history": here / "h.csv"}
        inputs = {"observation": observation, "plan": plan, "manifests": manifests, "store": store}
        step("train", trained, round=number, **inputs, **before)
        step("truncate", {"output": here / "box.json"}, prior=prior, profiles=here / "p.npz", round=number, **box)
        before = {"box": here / "box.json", "start": here / "e.pt"}


def run_killed(file, folder, chance):
    """The chain, killed until it ends by itself; returns the number of kills."""
    kills = 0
    while True:
        process = multiprocessing.get_context("fork").Process(target=run_chain, args=(file, folder))
        process.start()
        process.join(SHORTEST * (LONGEST / SHORTEST) ** chance.random())
        if process.exitcode is None:
            process.kill()
            process.join()
            kills += 1
        assert process.exitcode in (0, -9)
        if process.exitcode == 0:
            return kills


@pytest.mark.slow
def test_a_hundred_kills_lose_duplicate_and_spoil_nothing(experiment, tmp_path):
    whole = tmp_path / "whole"
    process = multiprocessing.get_context("fork").Process(target=run_chain, args=(experiment, whole))
    process.start()
    process.join()
    assert process.exitcode == 0
    kills, chance = 0, random.Random(1)
    while kills < KILLS:
        killed = tmp_path / f"killed-{kills}"
        kills += run_killed(experiment, killed, chance)
        assert_equal(whole, killed)
    print(f"{kills} kills")


def assert_equal(whole, killed):
    """Every array of every shard to the last byte, every row once and none zero, and the same marginals after it."""
    paths = sorted(path.relative_to(whole) for path in whole.rglob("*.zarr"))
    assert paths == sorted(path.relative_to(killed) for path in killed.rglob("*.zarr"))
    for path in paths:
        first, second = read_shard(whole / path), read_shard(killed / path)
        assert first.arrays.keys() == second.arrays.keys()
        for name in first.arrays:
            assert first.arrays[name].tobytes() == second.arrays[name].tobytes(), f"{path}: {name}"
        assert (second.status == Status.OK).all()
        assert len(np.unique(second.points.unit, axis=0)) == len(second)
        assert second.simulations.x["image"].any(axis=(1, 2)).all()
    for number in (1, 2):
        plans = [json.loads((folder / f"round-{number}/plan.json").read_text()) for folder in (whole, killed)]
        assert plans[0] == plans[1]
        with np.load(whole / f"round-{number}/p.npz") as first, np.load(killed / f"round-{number}/p.npz") as second:
            for name in first.files:
                np.testing.assert_array_equal(first[name], second[name])
    left = [path for path in killed.rglob(".*") if path.is_dir()]
    assert not left, f"left behind: {left}"
