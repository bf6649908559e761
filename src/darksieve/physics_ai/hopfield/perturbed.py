"""What becomes of the equilibria: mixtures of patterns, and couplings that are weakened, flipped or inverted."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from darksieve.diagnostics.bars import rounded
from darksieve.physics_ai.hopfield.classical import (
    energy,
    flip_couplings,
    hebb,
    overlaps,
    parallel_step,
    random_patterns,
    relax,
)
from darksieve.problem.provenance import derive_seed
from darksieve.problem.spins import HopfieldConfig

__all__ = ["inversion", "landscapes", "mixtures", "parallel_dynamics"]

Floats = NDArray[np.floating]

FLIPS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
PERTURBED_LOAD = 0.03
MIXTURE_LOADS = (0.005, 0.02, 0.05, 0.1)
PATH_POINTS = 41


def inversion(settings: HopfieldConfig) -> dict[str, Any]:
    """Patterns under couplings whose signs are flipped at random, up to all of them: W becomes -W.

    For each fraction: neurons of the patterns that stay, and overlap at the end with the pattern it began from. For -W
    also the largest overlap with any pattern, of either sign, which random states reach as well.
    """
    patterns, couplings, generator = _network(settings, PERTURBED_LOAD, "inversion")
    stable, ended, inverted = [], [], patterns
    for fraction in FLIPS:
        changed = flip_couplings(couplings, fraction, generator)
        stable.append(float((patterns @ changed * patterns > 0).mean()))
        inverted = relax(changed, patterns, derive_seed(settings.seed, "inversion", fraction)).states
        ended.append(float(overlaps(inverted, patterns).mean()))
    return {
        "load": PERTURBED_LOAD,
        "flipped": list(FLIPS),
        "stable": stable,
        "overlap": ended,
        "largest_overlap_inverted": float(np.abs(inverted @ patterns.T / patterns.shape[1]).max()),
        "energy": {
            "patterns": float(energy(couplings, patterns).mean() / settings.size),
            "patterns_inverted": float(energy(-couplings, patterns).mean() / settings.size),
            "ends_inverted": float(energy(-couplings, inverted).mean() / settings.size),
        },
    }


def landscapes(settings: HopfieldConfig) -> dict[str, Any]:
    """Energy a neuron along paths from one pattern to another, differing neurons flipped in random order.

    For the couplings as learned, half of their signs flipped, inverted, and with every coupling multiplied by a random
    factor between 0 and 2: the mean and standard deviation over paths.
    """
    patterns, couplings, generator = _network(settings, PERTURBED_LOAD, "landscapes")
    factor = np.triu(generator.uniform(0, 2, couplings.shape), 1)
    versions = {
        "learned": couplings,
        "random factors": couplings * (factor + factor.T),
        "a fifth inverted": flip_couplings(couplings, 0.2, generator),
        "half inverted": flip_couplings(couplings, 0.5, generator),
        "all inverted": -couplings,
    }
    place = np.linspace(0.0, 1.0, PATH_POINTS)
    paths = [_path(patterns[i], patterns[i + 1], place, generator) for i in range(min(20, len(patterns) - 1))]
    found = {}
    for name, changed in versions.items():
        values = np.array([energy(changed, path) for path in paths]) / settings.size
        found[name] = {"mean": rounded(values.mean(axis=0)), "spread": rounded(values.std(axis=0))}
    return {"place": rounded(place), "paths": found}


def mixtures(settings: HopfieldConfig) -> dict[str, Any]:
    """Signs of sums of three patterns, the commonest spurious states: neurons that stay, overlaps and energies."""
    found: dict[str, Any] = {
        "loads": list(MIXTURE_LOADS),
        "stable": [],
        "overlap": [],
        "energy": [],
        "pattern_energy": [],
    }
    for load in MIXTURE_LOADS:
        patterns, couplings, _ = _network(settings, load, f"mixtures {load}")
        triples = np.array([np.roll(np.arange(len(patterns)), -k)[:3] for k in range(len(patterns))])
        mixed = np.sign(patterns[triples].sum(axis=1))
        found["stable"].append(float((mixed @ couplings * mixed > 0).mean()))
        found["overlap"].append(float(np.einsum("nki,ni->nk", patterns[triples], mixed).mean() / settings.size))
        found["energy"].append(float(energy(couplings, mixed).mean() / settings.size))
        found["pattern_energy"].append(float(energy(couplings, patterns).mean() / settings.size))
    return found


def parallel_dynamics(settings: HopfieldConfig, steps: int = 30) -> dict[str, Any]:
    """Random states of an overloaded network, all neurons at once: energy may rise, and cycles of two appear."""
    _, couplings, generator = _network(settings, 0.2, "parallel")
    states = [random_patterns(20, settings.size, generator)]
    for _ in range(steps):
        states.append(parallel_step(couplings, states[-1]))
    values = np.array([energy(couplings, state) for state in states]) / settings.size  # (steps + 1, 20)
    two_step = [-np.einsum("ni,ni->n", a @ couplings, b) / settings.size for a, b in itertools.pairwise(states)]
    return {
        "energy": rounded(values.T[:6]),
        "largest_rise": float(np.diff(values, axis=0).max()),
        "largest_rise_of_two_step_energy": float(np.diff(two_step, axis=0).max()),
        "in_cycles_of_two": float((states[-1] != states[-2]).any(axis=1).mean()),
    }


def _network(settings: HopfieldConfig, load: float, label: str) -> tuple[Floats, Floats, np.random.Generator]:
    generator = np.random.default_rng(derive_seed("hopfield", settings.seed, label))
    patterns = random_patterns(max(3, round(load * settings.size)), settings.size, generator)
    return patterns, hebb(patterns), generator


def _path(start: Floats, end: Floats, place: Floats, generator: np.random.Generator) -> Floats:
    """States (points, N) between two patterns."""
    differing = generator.permutation(np.flatnonzero(start != end))
    states = np.repeat(start[None], len(place), axis=0)
    for state, fraction in zip(states, place):
        chosen = differing[: round(fraction * len(differing))]
        state[chosen] = end[chosen]
    return states
