"""The analysis `boltzmann`: bars and stripes learned and scored exactly, annealed likelihoods, annealed glasses."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from darksieve.diagnostics.bars import bar, rounded, summarise_bars
from darksieve.physics_ai.boltzmann.glass import Glass, anneal, ground_energy
from darksieve.physics_ai.boltzmann.machine import (
    Machine,
    annealed_log_partition,
    bars_and_stripes,
    exact_log_partition,
    sample_visible,
    train,
)
from darksieve.problem.provenance import derive_seed
from darksieve.problem.spins import BoltzmannConfig

__all__ = ["hopfield_difference", "study"]

Floats = NDArray[np.float64]

SIDE = 4
METHODS = {"CD-1": (1, False), "CD-10": (10, False), "PCD-1": (1, True), "PCD-10": (10, True)}
GLASSES = 5
SWEEPS = (30, 100, 300, 1000, 3000, 10000)
PRECISION = 1e-9


def study(settings: BoltzmannConfig) -> dict[str, Any]:
    """All of it; the record says what is expected of each number."""
    data = bars_and_stripes(SIDE)
    trained = {
        name: [
            train(data, settings.hidden, settings.steps, gibbs, persistent, _seed(settings, name, repetition))
            for repetition in range(settings.repetitions)
        ]
        for name, (gibbs, persistent) in METHODS.items()
    }
    divergence = {name: [_divergence(machine, data) for machine in machines] for name, machines in trained.items()}
    annealed: list[dict[str, Any]] = [
        {"method": name, **_compare_partition(machines[0], settings, name)} for name, machines in trained.items()
    ]
    glass = _anneal_glasses(settings)
    persistent, contrastive = float(np.mean(divergence["PCD-10"])), float(np.mean(divergence["CD-1"]))
    worst = max(annealed, key=lambda entry: abs(entry["difference"]))
    pulls = [abs(entry["difference"]) / entry["error"] for entry in annealed]
    bars = {
        "divergence": bar(persistent, None, 0.25, "KL divergence of data from PCD-10, nats, mean of trainings"),
        "contrastive": bar(contrastive - persistent, 0.0, None, "by how much that of CD-1 is larger, nats"),
        "annealed partition": bar(max(pulls), None, 3.0, "ln Z annealed, off enumeration, in standard errors, largest"),
        "annealed nats": bar(abs(worst["difference"]), None, 0.05, "the same in nats"),
        "hopfield": bar(
            hopfield_difference(_seed(settings, "hopfield")), None, 1e-10,
            "a machine with Gaussian hidden units, summed over these, off the Hopfield energy",
        ),
        "ground states": bar(
            sum(rate[-1] > 0 for rate in glass["success"]), GLASSES, GLASSES, f"ground states found, of {GLASSES}"
        ),
        "no lower": bar(glass["largest_undercut"], None, PRECISION, "how far annealing went below the ground state"),
    }  # fmt: skip
    best = trained["PCD-10"][int(np.argmin(divergence["PCD-10"]))]
    generator = np.random.default_rng(_seed(settings, "start"))
    start = (generator.random((64, SIDE**2)) < 0.5).astype(float)
    samples = sample_visible(best, start, 2000, _seed(settings, "samples"))
    return summarise_bars(
        bars,
        divergence=divergence,
        annealed=annealed,
        glass=glass,
        data=data.tolist(),
        samples=samples.tolist(),
        on_data=float((samples[:, None] == data[None]).all(axis=-1).any(axis=1).mean()),
        weights=rounded(best.weights.T, 4),
    )


def hopfield_difference(seed: int, units: int = 10, hidden: int = 3) -> float:
    """Largest difference, over all states, of the free energy of a machine with Gaussian hidden units from Hopfield's.

    p(s, h) ~ exp(-h^2 / 2 + sqrt(beta / N) h xi s) is integrated over each h by quadrature; what is left is the energy
    of Hebb's couplings with their diagonal, times beta. Both are taken relative to the first state's.
    """
    generator = np.random.default_rng(seed)
    patterns = generator.choice([-1.0, 1.0], size=(hidden, units))
    states = 1.0 - 2.0 * ((np.arange(2**units)[:, None] >> np.arange(units)) & 1)
    beta = 1.3
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    fields = np.sqrt(beta / units) * states @ patterns.T  # (states, hidden)
    marginal = -np.log(np.exp(fields[..., None] * nodes) @ weights).sum(axis=1)
    couplings = patterns.T @ patterns / units
    energy = -0.5 * beta * np.einsum("ni,ij,nj->n", states, couplings, states)
    return float(np.abs((marginal - marginal[0]) - (energy - energy[0])).max())


def _divergence(machine: Machine, data: Floats) -> float:
    """KL(data || machine) in nats, of data that are all equally probable."""
    log_probability = -machine.free_energy(data) - exact_log_partition(machine)
    return float(-np.log(len(data)) - log_probability.mean())


def _compare_partition(machine: Machine, settings: BoltzmannConfig, name: str) -> dict[str, float]:
    seed = _seed(settings, "annealed", name)
    exact = exact_log_partition(machine)
    base = np.zeros(len(machine.visible))
    found, error = annealed_log_partition(machine, base, settings.temperatures, settings.chains, seed)
    return {"exact": exact, "annealed": found, "error": error, "difference": found - exact}


def _anneal_glasses(settings: BoltzmannConfig) -> dict[str, Any]:
    """How often annealing ends in the ground state, against its length."""
    success, excess, undercut = [], [], -np.inf
    for number in range(GLASSES):
        glass = Glass.draw(settings.glass, _seed(settings, "glass", number))
        exact = ground_energy(glass)
        rates, gaps = [], []
        for sweeps in SWEEPS:
            gap = anneal(glass, sweeps, settings.annealings, _seed(settings, "anneal", number, sweeps)) - exact
            rates.append(float((gap < PRECISION).mean()))
            gaps.append(float(gap.mean() / settings.glass**2))
            undercut = max(undercut, float(-gap.min()))
        success.append(rates)
        excess.append(gaps)
    return {
        "side": settings.glass,
        "sweeps": list(SWEEPS),
        "annealings": settings.annealings,
        "success": success,
        "excess_energy": excess,
        "largest_undercut": undercut,
    }


def _seed(settings: BoltzmannConfig, *parts: object) -> int:
    return derive_seed("boltzmann", settings.seed, *parts)
