"""How much the classical network remembers: retrieval by load and size, from corrupted starts, with temperature."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from darksieve.diagnostics.bars import rounded
from darksieve.physics_ai.hopfield.classical import (
    Relaxation,
    flip_neurons,
    glauber,
    hebb,
    overlaps,
    pseudo_inverse,
    random_patterns,
    relax,
    storkey,
)
from darksieve.physics_ai.hopfield.mean_field import (
    critical_load,
    glass_temperature,
    overlap_at_zero_temperature,
    retrieval_temperature,
    solve_overlap,
)
from darksieve.problem.provenance import derive_seed
from darksieve.problem.spins import HopfieldConfig

__all__ = ["RETRIEVED", "basins", "capacity", "half_point", "phase_diagram", "rules"]

Floats = NDArray[np.floating]

RETRIEVED = 0.9  # overlap above which a pattern counts as retrieved
LOADS = (0.10, 0.12, 0.138, 0.145, 0.15, 0.16, 0.17, 0.18, 0.20)
BASIN_LOADS = (0.02, 0.05, 0.08, 0.10, 0.12)
BASIN_FLIPS = (0.0, 0.1, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45)
RULE_LOADS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 0.9)
TEMPERATURES = (0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95)
HOT_LOADS = (0.01, 0.03, 0.05, 0.08, 0.11, 0.14)
GLAUBER_SWEEPS = 60
RESAMPLES = 400


def capacity(settings: HopfieldConfig) -> dict[str, Any]:
    """Fraction of patterns retrieved from themselves at every load and size, where it is a half, and for N to infinity.

    Finite-size corrections of the half-point are taken as a / sqrt(N), the size of the fluctuations of the load that
    a pattern sees.
    """
    sizes, found, rise = settings.neurons, {}, -np.inf
    points, errors = [], []
    for size in sizes:
        networks = settings.networks * max(sizes) // size
        retrieved, overlap = np.empty((networks, len(LOADS))), np.empty((networks, len(LOADS)))
        for column, load in enumerate(LOADS):
            for network in range(networks):
                ended, patterns = _recall(size, load, settings, "capacity", network)
                values = overlaps(ended.states, patterns)
                retrieved[network, column] = (values > RETRIEVED).mean()
                overlap[network, column] = values.mean()
                rise = max(rise, ended.largest_rise)
        generator = np.random.default_rng(derive_seed("hopfield", settings.seed, "resample", size))
        chosen = generator.integers(networks, size=(RESAMPLES, networks, len(LOADS)))
        resampled = np.take_along_axis(retrieved[None], chosen, axis=1).mean(axis=1)
        points.append(half_point(LOADS, retrieved.mean(axis=0)))
        errors.append(float(np.std([half_point(LOADS, curve) for curve in resampled])))
        found[str(size)] = {
            "networks": networks,
            "retrieved": rounded(retrieved.mean(axis=0)),
            "overlap": rounded(overlap.mean(axis=0)),
            "half_point": points[-1],
            "half_point_error": errors[-1],
        }
    line, covariance = np.polyfit(
        np.asarray(sizes, float) ** -0.5, points, 1, w=1.0 / np.maximum(errors, 1e-4), cov="unscaled"
    )
    critical, overlap_there = critical_load()
    loads = np.linspace(0.02, critical, 60)
    return {
        "loads": list(LOADS),
        "sizes": found,
        "extrapolated": float(line[1]),
        "extrapolated_error": float(np.sqrt(covariance[1, 1])),
        "slope": float(line[0]),
        "largest_rise": float(rise),
        "theory": {
            "critical_load": critical,
            "critical_overlap": overlap_there,
            "loads": rounded(loads),
            "overlap": rounded([overlap_at_zero_temperature(load) for load in loads * (1 - 1e-9)]),
        },
    }


def half_point(loads: tuple[float, ...], retrieved: Floats) -> float:
    """Load at which the fraction retrieved falls through a half, by interpolation; the ends where it does not."""
    below = np.flatnonzero(np.asarray(retrieved) < 0.5)
    if not len(below) or below[0] == 0:
        return loads[-1] if not len(below) else loads[0]
    i = int(below[0])
    part = (retrieved[i - 1] - 0.5) / (retrieved[i - 1] - retrieved[i])
    return float(loads[i - 1] + part * (loads[i] - loads[i - 1]))


def basins(settings: HopfieldConfig) -> dict[str, Any]:
    """Fraction of patterns retrieved from starts of which a fraction of the neurons was flipped, for each load."""
    fractions = [
        [_retrieved(*_recall(settings.size, load, settings, "basins", 0, flipped)) for flipped in BASIN_FLIPS]
        for load in BASIN_LOADS
    ]
    return {"loads": list(BASIN_LOADS), "flipped": list(BASIN_FLIPS), "retrieved": fractions}


def rules(settings: HopfieldConfig) -> dict[str, Any]:
    """Bits of patterns that are stable, exactly and from a tenth flipped, by each rule, for half as many neurons."""
    neurons, found = settings.size // 2, {}
    generator = np.random.default_rng(derive_seed("hopfield", settings.seed, "rules"))
    for name, learn in (("Hebb", hebb), ("Storkey", storkey), ("pseudo-inverse", pseudo_inverse)):
        exact, noisy = [], []
        for load in RULE_LOADS:
            patterns = random_patterns(round(load * neurons), neurons, generator)
            couplings = learn(patterns)
            some = patterns[: settings.recalled]
            kept = relax(couplings, some, derive_seed(settings.seed, "rules", load)).states
            exact.append(float((kept == some).all(axis=1).mean()))
            started = flip_neurons(some, 0.1, generator)
            ended = relax(couplings, started, derive_seed(settings.seed, "noisy", load))
            noisy.append(_retrieved(ended, some))
        found[name] = {"exact": exact, "from_a_tenth_flipped": noisy}
    return {"loads": list(RULE_LOADS), "neurons": neurons, "rules": found}


def phase_diagram(settings: HopfieldConfig) -> dict[str, Any]:
    """Overlap that stays with a pattern, simulated and by mean-field theory, against load and temperature."""
    generator = np.random.default_rng(derive_seed("hopfield", settings.seed, "phases"))
    simulated = np.empty((len(TEMPERATURES), len(HOT_LOADS)))
    predicted = np.empty_like(simulated)
    for column, load in enumerate(HOT_LOADS):
        patterns = random_patterns(max(1, round(load * settings.size)), settings.size, generator)
        couplings = hebb(patterns)
        some = patterns[: min(4, settings.recalled)]
        for row, temperature in enumerate(TEMPERATURES):
            seed = derive_seed("hopfield", settings.seed, "glauber", load, temperature)
            mean = glauber(couplings, some, temperature, GLAUBER_SWEEPS, seed)
            simulated[row, column] = overlaps(mean, some).mean()
            predicted[row, column] = solve_overlap(load, temperature)
    loads = np.append(np.geomspace(0.001, 0.13, 24), 0.137)
    return {
        "loads": list(HOT_LOADS),
        "temperatures": list(TEMPERATURES),
        "simulated": rounded(simulated),
        "predicted": rounded(predicted),
        "lines": {
            "loads": rounded(loads),
            "retrieval_temperature": rounded([retrieval_temperature(load, 1e-3) for load in loads]),
            "glass_temperature": rounded(glass_temperature(loads)),
        },
        "retrieval_temperature_at_0.05": retrieval_temperature(0.05),
    }


def _recall(
    size: int, load: float, settings: HopfieldConfig, label: str, network: int, flipped: float = 0.0
) -> tuple[Relaxation, Floats]:
    """Relaxations of a Hebbian network from some of its patterns, and these."""
    seed = derive_seed("hopfield", settings.seed, label, size, load, network)
    generator = np.random.default_rng(seed)
    patterns = random_patterns(round(load * size), size, generator)
    some = patterns[: settings.recalled]
    return relax(hebb(patterns), flip_neurons(some, flipped, generator), seed), some


def _retrieved(ended: Relaxation, patterns: Floats) -> float:
    return float((overlaps(ended.states, patterns) > RETRIEVED).mean())
