"""How much modern networks remember, and what their step is equal to."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from darksieve.physics_ai.hopfield.modern import (
    capacity_base,
    dense_bit_error,
    dense_bit_error_theory,
    gaussian_weights,
    modern_energy,
    modern_step,
    sphere_patterns,
)
from darksieve.problem.provenance import derive_seed
from darksieve.problem.spins import HopfieldConfig

__all__ = ["dense_memory", "exponential_capacity", "identities", "large_memory", "metastable_states"]

Floats = NDArray[np.floating]

FACTOR = 2.0  # radius of the sphere of patterns over sqrt(d - 1); with beta = 1
NOISE = 0.3  # standard deviation a component of the states that recall them
CLOSE = 0.01  # relative distance at which a pattern counts as retrieved
DIMENSIONS = (3, 4, 5, 6, 7, 8, 9, 10, 11)
RECALLED = 200
DRAWS = 4
ROWS_AT_ONCE = 100
DENSE_NEURONS = 100
DENSE = {2: (8, 11, 14, 20), 3: (200, 400, 800, 1600), 4: (4000, 8000, 16000)}


def retrieved(patterns: Floats, generator: np.random.Generator, number: int = RECALLED) -> Floats:
    """For some patterns (N, d), whether one step from a noisy version of each comes within `CLOSE` of it."""
    radius = np.linalg.norm(patterns[0])
    chosen = generator.integers(len(patterns), size=number)
    found = []
    for rows in np.array_split(chosen, -(-number // ROWS_AT_ONCE)):
        noisy = patterns[rows] + NOISE * generator.standard_normal(patterns[rows].shape, dtype=np.float32)
        found.append(np.linalg.norm(modern_step(patterns, noisy, 1.0) - patterns[rows], axis=1) < CLOSE * radius)
    return np.concatenate(found)


def exponential_capacity(settings: HopfieldConfig) -> dict[str, Any]:
    """Number of patterns of which half are retrieved, for each dimension; its logarithm grows with the dimension."""
    capacities = [_half_capacity(d, settings) for d in DIMENSIONS]
    slope, intercept = np.polyfit(DIMENSIONS, np.log(capacities), 1)
    correlation = float(np.corrcoef(DIMENSIONS, np.log(capacities))[0, 1])
    base = {d: capacity_base(1.0, FACTOR, d, 0.5) for d in DIMENSIONS}
    return {
        "dimensions": list(DIMENSIONS),
        "capacities": capacities,
        "growth_a_dimension": float(slope),
        "intercept": float(intercept),
        "correlation": correlation,
        "lower_bounds": [0.5**0.5 * base[d] ** ((d - 1) / 4) for d in DIMENSIONS],
    }


def large_memory(settings: HopfieldConfig, dimension: int = 32) -> float:
    """Fraction retrieved of `memories` patterns in 32 dimensions, in one step from noisy versions."""
    generator = np.random.default_rng(derive_seed("hopfield", settings.seed, "large"))
    patterns = sphere_patterns(settings.memories, dimension, FACTOR * (dimension - 1) ** 0.5, generator)
    return float(retrieved(patterns, generator, 5 * RECALLED).mean())


def dense_memory(settings: HopfieldConfig) -> dict[str, Any]:
    """Bits that flip at stored patterns of dense associative memories, simulated and in theory."""
    generator = np.random.default_rng(derive_seed("hopfield", settings.seed, "dense"))
    found = {}
    for power, numbers in DENSE.items():
        simulated = []
        for number in numbers:
            rows = min(number, max(20, 160000 // number))
            draws = -(-200 // rows) if power == 2 else 1
            errors = [
                dense_bit_error(generator.choice(np.array([-1, 1], np.int8), size=(number, DENSE_NEURONS)), power, rows)
                for _ in range(draws)
            ]
            simulated.append(float(np.mean(errors)))
        theory = [dense_bit_error_theory(DENSE_NEURONS, number, power) for number in numbers]
        found[str(power)] = {"patterns": list(numbers), "simulated": simulated, "theory": theory}
    return found


def metastable_states(settings: HopfieldConfig) -> dict[str, Any]:
    """Fixed points that patterns in four tight groups fall to, against beta: one in all, one a group, one a pattern."""
    generator = np.random.default_rng(derive_seed("hopfield", settings.seed, "metastable"))
    centres = sphere_patterns(4, 16, 4.0, generator)
    patterns = np.repeat(centres, 8, axis=0) + 0.35 * generator.standard_normal((32, 16))
    patterns *= 4.0 / np.linalg.norm(patterns, axis=1, keepdims=True)
    betas, numbers = np.geomspace(0.01, 100, 36), []
    for beta in betas:
        states: Floats = patterns
        for _ in range(2000):
            moved = modern_step(patterns, states, beta)
            still, states = np.abs(moved - states).max() < 1e-7, moved
            if still:
                break
        different = np.linalg.norm(states[:, None] - states[None], axis=-1) > 0.05
        numbers.append(len({tuple(row) for row in different.tolist()}))
    return {"betas": betas.tolist(), "fixed_points": numbers, "groups": 4, "patterns": len(patterns)}


def identities(settings: HopfieldConfig) -> dict[str, float]:
    """Largest differences between a step of the network and what it equals, and the rise of energy in such steps."""
    import torch

    generator = np.random.default_rng(derive_seed("hopfield", settings.seed, "identities"))
    patterns = generator.normal(size=(50, 12))
    patterns *= 3.0 / np.linalg.norm(patterns, axis=1, keepdims=True)
    states = generator.normal(size=(40, 12))
    step = modern_step(patterns, states, 0.7)
    query, key = torch.from_numpy(states), torch.from_numpy(patterns)
    attention = torch.nn.functional.scaled_dot_product_attention(query[None], key[None], key[None], scale=0.7)[0]
    # x_t = a x + s n: the mean of x given x_t over the stored set, from the Gaussian densities themselves
    a, s = 0.8, 0.6
    squares = ((states[:, None] - a * patterns[None]) ** 2).sum(axis=-1) / s**2
    denoised = gaussian_weights(squares) @ patterns
    path: list[Floats] = [states]
    for _ in range(20):
        path.append(modern_step(patterns, path[-1], 0.7))
    energies = np.array([modern_energy(patterns, state, 0.7) for state in path])
    return {
        "attention": float(np.abs(step - attention.numpy()).max()),
        "denoiser": float(np.abs(denoised - modern_step(patterns, states, a / s**2)).max()),
        "largest_rise": float(np.diff(energies, axis=0).max()),
        "lowest_energy": float(energies.min()),
    }


def _half_capacity(dimension: int, settings: HopfieldConfig) -> int:
    """By bisection in the logarithm of the number of patterns, to 5%."""
    generator = np.random.default_rng(derive_seed("hopfield", settings.seed, "capacity", dimension))

    def fraction(number: int) -> float:
        radius = FACTOR * (dimension - 1) ** 0.5
        draws = [sphere_patterns(number, dimension, radius, generator) for _ in range(DRAWS)]
        return float(np.mean([retrieved(patterns, generator).mean() for patterns in draws]))

    low, high = 2, 4
    while fraction(high) > 0.5 and high < settings.memories:
        low, high = high, 2 * high
    while high > 1.05 * low + 1:
        middle = round((low * high) ** 0.5)
        low, high = (middle, high) if fraction(middle) > 0.5 else (low, middle)
    return low
