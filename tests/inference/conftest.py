"""What the tests of the inference share besides the trained estimator."""

import numpy as np
import pytest


@pytest.fixture
def exact(trained):
    """Analytic posterior mean and standard deviation of both parameters: the prior is flat across the likelihood."""
    experiment, observation, *_ = trained
    days = experiment.simulator.days.numpy().astype(float)
    design = np.stack([np.ones_like(days), days], axis=1)
    covariance = np.linalg.inv(design.T @ design) * experiment.simulator.noise**2
    mean = covariance @ design.T @ observation.x["brightness"] / experiment.simulator.noise**2
    return mean, np.sqrt(np.diag(covariance))
