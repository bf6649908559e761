"""What all tests share: the example experiment, edited as a test needs it."""

import os
from pathlib import Path

import pytest
import torch
import yaml
from hypothesis import settings

from darksieve.problem.box import Box
from darksieve.problem.experiment import Experiment
from darksieve.problem.observation import make_observation
from darksieve.store.plan import make_plan
from darksieve.store.reader import MemorySource
from darksieve.store.simulate import read_simulations, simulate_shard

torch.set_num_threads(1)
settings.register_profile("darksieve", deadline=None)  # the first call may import scipy
settings.load_profile("darksieve")

REPOSITORY = Path(__file__).resolve().parents[1]


def pytest_collection_modifyitems(items):
    """The workflow's tests take longest: they begin first, so that files side by side end together."""
    items.sort(key=lambda item: "workflow" not in item.path.parts)


def simulate(experiment, box, store, wanted, draw="round-1"):
    """Serve a request in this process: plan, make its shards, read it."""
    plan = plan_request(experiment, box, store, wanted, draw)
    for name in plan.slices:
        if name is not None:
            simulate_shard(experiment, plan, name, store)
    return read_simulations(experiment, plan, [], store)


def plan_request(experiment, box, store, wanted, draw="round-1"):
    """Plan a request; nothing is made."""
    return make_plan(experiment, box, draw, wanted, store)


@pytest.fixture
def repository():
    return REPOSITORY


@pytest.fixture
def mirror():
    """Folder of the real data files; tests that need it are skipped where there is none."""
    folder = Path(os.environ.get("DARKSIEVE_DATA_MIRROR", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no mirror of the data files: set DARKSIEVE_DATA_MIRROR")
    return folder


@pytest.fixture
def line_record():
    """The example experiment as a mapping, with its simulator's path made absolute."""
    record = yaml.safe_load((REPOSITORY / "examples/line.yaml").read_text())
    record["simulator"]["class"] = f"{REPOSITORY / 'examples/line.py'}:Line"
    return record


@pytest.fixture
def load_record(tmp_path):
    """Write a mapping as an experiment file and load it."""

    def load(record, name="line"):
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(record, sort_keys=False))
        return Experiment.load(path, tmp_path)

    return load


@pytest.fixture
def line(line_record, load_record):
    return load_record(line_record)


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Experiment, observation, simulations and estimator of a linear Gaussian problem in a truncated box."""
    from darksieve.inference.training import train  # takes seconds, which most tests need not pay

    folder = tmp_path_factory.mktemp("trained")
    record = yaml.safe_load((REPOSITORY / "examples/line.yaml").read_text())
    record["simulator"]["class"] = f"{REPOSITORY / 'examples/line.py'}:Line"
    record["training"] = {"epochs": 20, "batch": 64}
    path = folder / "line.yaml"
    path.write_text(yaml.safe_dump(record))
    experiment = Experiment.load(path, folder)
    low = experiment.prior.to_unit([0.2, -0.9])
    high = experiment.prior.to_unit([0.6, -0.5])
    box = Box(experiment.prior.names, tuple(low), tuple(high))
    simulations = simulate(experiment, box, folder / "store", 6144)
    estimator, history = train(experiment, box, MemorySource(simulations), {}, round_number=1)
    return experiment, make_observation(experiment), simulations, estimator, history
