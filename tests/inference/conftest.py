"""A small trained estimator of the example experiment, shared by the tests of the inference."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from darksieve.inference.training import train
from darksieve.problem.box import Box
from darksieve.problem.experiment import Experiment
from darksieve.problem.observation import make_observation
from darksieve.store.reader import MemorySource
from tests.conftest import simulate


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Experiment, observation, simulations and estimator of a linear Gaussian problem in a truncated box."""
    folder = tmp_path_factory.mktemp("trained")
    repository = Path(__file__).resolve().parents[2]
    record = yaml.safe_load((repository / "examples/line.yaml").read_text())
    record["simulator"]["class"] = f"{repository / 'examples/line.py'}:Line"
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


@pytest.fixture
def exact(trained):
    """Analytic posterior mean and standard deviation of both parameters: the prior is flat across the likelihood."""
    experiment, observation, *_ = trained
    days = experiment.simulator.days.numpy().astype(float)
    design = np.stack([np.ones_like(days), days], axis=1)
    covariance = np.linalg.inv(design.T @ design) * experiment.simulator.noise**2
    mean = covariance @ design.T @ observation.x["brightness"] / experiment.simulator.noise**2
    return mean, np.sqrt(np.diag(covariance))
