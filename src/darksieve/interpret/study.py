"""The attribution of an observation's marginals, and whether it depends on what the network learned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from darksieve.diagnostics.calibration import observe_once
from darksieve.inference.estimator import Estimator
from darksieve.interpret.attribution import METHODS, attribute, most_probable, similarity, with_shuffled_weights
from darksieve.problem.experiment import Experiment
from darksieve.problem.observation import Observation
from darksieve.problem.provenance import derive_seed
from darksieve.store.shard import Simulations

__all__ = ["study_attribution"]

Floats = NDArray[np.float64]
POINTS = 8192  # in the box, among which each marginal's peak is looked for


def study_attribution(
    experiment: Experiment, estimator: Estimator, simulations: Simulations, observation: Observation
) -> dict[str, Any]:
    """Record of what each element of the observed data adds to the log-ratio of each marginal at its peak [nat].

    The baseline is the mean of fresh simulations from the last box. `incompleteness` is how far the sum of the
    integrated gradients lies from the difference that it must equal [nat]; `similarity` the rank correlation of the
    attributions' strengths with those of the same network after its weights were shuffled, which is small where they
    show what was learned rather than how the network is built.
    """
    x = observation.batch()
    baseline = {n: v.mean(dim=0) for n, v in observe_once(experiment, simulations, observation.masks).items()}
    seed = derive_seed("attribution", experiment.config.seed)
    unit = torch.quasirandom.SobolEngine(len(estimator.names), scramble=True, seed=seed % 2**31).draw(POINTS)
    peaks = most_probable(estimator, x, experiment.prior.from_unit(estimator.box.scale(unit.double().numpy())))
    shuffled = with_shuffled_weights(estimator, seed)
    maps, random = (
        {method: attribute(e, x, peaks, baseline, method) for method in METHODS} for e in (estimator, shuffled)
    )
    record = {}
    for marginal, z in peaks.items():
        with_data, without = (
            float(estimator.log_ratios(data, z)[marginal][0])
            for data in (x, {name: values[None] for name, values in baseline.items()})
        )
        total = sum(float(values.sum()) for values in maps["integrated gradients"][marginal].values())
        record["-".join(marginal)] = {
            "log_ratio": with_data,
            "log_ratio_of_baseline": without,
            "incompleteness": total - (with_data - without),
            "similarity": {m: similarity(*(_joined(found[m][marginal]) for found in (maps, random))) for m in METHODS},
            "attribution": {m: _rounded({n: v[0] for n, v in maps[m][marginal].items()}) for m in METHODS},
        }
    descriptions = experiment.simulator.descriptions
    return {
        "pixel_scale": {name: descriptions[name].pixel_scale for name in x if name in descriptions},
        "observation": _rounded(observation.x),
        "baseline": _rounded({name: values.numpy() for name, values in baseline.items()}),
        "marginals": record,
    }


def _joined(arrays: Mapping[str, Floats]) -> Floats:
    """All elements of arrays (1, ...), one after the other."""
    return np.concatenate([values.ravel() for values in arrays.values()])


def _rounded(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    return {name: np.round(values.astype(float), 6).tolist() for name, values in arrays.items()}
