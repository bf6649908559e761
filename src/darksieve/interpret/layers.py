"""The layers of a network from its data to its summaries: what can be read from each, and what each looks at.

References: Alain & Bengio 2017, ICLR workshop (arXiv 1610.01644; linear probes of layers); Zeiler & Fergus 2014, ECCV
(arXiv 1311.2901; from edges to parts).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from darksieve.diagnostics.bars import rounded
from darksieve.diagnostics.calibration import observe_once
from darksieve.diagnostics.summaries import Components
from darksieve.inference.estimator import Estimator
from darksieve.interpret.summary_space import AT_MOST, SIMULATIONS_A_COMPONENT, probe_linearly
from darksieve.problem.experiment import Experiment
from darksieve.problem.observation import Observation
from darksieve.problem.provenance import derive_seed
from darksieve.store.shard import Simulations

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["describe_layers", "receptive_field"]

Floats = NDArray[np.float64]
MAPS = 6  # channels shown of each convolution
KINDS = (nn.Conv2d, nn.Linear)


def describe_layers(
    experiment: Experiment, estimator: Estimator, simulations: Simulations, observation: Observation
) -> list[dict[str, Any]]:
    """A record of each convolution and dense layer between the data and the summaries, in the order of their use.

    `probes` are held-out fractions of each parameter's variance that a linear regression on the layer's output for
    fresh simulations from the last box explains. Of a convolution, `receptive_field` is the side of the square of
    elements that one of its outputs sees, and `maps` its most variable channels for the observation. Layers of networks
    that offer no summaries are unknown: the list is empty.
    """
    network = estimator.networks[0].eval()
    if not hasattr(network, "summarise"):
        return []
    simulations = simulations.head(AT_MOST)
    prior, box = experiment.prior, estimator.box
    unit = (prior.to_unit(simulations.z) - box.lower) / np.subtract(box.upper, box.lower)
    seed = derive_seed("layers", experiment.config.seed)
    drawn, observed = (_outputs(network, x) for x in (observe_once(experiment, simulations, observation.masks),
                                                      observation.batch()))  # fmt: skip
    fields = {name: receptive_field(network, name, observation.batch()) for name in drawn if drawn[name].ndim == 4}
    layers: list[dict[str, Any]] = []
    for name, output in drawn.items():
        values = output.flatten(1).double().numpy()
        points = Components.find(values, max(1, len(values) // SIMULATIONS_A_COMPONENT))(values)
        block = [part for part in name.split(".") if not part.isdigit()][-1]
        layer = {
            "module": name,
            "name": f"{block} {1 + sum(entry['name'].startswith(block) for entry in layers)}",
            "outputs": values.shape[1],
            "probes": {p: probe_linearly(points, unit[:, column], seed) for column, p in enumerate(prior.names)},
        }
        if name in fields:
            strongest = output.std(dim=0).mean(dim=(1, 2)).argsort(descending=True)[:MAPS]
            layer["receptive_field"] = fields[name]
            layer["maps"] = rounded((observed[name][0] - output.mean(dim=0))[strongest].numpy(), 4)
        layers.append(layer)
    return layers


def receptive_field(network: nn.Module, name: str, x: dict[str, Tensor]) -> int:
    """Elements a side that the middle output of a convolution sees of the data x (1, ...), by its gradient."""
    image = {key: array.clone().requires_grad_() for key, array in x.items()}
    with _recorded(network, (name,)) as found, torch.enable_grad():
        network.summarise(image)  # type: ignore[operator]
    output = found[name]
    output[0, :, output.shape[2] // 2, output.shape[3] // 2].sum().backward()
    seen = [array.grad[0].ne(0) for array in image.values() if array.grad is not None and array.grad.any()]
    rows = seen[0].reshape(-1, *seen[0].shape[-2:]).any(dim=0).any(dim=1).nonzero()
    return int(rows.max() - rows.min()) + 1


def _outputs(network: nn.Module, x: dict[str, Tensor]) -> dict[str, Tensor]:
    """What each layer makes of data x (n, ...), by the layer's name, in the order of their use."""
    names = tuple(name for name, module in network.named_modules() if type(module) in KINDS)
    with _recorded(network, names) as found, torch.no_grad():
        network.summarise(x)  # type: ignore[operator]
    return found


@contextmanager
def _recorded(network: nn.Module, names: tuple[str, ...]) -> Iterator[dict[str, Tensor]]:
    """A mapping that fills with the outputs of the named modules, as soon as these are used."""
    found: dict[str, Tensor] = {}

    def record(name: str) -> Any:
        return lambda module, inputs, output: found.update({name: output})

    hooks = [network.get_submodule(name).register_forward_hook(record(name)) for name in names]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()
