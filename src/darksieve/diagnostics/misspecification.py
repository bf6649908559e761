"""Could the simulator have made the observation? Its summaries among those of simulations from the last box.

Two measures say how far each of the n + 1 data sets lies from all others: the squared Mahalanobis distance, and the
maximum mean discrepancy, which knows no shape. The observation's p-value for each is its rank, which is exact whatever
the summaries are, since it is treated as all others are. The smaller p-value counts, by its rank again.

References: Schmitt et al. 2023, GCPR (arXiv 2112.08866), section 3.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from darksieve.diagnostics.records import FALSE_ALARM, record_p_values, undecided
from darksieve.diagnostics.summaries import Components

__all__ = ["compare_summaries"]

Floats = NDArray[np.float64]
SIMULATIONS_A_COMPONENT = 10
BANDWIDTHS = (0.5, 1.0, 2.0)  # times the median distance


def compare_summaries(simulated: Floats, observed: Floats) -> dict[str, Any]:
    """The observation's summaries (F,) among those of simulations (n, F)."""
    values = np.concatenate([simulated, observed[None]])
    n = len(simulated)
    points = Components.find(values, max(1, n // SIMULATIONS_A_COMPONENT))(values)
    measures = {"mahalanobis": (points**2).sum(axis=1), "mmd": _discrepancies(points)}
    p_values = {name: _upper_ranks(values) for name, values in measures.items()}
    smaller = np.minimum(*p_values.values())
    record = record_p_values(
        {"observation": float((smaller <= smaller[-1]).mean())},
        "fraction of simulations that lie as far from the others as the observation, in the network's summaries",
        simulations=n,
        components=points.shape[1],
        measures={
            name: {
                "observation": float(values[-1]),
                "simulations": np.round(np.quantile(values[:-1], np.linspace(0, 1, 101)), 6).tolist(),
                "p_value": float(p_values[name][-1]),
            }
            for name, values in measures.items()
        },
    )
    if n + 1 < 1 / FALSE_ALARM:
        return undecided(record, f"{n} simulations cannot tell what happens in 1% of cases")
    return record


def _discrepancies(points: Floats) -> Floats:
    """Squared maximum mean discrepancy (m,) of each point (m, k) from all others, with a sum of Gaussian kernels."""
    from scipy.spatial.distance import pdist, squareform

    squares = squareform(pdist(points, "sqeuclidean"))
    median = np.median(squares[np.triu_indices(len(points), 1)])
    kernel = sum(np.exp(-0.5 * squares / (factor**2 * median)) for factor in BANDWIDTHS) / len(BANDWIDTHS)
    total, others = kernel.sum(), len(points) - 1
    to_others = kernel.sum(axis=1) - 1.0
    return 1.0 - 2.0 * to_others / others + (total - 2.0 * to_others - 1.0) / others**2


def _upper_ranks(values: Floats) -> Floats:
    """Fraction (m,) of values that are at least as large as each."""
    from scipy.stats import rankdata

    return (len(values) + 1 - rankdata(values, "min")) / len(values)
