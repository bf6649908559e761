"""What is asked: parameters, priors, boxes, simulators, observations and experiments."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from darksieve.problem.box import Box
    from darksieve.problem.errors import DarksieveError
    from darksieve.problem.experiment import Experiment
    from darksieve.problem.observation import Observation
    from darksieve.problem.prior import Parameter, Prior
    from darksieve.problem.simulator import Description, Simulator

__all__ = [
    "Box",
    "DarksieveError",
    "Description",
    "Experiment",
    "Observation",
    "Parameter",
    "Prior",
    "Simulator",
]

_HOMES = {
    "Box": "box",
    "DarksieveError": "errors",
    "Description": "simulator",
    "Experiment": "experiment",
    "Observation": "observation",
    "Parameter": "prior",
    "Prior": "prior",
    "Simulator": "simulator",
}


def __getattr__(name: str) -> Any:
    """Import what is used when it is used: light verbs must start at once."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"darksieve.problem.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'darksieve.problem' has no attribute {name!r}")
