"""The analysis `lattice_field`: Hamiltonian Monte Carlo beside known numbers, and a flow beside these chains."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from darksieve.diagnostics.bars import bar, rounded, summarise_bars
from darksieve.physics_ai.lattice_field.action import (
    Action,
    correlator,
    exact_two_by_two,
    free_square,
    observables,
    pole_mass,
)
from darksieve.physics_ai.lattice_field.flow import effective_fraction, log_weights, train
from darksieve.physics_ai.lattice_field.hmc import Chains, run_chains
from darksieve.problem.provenance import derive_seed
from darksieve.problem.theories import LatticeFieldConfig

__all__ = ["study", "weighted"]

Floats = NDArray[np.float64]

MASS = -4.0
# side: coupling, and what longer runs found of each observable, with its error
KNOWN: dict[int, tuple[float, dict[str, tuple[float, float]]]] = {
    6: (6.975, {"magnetisation": (0.14130, 33e-5), "susceptibility": (1.0615, 44e-4), "square": (0.16152, 10e-5),
                "neighbours": (0.05845, 11e-5), "pole mass": (3.992, 0.022)}),
    8: (6.008, {"magnetisation": (0.14205, 43e-5), "susceptibility": (1.8913, 100e-4), "square": (0.18389, 9e-5),
                "neighbours": (0.07553, 12e-5), "pole mass": (3.956, 0.021)}),
    10: (5.550, {"magnetisation": (0.14095, 61e-5), "susceptibility": (2.8959, 219e-4), "square": (0.19892, 9e-5),
                 "neighbours": (0.08842, 14e-5), "pole mass": (3.984, 0.029)}),
    12: (5.276, {"magnetisation": (0.13951, 70e-5), "susceptibility": (4.0792, 353e-4), "square": (0.21034, 9e-5),
                 "neighbours": (0.09905, 14e-5), "pole mass": (4.013, 0.031)}),
    14: (5.113, {"magnetisation": (0.13669, 87e-5), "susceptibility": (5.3202, 585e-4), "square": (0.21833, 10e-5),
                 "neighbours": (0.10673, 15e-5), "pole mass": (4.082, 0.041)}),
}  # fmt: skip
PUBLISHED = {6: (3.96, 0.03), 8: (3.97, 0.05), 10: (4.00, 0.04), 12: (3.96, 0.05), 14: (4.03, 0.06)}  # pole mass x side
CHAINS, BLOCKS = 256, 16
FREE = Action(side=8, mass=0.5, coupling=0.0)
SMALL = Action(side=2, mass=MASS, coupling=8.0)
SMALL_STEPS = 300  # gradient steps of its flow, at most
BATCH = 128
FLOWS = {6: 0.85, 8: 0.6}  # side: least effective fraction
SECONDS = 180.0  # CPU time in which the smaller flow is trained


def study(settings: LatticeFieldConfig) -> dict[str, Any]:
    """All of it; the record says what is expected of each number."""
    measured, rates = {}, {}
    for side, (coupling, _) in KNOWN.items():
        action = Action(side, MASS, coupling)
        chains = _run(action, settings)
        measured[side], rates[side] = _measure(action, chains), _rate(chains)
    pulls = {
        f"{name}, {side}": abs(measured[side][name][0] - value) / math.hypot(measured[side][name][1], error)
        for side, (_, known) in KNOWN.items()
        for name, (value, error) in known.items()
    }
    mass_pulls = [
        abs(measured[side]["pole mass"][0] - value) / math.hypot(measured[side]["pole mass"][1], error)
        for side, (value, error) in PUBLISHED.items()
    ]
    small = _small(settings)
    flows = {side: _flow(Action(side, MASS, KNOWN[side][0]), settings, measured[side], rates[side]) for side in FLOWS}
    worst = max(pulls, key=lambda name: pulls[name])
    bars = {
        "observables": bar(
            pulls[worst], None, 3.0,
            f"five observables on five lattices off known values, in standard errors, largest ({worst})",
        ),
        "pole mass": bar(max(mass_pulls), None, 3.0, "pole masses off Albergo et al.'s, in standard errors, largest"),
        "energy": bar(
            max(abs(entry["exponential"][0] - 1.0) / entry["exponential"][1] for entry in measured.values()), None, 3.0,
            "<exp(-dH)> off one, in standard errors, largest of the lattices",
        ),
        "Schwinger-Dyson": bar(
            max(abs(entry["Schwinger-Dyson"][0] - 1.0) for entry in measured.values()), None, 0.01,
            "<phi dS/dphi> a site off one, largest of the lattices",
        ),
        "free field": bar(small["free_pull"], None, 3.0, "<phi^2> of the free field off the sum over modes, in errors"),
        "2 x 2": bar(small["pull"], None, 3.0, "V<M^2>, <phi^2> on 2 x 2 off quadrature, in standard errors, largest"),
        "partition function": bar(
            small["log_partition_difference"], None, 0.01, "ln Z by the flow on 2 x 2 off quadrature"
        ),
    }  # fmt: skip
    for side, least in FLOWS.items():
        entry = flows[side]
        bars[f"effective fraction, {side}"] = bar(
            entry["effective_fraction"], least, None, f"effective sample size a sample of the flow, L = {side}"
        )
        bars[f"agreement, {side}"] = bar(
            max(entry["pulls"].values()), None, 3.0,
            f"observables by the reweighted flow off Hamiltonian Monte Carlo, in standard errors, largest, L = {side}",
        )  # fmt: skip
    bars["training"] = bar(
        flows[6]["training_seconds"], None, SECONDS, "CPU seconds of training the flow, L = 6", timed=True
    )
    return summarise_bars(
        bars,
        measured={str(side): entry for side, entry in measured.items()},
        known={str(side): known for side, (_, known) in KNOWN.items()},
        published={str(side): list(value) for side, value in PUBLISHED.items()},
        couplings={str(side): coupling for side, (coupling, _) in KNOWN.items()},
        small=small,
        flows={str(side): entry for side, entry in flows.items()},
    )


def weighted(values: Tensor, log_weight: Tensor) -> tuple[float, float]:
    """Mean of values (n,) with weights (n,), and its standard error."""
    weight = torch.softmax(log_weight, dim=0)
    mean = (weight * values).sum()
    return float(mean), float(torch.sqrt((weight**2 * (values - mean) ** 2).sum()))


def _small(settings: LatticeFieldConfig) -> dict[str, float]:
    """Lattices with exact answers: the free field by modes, 2 x 2 sites by quadrature."""
    free = _measure(FREE, _run(FREE, settings))["square"]
    found, exact = _measure(SMALL, _run(SMALL, settings)), exact_two_by_two(SMALL.mass, SMALL.coupling)
    flow = train(SMALL, min(SMALL_STEPS, settings.flow_steps), BATCH, _seed(settings, "flow", SMALL))
    _, log_weight = log_weights(flow, SMALL, settings.drawn, _seed(settings, "drawn", SMALL))
    return {
        "free_pull": abs(free[0] - free_square(FREE.side, FREE.mass)) / free[1],
        "pull": max(abs(found[name][0] - exact[name]) / found[name][1] for name in ("susceptibility", "square")),
        "log_partition_difference": abs(_log_mean(log_weight) - exact["log_partition"]),
    }


def _flow(
    action: Action, settings: LatticeFieldConfig, reference: dict[str, tuple[float, float]], rate: float
) -> dict[str, Any]:
    """A flow, its weights, its observables beside those of chains, and what samples cost beside the chains' `rate`."""
    begin = time.process_time()
    flow = train(action, settings.flow_steps, BATCH, _seed(settings, "flow", action))
    trained = time.process_time()
    fields, log_weight = log_weights(flow, action, settings.drawn, _seed(settings, "drawn", action))
    drawn = time.process_time()
    found = {name: weighted(values, log_weight) for name, values in observables(fields).items()}
    fraction = effective_fraction(log_weight)
    return {
        "effective_fraction": fraction,
        "log_partition": _log_mean(log_weight),
        "log_partition_error": math.sqrt((1.0 / fraction - 1.0) / len(log_weight)),
        "observables": found,
        "pulls": {
            name: abs(value - reference[name][0]) / math.hypot(error, reference[name][1])
            for name, (value, error) in found.items()
        },
        "training_seconds": trained - begin,
        "samples_per_second": {
            "flow": fraction * settings.drawn / (drawn - trained),
            "Hamiltonian Monte Carlo": rate,
        },
        "log_weight": rounded(log_weight[:4000] - log_weight.mean(), 4),
        "fields": rounded(fields[:6], 3),
    }


