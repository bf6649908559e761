"""A trained estimator: its networks, what their outputs mean, and the box that they were trained in."""

from __future__ import annotations

import importlib.metadata
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from darksieve.inference.network import RatioNetwork
from darksieve.problem.box import Box
from darksieve.problem.device import choose_device
from darksieve.problem.errors import DarksieveError
from darksieve.problem.experiment import Experiment
from darksieve.problem.simulator import load_class

__all__ = ["Estimator", "Marginal", "build_network", "iterate_ratios"]

Marginal = tuple[str, ...]
ROWS_AT_ONCE = 1024


def build_network(experiment: Experiment, shapes: Mapping[str, tuple[int, ...]]) -> nn.Module:
    """The untrained network of an experiment, darksieve's or the user's.

    Raises
    ------
    DarksieveError
        If the user's class cannot be found or refuses its options.
    """
    config = experiment.config.network
    if config.class_ is None:
        return RatioNetwork(
            shapes,
            experiment.prior,
            experiment.one_dimensional,
            experiment.two_dimensional,
            experiment.config.marginals.joint,
            config.embedding,
            config.features,
            config.components,
            [name for name, described in experiment.simulator.descriptions.items() if described.exchangeable],
        )
    where = f"network.class {config.class_}"
    cls = load_class(config.class_, experiment.path.parent, where)
    try:
        network = cls(**config.options)
    except TypeError as error:
        raise DarksieveError(f"its options do not fit: {error}", where=where) from error
    if not isinstance(network, nn.Module):
        raise DarksieveError("is no torch module", where=where, mend="derive it from swyft.SwyftModule")
    return network


def iterate_ratios(output: Any) -> Iterator[Any]:
    """The `LogRatioSamples` in a network's output: alone, or in a list, tuple or dict."""
    if hasattr(output, "logratios"):
        yield output
    elif isinstance(output, Mapping):
        for key, value in output.items():
            if not str(key).startswith("aux_"):
                yield from iterate_ratios(value)
    elif isinstance(output, list | tuple):
        for value in output:
            yield from iterate_ratios(value)


