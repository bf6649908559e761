"""`darksieve summarise`: the results of an experiment as a table that a person reads."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darksieve.cli.arguments import aligned, whole_file

if TYPE_CHECKING:
    from darksieve.inference.posterior import Posterior


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("--posterior", type=Path, required=True, help="posterior.h5")
    parser.add_argument("--observation", type=Path, required=True, help="observation.h5, for the truth of a mock")
    parser.add_argument("--boxes", type=Path, nargs="+", required=True, help="box.json of every round")
    parser.add_argument("--verdict", type=Path, required=True, help="verdict.json")
    parser.add_argument("--energy", type=Path, required=True, help="energy.json")
    parser.add_argument("--reference", type=Path, help="reference.json, where other methods were compared with")
    parser.add_argument("--combination", type=Path, help="combination.json, where observations were combined")
    parser.add_argument("--output", type=Path, required=True, help="summary.txt, written")


def run(options: argparse.Namespace) -> None:
    """Write the summary."""
    from darksieve.inference.posterior import load_posterior
    from darksieve.problem.observation import Observation

    posterior = load_posterior(options.posterior)
    truth = Observation.read(options.observation).truth
    boxes = [json.loads(path.read_text()) for path in options.boxes]
    verdict, energy = (json.loads(path.read_text()) for path in (options.verdict, options.energy))
    name, simulations, reused = (posterior.attributes[k] for k in ("experiment", "simulations", "simulations_reused"))
    end = "settled" if boxes[-1]["converged"] else "stopped at the maximum"
    lines = [
        f"{name}: {simulations} simulations in {len(boxes)} rounds, {end}; results in {options.output.parent}",
        f"{reused} of them came from the store, {simulations - reused} were made",
        "",
        *_posterior_table(posterior, truth),
        "",
        *_combination_table(options.combination, posterior),
        *_verdict_table(verdict["diagnostics"]),
        "",
        f"verdict: {verdict['verdict']} (a right posterior gets no in at most {verdict['false_alarm']:.0%} of runs)",
        _cost_line(simulations, energy),
        *_overhead_line(energy["overhead"]),
    ]
    if options.reference is not None:
        methods = json.loads(options.reference.read_text())["methods"]
        lines += [_method_line(method, record, simulations, energy) for method, record in methods.items()
                  if record["likelihood_calls"]]  # fmt: skip
    with whole_file(options.output) as part:
        part.write_text("\n".join(lines) + "\n")


def _posterior_table(posterior: Posterior, truth: dict[str, float] | None) -> Iterator[str]:
    rows = [["parameter", "unit", "mean", "sd", "68% interval", "95% interval", *(["truth"] if truth else [])]]
    for name in posterior.names:
        q = posterior.quantiles(name, [0.025, 0.16, 0.84, 0.975])
        digits = f".{_decimals(posterior.standard_deviation(name))}f"
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
    return aligned(rows)


def _combination_table(path: Path | None, posterior: Posterior) -> Iterator[str]:
    """The shared parameters, given more and more observations."""
    if path is None:
        return
    rows = [["observations", "shared", "unit", "mean", "sd", "95% interval"]]
    for size, parameters in json.loads(path.read_text())["posterior"].items():
        for name, found in parameters.items():
            digits = f".{_decimals(found['standard_deviation'])}f"
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
    yield from aligned(rows)
    yield ""


def _verdict_table(diagnostics: list[dict[str, Any]]) -> Iterator[str]:
    rows = [["diagnostic", "verdict", "statistic", "expected", "meaning"]]
    for record in diagnostics:
        low, high = record["expected_range"]
        verdict = "passed" if record["passed"] else "undecided" if record["undecided"] else "FAILED"
        meaning = record["reason"] if record["undecided"] and "reason" in record else record["meaning"]
        rows.append([record["name"], verdict, f"{record['statistic']:.3g}", f"{low:.3g} to {high:.3g}", meaning])
    return aligned(rows)


def _cost_line(simulations: int, energy: dict[str, Any]) -> str:
    posterior, diagnostics = energy["posterior"], energy["diagnostics"]
    gpu = f", {posterior['gpu_seconds'] / 3600:.2g} GPU hours" if posterior["gpu_seconds"] else ""
    return (
        f"cost of the posterior: {simulations} simulations, {posterior['cpu_seconds'] / 3600:.2g} CPU hours{gpu}, "
        f"{posterior['kwh']:.2g} kWh ({posterior['method']}), {posterior['peak_memory_gb']:.2g} GB of memory at most; "
        f"of its diagnostics: {diagnostics['kwh']:.2g} kWh"
    )


def _overhead_line(overhead: dict[str, float] | None) -> Iterator[str]:
    """The share of the wall time that is none of what the run was started for."""
    if overhead is not None:
        yield (
            f"overhead: {overhead['share']:.0%} of {overhead['wall_seconds']:.0f} s from the first job to the last "
            "went by without a simulation, a training or a diagnostic"
        )


def _method_line(method: str, record: dict[str, Any], simulations: int, energy: dict[str, Any]) -> str:
    """What a reference method cost, in units of what TMNRE did."""
    kwh, calls = energy["reference"][method]["kwh"], record["likelihood_calls"]
    return (
        f"cost of a posterior by {method}: {calls} likelihoods ({calls / simulations:.2g} for each simulation), "
        f"{kwh:.2g} kWh ({kwh / energy['posterior']['kwh']:.2g} times as much)"
    )


def _decimals(standard_deviation: float) -> int:
    """Decimals that show two significant digits of a standard deviation."""
    from math import floor, log10

    return max(0, 1 - floor(log10(standard_deviation))) if standard_deviation > 0 else 3
