"""Which elements of the data move the log-ratio of a marginal: integrated gradients and occlusion, by captum.

References: Sundararajan, Taly & Yan 2017, ICML (arXiv 1703.01365), equation 1 (integrated gradients); Zeiler & Fergus
2014, ECCV (arXiv 1311.2901), section 4.2 (occlusion); Adebayo et al. 2018, NeurIPS (arXiv 1810.03292; sanity checks).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from darksieve.diagnostics.bars import rounded
from darksieve.diagnostics.calibration import observe_once
from darksieve.inference.embeddings import PrincipalSummary
from darksieve.inference.estimator import Estimator, Marginal
from darksieve.problem.experiment import Experiment
from darksieve.problem.observation import Observation
from darksieve.problem.provenance import derive_seed
from darksieve.store.shard import Simulations

__all__ = ["METHODS", "attribute", "most_probable", "similarity", "study_attribution", "with_shuffled_weights"]

Floats = NDArray[np.float64]
Method = Literal["integrated gradients", "occlusion"]
METHODS: tuple[Method, ...] = ("integrated gradients", "occlusion")
STEPS = 32  # of the path from baseline to image
PATCH = 4  # elements a side that are hidden at once, half of them anew at each step
ROWS_AT_ONCE = 256
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
    return {name: rounded(values) for name, values in arrays.items()}


def attribute(
    estimator: Estimator,
    x: Mapping[str, Tensor],
    z: Mapping[Marginal, Floats],
    baseline: Mapping[str, Tensor],
    method: Method,
) -> dict[Marginal, dict[str, Floats]]:
    """How much each element of the data adds to the log-ratios of some marginals [nat]: arrays (n, ...) as in x.

    Parameters
    ----------
    estimator : Estimator
    x : mapping of str to Tensor
        Data (n, ...).
    z : mapping of marginal to array (n, P)
        Parameters at which each marginal's ratio is taken.
    baseline : mapping of str to Tensor
        What the data are compared with, (...): such as says nothing of the marginal.
    method : str
        `integrated gradients`, whose sum over elements is the log-ratio of the data less that of the baseline, or
        `occlusion`, the loss when neighbouring elements are replaced by the baseline.
    """
    from captum.attr import IntegratedGradients, Occlusion

    names = tuple(x)
    inputs = tuple(x[name].float() for name in names)
    references = tuple(baseline[name].float()[None] for name in names)
    found = {}
    for marginal, values in z.items():
        forward, parameters = _log_ratio_of(estimator, marginal, names), torch.as_tensor(values, dtype=torch.float32)
        if method == "integrated gradients":
            maps = IntegratedGradients(forward).attribute(
                inputs, references, additional_forward_args=(parameters,), n_steps=STEPS,
                internal_batch_size=ROWS_AT_ONCE,
            )  # fmt: skip
        else:
            sides = [tuple(min(PATCH, side) for side in array.shape[1:]) for array in inputs]
            with torch.no_grad():
                maps = Occlusion(forward).attribute(
                    inputs, tuple(sides), tuple(tuple(-(-n // 2) for n in side) for side in sides),
                    baselines=references, additional_forward_args=(parameters,),
                )  # fmt: skip
        found[marginal] = {name: values.detach().double().numpy() for name, values in zip(names, maps)}
    return found


def _log_ratio_of(estimator: Estimator, marginal: Marginal, names: tuple[str, ...]) -> Callable[..., Tensor]:
    """Log-ratio (n,) of one marginal as a function of data arrays (n, ...) and, last, of parameters (n, P)."""

    def forward(*arguments: Tensor) -> Tensor:
        *arrays, z = arguments
        return estimator.differentiable_log_ratios(dict(zip(names, arrays)), z)[marginal]

    return forward


def most_probable(estimator: Estimator, x: Mapping[str, Tensor], z: Floats) -> dict[Marginal, Floats]:
    """For each marginal, which of parameters z (m, P) have the largest ratio for one observation x (1, ...): (1, P)."""
    return {marginal: z[[values.argmax()]] for marginal, values in estimator.log_ratios(x, z).items()}


def with_shuffled_weights(estimator: Estimator, seed: int) -> Estimator:
    """The estimator with the elements of every weight matrix in another order: what it learned is gone."""
    generator = torch.Generator().manual_seed(seed)
    networks = []
    for network in estimator.networks:
        network = copy.deepcopy(network)
        with torch.no_grad():
            learned = [m.components for m in network.modules() if isinstance(m, PrincipalSummary)]
            for values in (*network.parameters(), *learned):
                order = torch.randperm(values.numel(), generator=generator)
                values.copy_(values.flatten()[order].view_as(values))
        networks.append(network)
    return Estimator(tuple(networks), estimator.names, estimator.box)


def similarity(first: Floats, second: Floats) -> float:
    """Rank correlation of the strengths of two attributions of one data set."""
    from scipy.stats import spearmanr

    return float(spearmanr(np.abs(first).ravel(), np.abs(second).ravel()).statistic)
