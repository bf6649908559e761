"""Tables of the paper, read from result files: parameters, comparisons, verdicts, analyses, costs, what fell short.

Every cell is typst markup.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from darksieve.inference.posterior import load_posterior
from darksieve.paper.labels import typst_label, typst_number
from darksieve.paper.numbers import with_error
from darksieve.paper.quotations import COMBINED, COMPARED, Files
from darksieve.problem.observation import Observation
from darksieve.publication.overview import SYSTEMS, System
from darksieve.publication.tables import decimals

__all__ = ["costs", "tables"]

METHODS = {
    "exact": "exact samples", "nested": "nested sampling", "nuts": "NUTS", "sghmc": "SGHMC", "flow": "a flow",
    "vi": "VI",
}  # fmt: skip


def tables(files: Files) -> dict[str, Any]:
    """All tables but that of costs, which no second run repeats to the last digit."""
    results = _results(files)
    return {
        "parameters": {role: _parameters(name, files) for role, name in files.roles.items()},
        "comparisons": {role: _comparison(files.roles[role], files) for role in COMPARED},
        "combinations": {role: _combination(files.roles[role], files) for role in COMBINED},
        "verdicts": [_verdict(name) for name in dict.fromkeys(files.roles.values())],
        "analyses": [_analysis(case, result) for case, result in results.items()],
        "known": [row for case, result in results.items() for row in _known(case, result)],
        "not_reached": [
            *_not_reached(files),
            *(row for case, result in results.items() for row in _failed(case, result)),
        ],
    }


def costs(files: Files) -> dict[str, Any]:
    """What was taken from a clock: costs of the posteriors, and bars of the analyses."""
    results = _results(files)
    return {
        "posteriors": _posterior_costs(files),
        "bars": [
            _row(_system(case)[1], name, bar, "yes" if bar["passed"] else "no")
            for case, result in results.items()
            for name, bar in result["bars"].items()
            if bar["timed"]
        ],
    }


def _results(files: Files) -> dict[str, Any]:
    """The record of each analysis."""
    return {case: _read(f"results/physics_ai/{case}/result.json") for case in files.cases}


def _posterior_costs(files: Files) -> list[list[str]]:
    """By TMNRE and by each method: simulations or likelihoods, minutes, CPU minutes, Wh."""
    rows = []
    for name in dict.fromkeys(files.roles.values()):
        energy = _read(f"results/{name}/energy.json")
        simulations = int(load_posterior(f"results/{name}/posterior.h5").attributes["simulations"])
        rows.append([name, "TMNRE", typst_number(simulations, ","), *_cost(energy["posterior"])])
        for method, record in energy["reference"].items():
            calls = _read(f"results/{name}/diagnostics/reference.json")["methods"][method]["likelihood_calls"]
            rows.append([name, METHODS[method], typst_number(calls, ","), *_cost(record)])
    return rows


def _cost(record: Mapping[str, Any]) -> list[str]:
    return [
        typst_number(record["wall_seconds"] / 60, ".1f"), typst_number(record["cpu_seconds"] / 60, ".1f"),
        typst_number(1000 * record["kwh"], ".2g"), str(record["method"]),
    ]  # fmt: skip


def _parameters(name: str, files: Files) -> dict[str, Any]:
    """Mean and standard deviation of every parameter, beside the truth of a mock."""
    path = f"results/{name}/posterior.h5"
    posterior, truth = load_posterior(path), Observation.read(Path(f"results/{name}/observation.h5")).truth
    rows = []
    for parameter in posterior.names:
        rows.append([
            typst_label(posterior.labels.get(parameter, ""), parameter),
            posterior.units.get(parameter) or "–",
            with_error(posterior.mean(parameter), posterior.standard_deviation(parameter)),
            *([typst_number(truth[parameter], "g")] if truth is not None else []),
        ])  # fmt: skip
    return {"experiment": name, "mock": truth is not None, "rows": rows, "file": path, "rule": files.rule(path)}


def _comparison(name: str, files: Files) -> dict[str, Any]:
    """Means and standard deviations by TMNRE and by the most trusted reference method."""
    path = f"results/{name}/diagnostics/reference.json"
    record, labels = _read(path), load_posterior(f"results/{name}/posterior.h5").labels
    best = record["methods"][record["reference"]]["marginals"]
    rows = [
        [
            typst_label(labels.get(parameter, ""), parameter),
            *(with_error(found["mean"], found["standard_deviation"]) for found in (own, best[parameter])),
            typst_number(record["marginals"][parameter]["mean_shift"], "+.2f"),
            typst_number(record["marginals"][parameter]["width_ratio"], ".2f"),
        ]
        for parameter, own in record["tmnre"]["marginals"].items()
    ]
    method = METHODS[record["reference"]]
    return {"experiment": name, "method": method, "rows": rows, "file": path, "rule": files.rule(path)}


def _combination(name: str, files: Files) -> dict[str, Any]:
    """The shared parameters, given more and more observations."""
    path = f"results/{name}/diagnostics/combination.json"
    posterior = load_posterior(f"results/{name}/posterior.h5")
    rows = []
    for size, parameters in _read(path)["posterior"].items():
        for parameter, found in parameters.items():
            digits = f".{decimals(found['standard_deviation'])}f"
            low, high = (typst_number(edge, digits) for edge in found["interval_95"])
            rows.append([
                size, typst_label(posterior.labels.get(parameter, ""), parameter),
                with_error(found["mean"], found["standard_deviation"]), f"[{low}, {high}]",
            ])  # fmt: skip
    return {"experiment": name, "rows": rows, "file": path, "rule": files.rule(path)}


def _verdict(name: str) -> list[str]:
    record = _read(f"results/{name}/verdict.json")
    counts = {
        "yes": sum(entry["passed"] for entry in record["diagnostics"]),
        "undecided": sum(entry["undecided"] for entry in record["diagnostics"]),
    }
    no = len(record["diagnostics"]) - sum(counts.values())
    return [name, record["verdict"], *(str(count) for count in (counts["yes"], counts["undecided"], no))]


def _system(case: str) -> tuple[System, str]:
    """The system of a case, and its title with the experiment."""
    if case in SYSTEMS:
        return SYSTEMS[case], SYSTEMS[case].title
    system, _, experiment = case.rpartition("/")
    return SYSTEMS[system], f"{SYSTEMS[system].title}, {experiment}"


def _analysis(case: str, result: Mapping[str, Any]) -> dict[str, str]:
    system, title = _system(case)
    passed = [bar["passed"] for bar in result["bars"].values() if not bar["timed"]]
    return {
        "case": case, "title": title, "physics": system.physics, "network": system.network,
        "passed": f"{sum(passed)} of {len(passed)}",
    }  # fmt: skip


def _known(case: str, result: Mapping[str, Any]) -> Iterator[list[str]]:
    """What is published or exact beside what was measured."""
    system, title = _system(case)
    for name, known in system.known.items():
        if name in result["bars"]:
            bar = result["bars"][name]
            yield [title, _plain(bar["meaning"]), _plain(known), typst_number(bar["statistic"], ".4g")]


def _not_reached(files: Files) -> Iterator[list[str]]:
    """Diagnostics that do not say yes, and bars of the subhalo's interpretation."""
    for name in dict.fromkeys(files.roles.values()):
        for entry in _read(f"results/{name}/verdict.json")["diagnostics"]:
            if not entry["passed"]:
                yield _row(name, entry["name"], entry, "undecided" if entry["undecided"] else "no")
    name = files.roles["subhalo"]
    for part in ("attribution", "sensitivity"):
        yield from _bars(name, _read(f"results/{name}/interpret/subhalo.json")[part]["bars"])


def _failed(case: str, result: Mapping[str, Any]) -> Iterator[list[str]]:
    yield from _bars(_system(case)[1], result["bars"])


def _bars(where: str, bars: Mapping[str, Mapping[str, Any]]) -> Iterator[list[str]]:
    for name, bar in bars.items():
        if not (bar["passed"] or bar["timed"]):
            yield _row(where, name, bar, "no")


def _row(where: str, name: str, entry: Mapping[str, Any], word: str) -> list[str]:
    low, high = ("open" if edge is None else typst_number(edge, ".3g") for edge in entry["expected_range"])
    statistic = typst_number(entry["statistic"], ".3g")
    return [_plain(where), _plain(name), _plain(entry["meaning"]), statistic, f"{low} to {high}", word]


def _plain(text: str) -> str:
    """Text whose signs are no markup."""
    return "".join(f"\\{sign}" if sign in "\\#$*_`<>@[]~=" else sign for sign in text)


def _read(path: str) -> Any:
    return json.loads(Path(path).read_text())
