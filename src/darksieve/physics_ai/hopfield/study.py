"""The analysis `hopfield`: capacities, basins, phases and perturbed equilibria of memories, classical and modern."""

from __future__ import annotations

from typing import Any

from darksieve.diagnostics.bars import bar, summarise_bars
from darksieve.physics_ai.hopfield.capacity import basins, capacity, phase_diagram, rules
from darksieve.physics_ai.hopfield.modern import capacity_base
from darksieve.physics_ai.hopfield.perturbed import inversion, landscapes, mixtures, parallel_dynamics
from darksieve.physics_ai.hopfield.steep import (
    dense_memory,
    exponential_capacity,
    identities,
    large_memory,
    metastable_states,
)
from darksieve.problem.spins import HopfieldConfig

__all__ = ["study"]

ROUNDING = 1e-6  # of energies a neuron in single precision


def study(settings: HopfieldConfig) -> dict[str, Any]:
    """All of it; the record says what is expected of each number."""
    classical = {
        "capacity": capacity(settings),
        "basins": basins(settings),
        "rules": rules(settings),
        "phases": phase_diagram(settings),
        "inversion": inversion(settings),
        "landscapes": landscapes(settings),
        "mixtures": mixtures(settings),
        "parallel": parallel_dynamics(settings),
    }
    modern = {
        "exponential": exponential_capacity(settings),
        "retrieved": large_memory(settings),
        "dense": dense_memory(settings),
        "metastable": metastable_states(settings),
        "identities": identities(settings),
    }
    return summarise_bars(
        _classical_bars(classical, settings) | _modern_bars(modern, settings), classical=classical, modern=modern
    )


def _classical_bars(found: dict[str, Any], settings: HopfieldConfig) -> dict[str, Any]:
    load, phases, changed, mixed = (found[key] for key in ("capacity", "phases", "inversion", "mixtures"))
    theory, sizes, learned = load["theory"], load["sizes"], found["rules"]
    largest = max(settings.neurons)
    exact = {
        name: dict(zip(learned["loads"], rule["exact"])) for name, rule in learned["rules"].items()
    }  # name: load: fraction
    bars = {
        "critical load": bar(theory["critical_load"], 0.1378, 0.1380, "mean-field capacity at zero temperature"),
        "critical overlap": bar(theory["critical_overlap"], 0.9672, 0.9676, "mean-field overlap at that load"),
        "retrieval temperature": bar(
            phases["retrieval_temperature_at_0.05"], 0.540, 0.544, "mean-field T_M at a load of 0.05"
        ),
        "size": bar(
            sizes[str(largest)]["half_point"] - sizes[str(settings.neurons[0])]["half_point"], None, 0.0,
            f"change of the half-point of retrieval from N = {settings.neurons[0]} to {largest}",
        ),
        "extrapolated capacity": bar(
            abs(load["extrapolated"] - theory["critical_load"]) / load["extrapolated_error"], None, 3.0,
            "half-point for N to infinity, linear in N^-1/2, off the mean-field capacity, in standard errors",
        ),
        "energy": bar(load["largest_rise"], None, ROUNDING, "largest rise of the energy a neuron in any relaxation"),
        "inversion": bar(changed["stable"][-1], None, 0.02, "stable neurons of patterns, all couplings inverted"),
        "a fifth flipped": bar(
            changed["overlap"][changed["flipped"].index(0.2)], 0.98, None, "overlap kept, a fifth of the signs flipped"
        ),
        "half flipped": bar(
            changed["overlap"][changed["flipped"].index(0.5)], None, 0.3, "overlap kept, half of the signs flipped"
        ),
        "Storkey": bar(exact["Storkey"][0.3], 1.0, None, "patterns recalled exactly at a load of 0.3"),
        "Hebb at Storkey's load": bar(exact["Hebb"][0.3], None, 0.02, "the same by Hebb's rule"),
        "pseudo-inverse": bar(exact["pseudo-inverse"][0.8], 1.0, None, "patterns recalled exactly at a load of 0.8"),
        "mixtures": bar(mixed["stable"][0], 0.999, None, "stable neurons of mixtures of three, at a load of 0.005"),
        "mixture overlap": bar(mixed["overlap"][0], 0.48, 0.52, "their overlap with each of the three"),
    }  # fmt: skip
    if "1000" in sizes:
        curve = dict(zip(load["loads"], sizes["1000"]["retrieved"]))
        bars |= {
            "half-point at 1000": bar(sizes["1000"]["half_point"], 0.150, 0.174, "half-point of retrieval at N = 1000"),
            "below capacity": bar(curve[0.10], 0.98, None, "retrieved at N = 1000 and a load of 0.10"),
            "at capacity": bar(curve[0.138], 0.80, None, "retrieved at N = 1000 and a load of 0.138"),
            "above capacity": bar(curve[0.20], None, 0.10, "retrieved at N = 1000 and a load of 0.20"),
        }
    return bars


def _modern_bars(found: dict[str, Any], settings: HopfieldConfig) -> dict[str, Any]:
    growth, dense, same = found["exponential"], found["dense"]["3"], found["identities"]
    at = dense["patterns"].index(800)
    margin = min(n / low for n, low in zip(growth["capacities"], growth["lower_bounds"]))
    return {
        "exponential capacity": bar(
            growth["correlation"], 0.98, None, "correlation of dimension and logarithm of the capacity"
        ),
        "lower bound": bar(margin, 1.0, None, "capacity over the lower bound of Ramsauer et al., smallest"),
        "one step": bar(
            found["retrieved"], 0.99, None, f"retrieved in one step of {settings.memories} patterns in 32 dimensions"
        ),
        "dense bit error": bar(
            dense["simulated"][at] / dense["theory"][at], 0.85, 1.15, "bit error over theory, cubic, 800 patterns"
        ),
        "bounds of the paper": bar(
            max(abs(capacity_base(1, 3, 20, 0.001) - 3.1546), abs(capacity_base(1, 1, 75, 0.001) - 1.3718)), None, 1e-4,
            "c of Ramsauer et al.'s two examples, off theirs",
        ),
        "attention": bar(same["attention"], None, 1e-6, "one step against softmax attention, largest difference"),
        "denoiser": bar(same["denoiser"], None, 1e-12, "one step against the optimal denoiser of the stored set"),
        "modern energy": bar(same["largest_rise"], None, 1e-12, "largest rise of the modern energy in a step"),
    }  # fmt: skip
