"""Truncation: the box of the next round, from the one-dimensional marginals of this one.

A parameter keeps the values whose posterior density is above a fraction epsilon of its peak. The density is
evaluated on a regular grid in the unit cube, where it is the ratio itself, so that the box does not depend on a
number of samples; edges are the outer edges of grid cells, so that it is never biased inwards.

References: Miller et al. 2021, NeurIPS (arXiv 2107.01214), section 3 and appendix A.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from darksieve.problem.box import Box

__all__ = ["truncate"]

GUARD_CELLS = 4


def truncate(
    box: Box, profiles: Mapping[str, NDArray[np.float64]], threshold: float, stop_shrinkage: float
) -> tuple[Box, bool]:
    """The next box, and whether it has settled.

    Parameters
    ----------
    box : Box
        The box of this round.
    profiles : mapping of str to array (cells,)
        Log-ratios at the midpoints of equal cells across `box`; parameters without one keep their edges.
    threshold : float
        Fraction epsilon of the peak density above which a value is kept.
    stop_shrinkage : float
        The box has settled when it keeps more than this fraction of its volume.
    """
    lower, upper = list(box.lower), list(box.upper)
    for name, log_ratio in profiles.items():
        column, cells = box.names.index(name), len(log_ratio)
        kept = np.flatnonzero(log_ratio > log_ratio.max() + np.log(threshold))
        first, last = max(kept[0] - GUARD_CELLS, 0), min(kept[-1] + 1 + GUARD_CELLS, cells)
        width = box.upper[column] - box.lower[column]
        lower[column] = box.lower[column] + width * first / cells
        upper[column] = box.upper[column] - width * (cells - last) / cells
    new = Box(box.names, tuple(lower), tuple(upper))
    return new, new.volume > stop_shrinkage * box.volume
