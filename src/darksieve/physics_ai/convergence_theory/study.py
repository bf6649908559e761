"""The analysis `convergence_theory`: couplings of convergence maps in cold and in warm dark matter, by score matching.

Every universe is normalised by itself, so that what differs is the shape of the theory, not the size of its field.
Errors are from the scatter of parts, each with populations of its own.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from darksieve.diagnostics.bars import bar, rounded, summarise_bars
from darksieve.physics_ai.convergence_theory.maps import PIXEL_SCALE, draw_maps, normalise
from darksieve.physics_ai.interacting_theory.score_matching import LOCAL_TERMS, local_equations
from darksieve.problem.provenance import derive_seed
from darksieve.problem.theories import ConvergenceTheoryConfig

__all__ = ["part_couplings", "significance", "study"]

Floats = NDArray[np.float64]

PARTS = 16  # of a universe, each with couplings of its own
NOISE = 0.3  # of the maps, in units of the root mean square of the convergence in cold dark matter
GAUSSIAN = [number for number, name in enumerate(LOCAL_TERMS) if name.startswith(("one leg", "pair"))]
SHOWN = 3  # maps


def study(settings: ConvergenceTheoryConfig) -> dict[str, Any]:
    """All of it; the record says what is expected of each number."""
    universes = {"cold": None, "cold again": None, "warm": settings.log10_half_mode}
    maps = {name: draw_maps(settings.maps, warm, _seed(settings, name)) for name, warm in universes.items()}
    unit = float(maps["cold"].std())
    fields = {
        name: normalise(values, unit, NOISE, np.random.default_rng(_seed(settings, "noise", name)))
        for name, values in maps.items()
    }
    found = {name: part_couplings(values) for name, values in fields.items()}
    null, warmth = significance(found["cold"], found["cold again"]), significance(found["cold"], found["warm"])
    higher = [number for number in range(len(LOCAL_TERMS)) if number not in GAUSSIAN]
    strongest = higher[int(np.abs(warmth[higher]).argmax())]
    gains = {name: _gain(fields[name]) for name in ("cold", "warm")}
    bars = {
        "interactions": bar(
            min(mean / error for mean, error in gains.values()), 5.0, None,
            "by how much third and fourth orders lower the score matching loss of maps left out, in standard errors, "
            "smaller of cold and warm",
        ),
        "cold and cold": bar(
            float(np.abs(null).max()), None, 4.0,
            "couplings of two universes of cold dark matter, largest difference in standard errors",
        ),
        "cold and warm": bar(
            float(np.abs(warmth[higher]).max()), 5.0, None,
            "couplings of third and fourth order in cold and in warm dark matter, largest difference in standard "
            f"errors ({LOCAL_TERMS[strongest]})",
        ),
    }  # fmt: skip
    return summarise_bars(
        bars,
        log10_half_mode=settings.log10_half_mode,
        unit=unit,
        pixel_scale=PIXEL_SCALE,
        terms=LOCAL_TERMS,
        couplings={
            name: {"mean": rounded(parts.mean(axis=0)), "error": rounded(_error(parts))}
            for name, parts in found.items()
        },
        significance={"cold again": rounded(null, 4), "warm": rounded(warmth, 4)},
        gains={name: list(gain) for name, gain in gains.items()},
        moments={name: _moments(values) for name, values in fields.items()},
        maps={name: rounded(maps[name][:SHOWN], 4) for name in ("cold", "warm")},
    )


def part_couplings(fields: Floats) -> Floats:
    """Couplings (parts, T) of `LOCAL_TERMS` of fields (n, H, W), part by part."""
    gram, laplacian = local_equations(fields)
    parts = zip(np.array_split(gram, PARTS), np.array_split(laplacian, PARTS))
    return np.stack([np.linalg.solve(left.mean(axis=0), right.mean(axis=0)) for left, right in parts])


def significance(first: Floats, second: Floats) -> Floats:
    """Difference (T,) of the means of couplings (parts, T), second less first, in standard errors."""
    return (second.mean(axis=0) - first.mean(axis=0)) / np.hypot(_error(first), _error(second))


def _gain(fields: Floats) -> tuple[float, float]:
    """Score matching loss of the theory with pairs alone less that of all orders, fitted to other maps; its error.

    It is half the difference of the two theories' mean square distances from the true score, a map.
    """
    gram, laplacian = local_equations(fields)
    learned = slice(0, len(fields) // 2)
    tested = slice(len(fields) // 2, None)

    def loss(terms: list[int]) -> Floats:
        left, right = gram[:, terms][:, :, terms], laplacian[:, terms]
        coupling = np.linalg.solve(left[learned].mean(axis=0), right[learned].mean(axis=0))
        return 0.5 * np.einsum("a,nab,b->n", coupling, left[tested], coupling) - right[tested] @ coupling

    difference = loss(GAUSSIAN) - loss(list(range(len(LOCAL_TERMS))))
    return float(difference.mean()), float(difference.std() / math.sqrt(len(difference)))


def _moments(fields: Floats) -> dict[str, float]:
    """Skewness and excess kurtosis of a site."""
    return {"skewness": float((fields**3).mean()), "kurtosis": float((fields**4).mean() - 3.0)}


def _error(parts: Floats) -> Floats:
    return parts.std(axis=0, ddof=1) / math.sqrt(len(parts))


def _seed(settings: ConvergenceTheoryConfig, *parts: object) -> int:
    return derive_seed("convergence_theory", settings.seed, *parts)
