"""A few numbers that stand for data: the network's summaries, or the data themselves, in principal components."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from darksieve.inference.estimator import Estimator

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Components", "summarise_data"]

Floats = NDArray[np.float64]
ROWS_AT_ONCE = 256
NEGLIGIBLE = 1e-6  # of the largest component


def summarise_data(estimator: Estimator, x: Mapping[str, Tensor]) -> Floats:
    """Summaries (n, F) of data x (n, ...) that the networks learned; the data, flattened, where they offer none."""
    import torch

    rows = len(next(iter(x.values())))
    summaries = [getattr(network.eval(), "summarise", None) for network in estimator.networks]
    if not all(summaries):
        return np.concatenate([array.reshape(rows, -1).double().numpy() for array in x.values()], axis=1)
    parts = []
    with torch.no_grad():
        for start in range(0, rows, ROWS_AT_ONCE):
            part = {name: array[start : start + ROWS_AT_ONCE].to(estimator.device) for name, array in x.items()}
            parts.append(torch.cat([summarise(part) for summarise in summaries if summarise], dim=1))
    return torch.cat(parts).double().cpu().numpy()


@dataclass(frozen=True)
class Components:
    """Principal components of summaries, each with mean zero and variance one over those they were found in."""

    centre: Floats
    axes: Floats  # (F, k)

    @classmethod
    def find(cls, values: Floats, number: int) -> Components:
        """At most `number` components of `values` (n, F), whose columns count alike; none that hardly vary."""
        centre = values.mean(axis=0)
        low, middle, high = np.quantile(values, [0.16, 0.5, 0.84], axis=0)
        spread = np.where(high > low, 0.5 * (high - low), values.std(axis=0))
        varies = spread > 1e-9 * np.abs(middle).clip(1e-30)
        weight = np.where(varies, 1.0 / np.where(varies, spread, 1.0), 0.0)
        _, size, directions = np.linalg.svd((values - centre) * weight, full_matrices=False)
        kept = int(np.sum(size[:number] > np.sqrt(NEGLIGIBLE) * size[0]))
        return cls(centre, weight[:, None] * directions[:kept].T * (np.sqrt(len(values)) / size[:kept]))

    def __call__(self, values: Floats) -> Floats:
        """Components (n, k) of `values` (n, F)."""
        return (values - self.centre) @ self.axes
