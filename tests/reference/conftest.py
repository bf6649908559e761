"""A linear problem with Gaussian noise, whose posterior is Gaussian and known."""

import pytest
import torch

from darksieve.problem.observation import make_observation

torch.set_num_threads(1)

DIMENSION = 3


@pytest.fixture
def gaussian(load_record):
    """The experiment and its observation."""
    names = [f"z{i}" for i in range(DIMENSION)]
    record = {
        "simulator": {
            "class": "darksieve.simulators.tractable:LinearGaussian",
            "options": {"dimension": DIMENSION, "noise": 0.3},
        },
        "prior": {name: {"normal": [0, 1]} for name in names},
        "observation": {"mock": {"parameters": dict(zip(names, [-0.2, 0.1, 0.4]))}},
    }
    experiment = load_record(record, "gaussian")
    return experiment, make_observation(experiment)