def _log_mean(log_weight: Tensor) -> float:
    return float(torch.logsumexp(log_weight, dim=0)) - math.log(len(log_weight))


def _run(action: Action, settings: LatticeFieldConfig) -> Chains:
    step = 0.08 if action.side < 12 else 0.07
    seed = _seed(settings, "chains", action)
    return run_chains(action, (action.side, action.side), CHAINS, settings.trajectories, step, seed, even=True)


def _measure(action: Action, chains: Chains) -> dict[str, tuple[float, float]]:
    """Means over all chains, and standard errors from the scatter of chains, which are independent."""
    trajectories, number, side, _ = chains.state.shape
    flat = chains.state.flatten(0, 1)
    found = {
        name: _mean(values.reshape(trajectories, number).mean(dim=0).numpy())
        for name, values in observables(flat).items()
    }
    force = (flat * action.gradient(flat)).mean(dim=(1, 2))
    found["Schwinger-Dyson"] = _mean(force.reshape(trajectories, number).mean(dim=0).numpy())
    two_point = correlator(flat).reshape(trajectories, number, side).mean(dim=0).numpy()
    if side > 2:
        parts = np.array_split(np.arange(number), BLOCKS)
        left_out = np.array([side * pole_mass(np.delete(two_point, part, axis=0).mean(axis=0)) for part in parts])
        error = math.sqrt((BLOCKS - 1) * left_out.var())  # jackknife
        found["pole mass"] = (side * pole_mass(two_point.mean(axis=0)), error)
    found["exponential"] = _mean(chains.exponentials.mean(dim=0).numpy())
    return found


def _rate(chains: Chains) -> float:
    """Effective samples of the mean field's square a CPU second."""
    from arviz import ess

    square = chains.state.mean(dim=(2, 3)) ** 2  # (trajectories, chains)
    return float(ess(square.T.numpy(), method="mean")) / chains.seconds


def _mean(values: Floats) -> tuple[float, float]:
    return float(values.mean()), float(values.std(ddof=1) / math.sqrt(len(values)))


def _seed(settings: LatticeFieldConfig, *parts: object) -> int:
    return derive_seed("lattice_field", settings.seed, *parts)
