"""The analysis `ising`: thermodynamics beside exact solutions, Binder crossings, critical slowing-down."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from darksieve.diagnostics.bars import bar, rounded, summarise_bars
from darksieve.physics_ai.ising.dynamics import Chain, metropolis, wolff
from darksieve.physics_ai.ising.exact import (
    CRITICAL_TEMPERATURE,
    enumerate_torus,
    onsager_energy,
    solve_torus,
    yang_magnetisation,
)
from darksieve.problem.provenance import derive_seed
from darksieve.problem.spins import IsingConfig

__all__ = ["binder_crossing", "effective_samples", "estimate", "study"]

Floats = NDArray[np.float64]

WIDE = (1.2, 1.6, 1.9, 2.1, 2.4, 2.55, 2.8, 3.2, 3.6)  # temperatures, J / k_B
NEAR = (2.25, 2.26, 2.27, 2.28, 2.29)  # those between which Binder cumulants cross
BLOCKS = 20  # of a chain, for the errors of what is no mean
CHECKED = 32  # side of the lattice that is held to Kaufman's energy


def study(settings: IsingConfig) -> dict[str, Any]:
    """All of it; the record says what is expected of each number."""
    sides = settings.lattices
    curves = {side: _curve(side, settings) for side in sides}
    crossings = [_crossing(curves[small], curves[large]) for small, large in itertools.pairwise(sides)]
    crossing = float(np.mean([entry["temperature"] for entry in crossings]))
    slowing = _slowing(settings)
    checked, exact = _checked_energy(settings), solve_torus(CHECKED, CRITICAL_TEMPERATURE).energy
    pull = abs(checked["energy"] - exact) / checked["energy_error"]
    bars = {
        "enumeration": bar(
            _largest_difference(), None, 1e-9, "largest difference of ln Z, energy and specific heat on 4 x 4, "
            "Kaufman's solution against enumeration",
        ),
        "energy": bar(pull, None, 3.0, f"energy at T_c on {CHECKED} x {CHECKED}, off Kaufman's, in standard errors"),
        "energy error": bar(checked["energy_error"], None, 0.002, "standard error of that energy, J a spin"),
        "binder": bar(checked["binder"], 0.60, 0.62, f"Binder cumulant at T_c on {CHECKED} x {CHECKED}"),
        "critical temperature": bar(
            crossing, 0.995 * CRITICAL_TEMPERATURE, 1.005 * CRITICAL_TEMPERATURE,
            "mean crossing of the Binder cumulants, J / k_B",
        ),
        "speed": bar(
            slowing["wolff"][-1]["samples_per_second"] / slowing["metropolis"][-1]["samples_per_second"], 20.0, None,
            f"effective samples of |m| a CPU second at T_c on {sides[-1]} x {sides[-1]}, Wolff over Metropolis",
            timed=True,
        ),
    }  # fmt: skip
    temperatures = np.linspace(WIDE[0], WIDE[-1], 241)
    return summarise_bars(
        bars,
        critical_temperature=CRITICAL_TEMPERATURE,
        lattices=list(sides),
        curves={str(side): curve for side, curve in curves.items()},
        exact={
            "temperature": rounded(temperatures),
            "energy": rounded(onsager_energy(temperatures)),
            "magnetisation": rounded(yang_magnetisation(temperatures)),
            "specific_heat": {
                str(side): rounded([solve_torus(side, t).specific_heat for t in temperatures]) for side in sides
            },
        },
        checked=checked | {"exact_energy": exact},
        crossings=crossings,
        slowing=slowing,
        snapshots=_snapshots(settings),
    )


def estimate(chain: Chain, temperature: float) -> dict[str, float]:
    """Means with standard errors: energy, |m|, specific heat and Binder cumulant of a chain of a lattice."""
    spins = chain.spins.size
    energy, m = chain.energy, np.abs(chain.magnetisation)
    found = {"temperature": temperature}
    for name, values in (("energy", energy), ("magnetisation", m)):
        found |= {name: float(values.mean()), f"{name}_error": _standard_error(values)}
    blocks = np.array_split(np.arange(len(energy)), BLOCKS)
    heat = [spins * energy[rows].var() / temperature**2 for rows in blocks]
    binder = [_binder(m[rows]) for rows in blocks]
    found |= {"specific_heat": spins * float(energy.var()) / temperature**2, "binder": _binder(m)}
    for name, parts in (("specific_heat", heat), ("binder", binder)):
        found[f"{name}_error"] = float(np.std(parts, ddof=1) / np.sqrt(BLOCKS))
    return found


def effective_samples(values: Floats) -> float:
    """Independent samples that a stationary series (n,) is worth: n over twice its integrated autocorrelation time."""
    from arviz import ess

    return float(ess(values[None], method="mean"))


def binder_crossing(temperatures: Sequence[float], smaller: Floats, larger: Floats, error: Floats) -> dict[str, float]:
    """Where the cumulants (n,) of two lattices cross: the root of a parabola through their difference."""
    t = np.asarray(temperatures) - np.mean(temperatures)
    coefficients, covariance = np.polyfit(t, larger - smaller, 2, w=1.0 / error, cov="unscaled")
    roots = np.roots(coefficients)
    root = float(np.real(roots[np.argmin(np.abs(roots))]))
    powers = np.array([root**2, root, 1.0])
    slope = 2.0 * coefficients[0] * root + coefficients[1]
    return {
        "temperature": root + float(np.mean(temperatures)),
        "error": float(np.sqrt(powers @ covariance @ powers) / abs(slope)),
    }


def _binder(m: Floats) -> float:
    return float(1.0 - (m**4).mean() / (3.0 * (m**2).mean() ** 2))


def _standard_error(values: Floats) -> float:
    spread = values.std()
    return float(spread / np.sqrt(effective_samples(values))) if spread > 0 else 0.0


def _curve(side: int, settings: IsingConfig) -> list[dict[str, float]]:
    return [
        estimate(
            wolff(side, t, settings.measurements, settings.measurements // 10, _seed(settings, "wolff", side, t)), t
        )
        for t in sorted(WIDE + NEAR)
    ]


def _crossing(smaller: Sequence[Mapping[str, float]], larger: Sequence[Mapping[str, float]]) -> dict[str, float]:
    near = [i for i, entry in enumerate(smaller) if entry["temperature"] in NEAR]
    values, errors = (
        [np.array([curve[i][key] for i in near]) for curve in (smaller, larger)] for key in ("binder", "binder_error")
    )
    return binder_crossing(NEAR, values[0], values[1], np.hypot(errors[0], errors[1]))


def _slowing(settings: IsingConfig) -> dict[str, list[dict[str, float]]]:
    """Autocorrelation times of |m| at T_c, in lattices of updates, and effective samples a second, of both dynamics."""
    found: dict[str, list[dict[str, float]]] = {"metropolis": [], "wolff": []}
    for side in settings.lattices:
        lengths = {"metropolis": settings.sweeps, "wolff": settings.measurements}
        for (name, length), dynamics in zip(lengths.items(), (metropolis, wolff)):
            seed = _seed(settings, "slowing", name, side)
            chain = dynamics(side, CRITICAL_TEMPERATURE, length, length // 10, seed)
            samples = effective_samples(np.abs(chain.magnetisation))
            found[name].append(
                {
                    "side": side,
                    "autocorrelation_time": 0.5 * length / samples,
                    "samples_per_second": samples / chain.seconds,
                }
            )
    return found


def _checked_energy(settings: IsingConfig) -> dict[str, float]:
    n = 2 * settings.measurements
    chain = wolff(CHECKED, CRITICAL_TEMPERATURE, n, n // 10, _seed(settings, "checked"))
    return estimate(chain, CRITICAL_TEMPERATURE)


def _largest_difference() -> float:
    """Between Kaufman's solution and enumeration on 4 x 4, below, at and above T_c."""
    differences = []
    for temperature in (2.0, CRITICAL_TEMPERATURE, 1 / 0.3):
        solved, (counted, _, _) = solve_torus(4, temperature), enumerate_torus(4, temperature)
        differences += [
            abs(solved.log_partition - counted.log_partition),
            abs(solved.energy - counted.energy),
            abs(solved.specific_heat - counted.specific_heat),
        ]
    return max(differences)


def _snapshots(settings: IsingConfig) -> dict[str, Any]:
    """The largest lattice below, at and above T_c."""
    side, found = settings.lattices[-1], {}
    for temperature in (2.0, CRITICAL_TEMPERATURE, 2.8):
        chain = wolff(side, temperature, 10, 1000, _seed(settings, "snapshot", temperature))
        found[f"{temperature:.3f}"] = chain.spins.tolist()
    return found


def _seed(settings: IsingConfig, *parts: object) -> int:
    """A seed below 2^31, all that numba's generator takes with room for the ones after it."""
    return derive_seed("ising", settings.seed, *parts) % 2**31
