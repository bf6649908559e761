"""Results as rows of text: the summary and the report show the same tables and sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import floor, log10
from typing import Any

from darksieve.inference.posterior import Posterior

__all__ = ["combination_rows", "cost_sentences", "decimals", "opening_sentences", "posterior_rows", "verdict_rows"]


def posterior_rows(posterior: Posterior, truth: Mapping[str, float] | None) -> list[list[str]]:
    """Mean, standard deviation and central intervals of each parameter below a header; of a mock, the truth."""
    rows = [["parameter", "unit", "mean", "sd", "68% interval", "95% interval", *(["truth"] if truth else [])]]
    for name in posterior.names:
        q = posterior.quantiles(name, [0.025, 0.16, 0.84, 0.975])
        digits = f".{decimals(posterior.standard_deviation(name))}f"
        rows.append(
            [
                name,
                posterior.units.get(name) or "-",
                f"{posterior.mean(name):{digits}}",
                f"{posterior.standard_deviation(name):{digits}}",
                f"[{q[1]:{digits}}, {q[2]:{digits}}]",
                f"[{q[0]:{digits}}, {q[3]:{digits}}]",
                *([f"{truth[name]:{digits}}"] if truth else []),
            ]
        )
    return rows


def combination_rows(combination: Mapping[str, Any], posterior: Posterior) -> list[list[str]]:
    """The shared parameters, given more and more observations, below a header."""
    rows = [["observations", "shared", "unit", "mean", "sd", "95% interval"]]
    for size, parameters in combination["posterior"].items():
        for name, found in parameters.items():
            digits = f".{decimals(found['standard_deviation'])}f"
            low, high = (f"{edge:{digits}}" for edge in found["interval_95"])
            rows.append(
                [
                    size,
                    name,
                    posterior.units.get(name) or "-",
                    f"{found['mean']:{digits}}",
                    f"{found['standard_deviation']:{digits}}",
                    f"[{low}, {high}]",
                ]
            )
    return rows


def verdict_rows(diagnostics: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Each diagnostic with its statistic and the range expected of a right posterior, below a header."""
    rows = [["diagnostic", "verdict", "statistic", "expected", "meaning"]]
    for record in diagnostics:
        low, high = record["expected_range"]
        verdict = "passed" if record["passed"] else "undecided" if record["undecided"] else "FAILED"
        meaning = record["reason"] if record["undecided"] and "reason" in record else record["meaning"]
        rows.append([record["name"], verdict, f"{record['statistic']:.3g}", f"{low:.3g} to {high:.3g}", meaning])
    return rows


def opening_sentences(posterior: Posterior, rounds: int, converged: bool) -> tuple[str, str]:
    """How many simulations in how many rounds, and how many of them were made."""
    simulations, reused = (posterior.attributes[key] for key in ("simulations", "simulations_reused"))
    end = "settled" if converged else "stopped at the maximum"
    return (
        f"{simulations} simulations in {rounds} rounds, {end}",
        f"{reused} of them came from the store, {simulations - reused} were made",
    )


def cost_sentences(
    simulations: int, energy: Mapping[str, Any], reference: Mapping[str, Any] | None = None
) -> Iterator[str]:
    """What the posterior cost, how much of the time was overhead, and what each reference method cost beside it.

    Parameters
    ----------
    simulations : int
        Simulations that the posterior rests on.
    energy : mapping
        `energy.json`.
    reference : mapping, optional
        `diagnostics/reference.json`, where other methods were compared with.
    """
    posterior, diagnostics, overhead = energy["posterior"], energy["diagnostics"], energy["overhead"]
    gpu = f", {posterior['gpu_seconds'] / 3600:.2g} GPU hours" if posterior["gpu_seconds"] else ""
    yield (
        f"cost of the posterior: {simulations} simulations, {posterior['cpu_seconds'] / 3600:.2g} CPU hours{gpu}, "
        f"{posterior['kwh']:.2g} kWh ({posterior['method']}), {posterior['peak_memory_gb']:.2g} GB of memory at most; "
        f"of its diagnostics: {diagnostics['kwh']:.2g} kWh"
    )
    if overhead is not None:
        yield (
            f"overhead: {overhead['share']:.0%} of {overhead['wall_seconds']:.0f} s from the first job to the last "
            "went by without a simulation, a training or a diagnostic"
        )
    for method, record in (reference["methods"] if reference else {}).items():
        calls, kwh = record["likelihood_calls"], energy["reference"][method]["kwh"]
        if calls:
            yield (
                f"cost of a posterior by {method}: {calls} likelihoods "
                f"({calls / simulations:.2g} for each simulation), "
                f"{kwh:.2g} kWh ({kwh / posterior['kwh']:.2g} times as much)"
            )


def decimals(standard_deviation: float) -> int:
    """Decimals that show two significant digits of a standard deviation."""
    return max(0, 1 - floor(log10(standard_deviation))) if standard_deviation > 0 else 3