@dataclass
class Estimator:
    """Log-ratios ln p(z|x)/p(z) of the marginals of an experiment, inside the box it was trained in.

    Attributes
    ----------
    networks : tuple of nn.Module
        Each follows swyft's protocol `forward(A, B)`. Members of an ensemble differ in what they started from; the
        estimator's ratio is the mean of theirs.
    names : tuple of str
        Parameters, in the order of the columns of z.
    box : Box
        The truncated prior p(z).
    """

    networks: tuple[nn.Module, ...]
    names: tuple[str, ...]
    box: Box

    @property
    def device(self) -> torch.device:
        """Where the networks lie."""
        return next(self.networks[0].parameters()).device

    @property
    def members(self) -> tuple[Estimator, ...]:
        """An estimator for each network."""
        return tuple(Estimator((network,), self.names, self.box) for network in self.networks)

    @torch.no_grad()
    def log_ratios(self, x: Mapping[str, Tensor], z: NDArray[Any] | Tensor) -> dict[Marginal, NDArray[np.float64]]:
        """Log-ratios of every marginal: of the mean over the networks, if there are several.

        Parameters
        ----------
        x : mapping of str to Tensor (1, ...)
            One observation.
        z : array (m, P)
            Parameters in physical units.

        Returns
        -------
        dict of tuple of str to array (m,)
        """
        return self._collect((x, rows) for rows in torch.as_tensor(z, dtype=torch.float32).split(ROWS_AT_ONCE))

    @torch.no_grad()
    def log_ratios_of_each(
        self, x: Mapping[str, Tensor], z: NDArray[Any] | Tensor
    ) -> dict[Marginal, NDArray[np.float64]]:
        """Log-ratios (n,) of every marginal for data x (n, ...), each at its own parameters z (n, P)."""
        rows = torch.as_tensor(z, dtype=torch.float32)
        starts = range(0, len(rows), ROWS_AT_ONCE)
        cuts = (slice(start, start + ROWS_AT_ONCE) for start in starts)
        return self._collect(({name: array[cut] for name, array in x.items()}, rows[cut]) for cut in cuts)

    def _collect(self, batches: Iterable[tuple[Mapping[str, Tensor], Tensor]]) -> dict[Marginal, NDArray[np.float64]]:
        """Log-ratios of batches of data and parameters, one after the other."""
        parts: dict[Marginal, list[Tensor]] = {}
        for x, z in batches:
            data, rows = {name: array.to(self.device) for name, array in x.items()}, z.to(self.device)
            for marginal, log_ratio in self.differentiable_log_ratios(data, rows).items():
                parts.setdefault(marginal, []).append(log_ratio)
        return {marginal: torch.cat(values).cpu().numpy() for marginal, values in parts.items()}

    def differentiable_log_ratios(self, x: Mapping[str, Tensor], z: Tensor) -> dict[Marginal, Tensor]:
        """Log-ratios (m,), of the mean over the networks, as tensors that keep what gradients need.

        Data x (n, ...) and parameters z (m, P), n a divisor of m, lie on the networks' device.
        """
        found: dict[Marginal, list[Tensor]] = {}
        for network in self.networks:
            for marginal, log_ratio in self._log_ratios(network.eval(), x, z):
                found.setdefault(marginal, []).append(log_ratio.double())
        return {
            marginal: torch.logsumexp(torch.stack(log_ratios), dim=0) - math.log(len(log_ratios))
            for marginal, log_ratios in found.items()
        }

    def _log_ratios(
        self, network: nn.Module, data: Mapping[str, Tensor], z: Tensor
    ) -> Iterator[tuple[Marginal, Tensor]]:
        """Marginals that one network estimates, with their log-ratios (m,) at z (m, P)."""
        for samples in iterate_ratios(network(data, {**data, "z": z})):
            log_ratio = samples.logratios.reshape(len(z), -1)
            for column, label in enumerate(np.asarray(samples.parnames).reshape(log_ratio.shape[1], -1)):
                marginal = self._marginal(label)
                if marginal is not None:
                    yield marginal, log_ratio[:, column]

    def _marginal(self, label: NDArray[Any]) -> Marginal | None:
        """Parameters that a network's label names, by name or as `z[i]`; None for other outputs."""
        marginal = []
        for name in label:
            position = re.fullmatch(r"\w+\[(\d+)\]", str(name))
            if position is not None and int(position[1]) < len(self.names):
                marginal.append(self.names[int(position[1])])
            elif str(name) in self.names:
                marginal.append(str(name))
            else:
                return None
        return tuple(marginal)

    def save(self, path: Path, experiment: Experiment, shapes: Mapping[str, tuple[int, ...]], seed: int) -> None:
        """Write `estimator.pt`: the weights and all that is needed to load them."""
        record = {
            "states": [{name: v.cpu() for name, v in network.state_dict().items()} for network in self.networks],
            "shapes": {name: list(shape) for name, shape in shapes.items()},
            "names": list(self.names),
            "box": self.box.to_record(experiment.prior),
            "experiment": experiment.name,
            "seed": seed,
            "versions": {name: importlib.metadata.version(name) for name in ("darksieve", "torch", "swyft")},
        }
        torch.save(record, path)

    @classmethod
    def load(cls, path: Path, experiment: Experiment) -> Estimator:
        """Load what `save` wrote.

        Raises
        ------
        DarksieveError
            If the file cannot be read, or the experiment now asks for another network.
        """
        try:
            record = torch.load(path, map_location="cpu", weights_only=True)
            shapes = {name: tuple(shape) for name, shape in record["shapes"].items()}
            networks = tuple(build_network(experiment, shapes) for _ in record["states"])
            for network, state in zip(networks, record["states"]):
                network.load_state_dict(state)
        except DarksieveError:
            raise
        except Exception as error:
            message = str(error).splitlines()[0]
            raise DarksieveError(f"cannot be loaded: {message}", where=path, mend="train again") from error
        device = choose_device(experiment.config.training.device)
        networks = tuple(network.to(device).eval() for network in networks)
        return cls(networks, tuple(record["names"]), Box.from_record(record["box"]))
