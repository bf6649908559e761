"""Runs a `swyft.Simulator` behind darksieve's contract: its graph draws x for given z, one row at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from darksieve.problem.errors import DarksieveError
from darksieve.problem.simulator import Simulator

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["SwyftAdapter"]


class SwyftAdapter(Simulator):
    """A `swyft.Simulator` as a darksieve simulator.

    The prior comes from the experiment file, not from the graph: the node of the parameters is conditioned on z.
    Whatever noise the graph draws is part of the stored signal.

    Parameters
    ----------
    cls : type
        The class, derived from `swyft.Simulator`.
    parameters : sequence of str
        Names of the columns of its parameter node.
    node : str
        Name of the parameter node.
    targets : sequence of str
        Names of the nodes that are data.
    options : mapping, optional
        Keyword arguments of the class.
    """

    def __init__(
        self,
        cls: type,
        *,
        parameters: Sequence[str],
        node: str = "z",
        targets: Sequence[str] = ("x",),
        options: dict[str, Any] | None = None,
    ) -> None:
        self.parameters = list(parameters)
        self._node = node
        self._targets = list(targets)
        self._simulator = cls(**(options or {}))

    def simulate(self, z: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Sample the graph once a row of z (n, P), seeded from `generator` through NumPy's and torch's globals."""
        import torch

        rows: dict[str, list[np.ndarray]] = {name: [] for name in self._targets}
        with torch.random.fork_rng(devices=[]):
            for row in z.cpu().numpy():
                seed = int(torch.randint(2**31, (), generator=generator))
                np.random.seed(seed)
                torch.manual_seed(seed)
                sample = self._simulator.sample(conditions={self._node: row}, targets=self._targets)
                for name in self._targets:
                    if name not in sample:
                        raise DarksieveError(f"its graph has no node {name!r}", where="swyft simulator")
                    rows[name].append(np.asarray(sample[name], np.float32))
        return {name: torch.from_numpy(np.stack(values)).to(z.device) for name, values in rows.items()}
