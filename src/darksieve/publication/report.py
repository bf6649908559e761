"""The report of an experiment: one page with the question, the answer, whether to trust it, its cost and its origin."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from darksieve.figures.captions import CAPTIONS
from darksieve.inference.posterior import Posterior
from darksieve.publication.environment import Revision, describe_revision
from darksieve.publication.page import embedded, render
from darksieve.publication.tables import (
    combination_rows,
    cost_sentences,
    opening_sentences,
    posterior_rows,
    verdict_rows,
)

__all__ = ["Results", "leading_comment", "write_report"]

PACKAGES = ("python", "darksieve", "torch", "swyft", "numpy", "scipy", "zarr", "h5py", "snakemake")


@dataclass(frozen=True)
class Results:
    """What an experiment found, as its files say.

    Attributes
    ----------
    posterior : Posterior
    truth : mapping of str to float, optional
        Parameters of a mock.
    box : mapping
        `box.json` of the last round.
    verdict, energy : mapping
        `verdict.json`, `energy.json`.
    ledger : sequence of mapping
        Rows of `energy.csv`.
    reference, combination : mapping, optional
        `diagnostics/reference.json` and `combination.json`, where they were asked for.
    """

    posterior: Posterior
    truth: Mapping[str, float] | None
    box: Mapping[str, Any]
    verdict: Mapping[str, Any]
    energy: Mapping[str, Any]
    ledger: Sequence[Mapping[str, str]]
    reference: Mapping[str, Any] | None = None
    combination: Mapping[str, Any] | None = None


def write_report(
    results: Results,
    figures: Sequence[Path],
    experiment_file: str,
    provenance: Mapping[str, Any],
    revision: Revision | None,
) -> str:
    """The page, HTML that loads nothing from elsewhere.

    Parameters
    ----------
    results : Results
    figures : sequence of Path
        PNG images, each named as in `darksieve.figures.captions`.
    experiment_file : str
        Text of the experiment file.
    provenance : mapping
        What `provenance.json` holds.
    revision : mapping, optional
        The commit at which the page is made.

    Raises
    ------
    KeyError
        If a figure has no caption.
    """
    posterior, rounds = results.posterior, int(results.posterior.attributes["rounds"])
    simulations = int(posterior.attributes["simulations"])
    return render(
        "report.html",
        name=provenance["experiment"],
        question=leading_comment(experiment_file),
        opening=opening_sentences(posterior, rounds, results.box["converged"]),
        mock=results.truth is not None,
        posterior=posterior_rows(posterior, results.truth),
        combination=combination_rows(results.combination, posterior) if results.combination else None,
        verdict=results.verdict,
        diagnostics=verdict_rows(results.verdict["diagnostics"]),
        figures=[
            {"name": path.stem, "image": embedded(path.read_bytes()), "caption": CAPTIONS[path.stem]}
            for path in figures
        ],
        cost=[text[0].upper() + text[1:] for text in cost_sentences(simulations, results.energy, results.reference)],
        stages=_stage_rows(results.ledger),
        experiment_file=experiment_file,
        origin=_origin_rows(provenance, revision),
        store=_store_rows(provenance["store"]),
        jobs=_job_rows(provenance),
        files=[["file", "sha256"], *([name, sha256] for name, sha256 in provenance["files"].items())],
        versions=[["package", "version"], *([name, number] for name, number in provenance["versions"].items())],
    )


def leading_comment(text: str) -> str:
    """The comment at the head of an experiment file, which says what it asks; empty where there is none."""
    lines = re.match(r"(?:#[^\n]*\n)*", text)
    return " ".join(line.lstrip("#").strip() for line in lines[0].splitlines()) if lines else ""


def _stage_rows(ledger: Sequence[Mapping[str, str]]) -> list[list[str]]:
    """Jobs, wall and CPU seconds and energy by rule, in the order in which the rules first ran."""
    rules: dict[str, list[Mapping[str, str]]] = {}
    for row in ledger:
        rules.setdefault(row["rule"], []).append(row)
    columns = ("wall_seconds", "cpu_seconds", "gpu_seconds", "kwh")
    rows = [["rule", "jobs", "wall time [s]", "CPU time [s]", "GPU time [s]", "energy [kWh]", "energy is"]]
    for rule, jobs in [*rules.items(), ("all", ledger)]:
        sums = [sum(float(job[column]) for job in jobs) for column in columns]
        methods = " and ".join(sorted({job["method"] for job in jobs}))
        rows.append([rule, str(len(jobs)), *(f"{value:.1f}" for value in sums[:3]), f"{sums[3]:.2g}", methods])
    return rows


def _origin_rows(provenance: Mapping[str, Any], revision: Revision | None) -> list[list[str]]:
    seeds = ", ".join(f"{seed} of the {what}" for what, seed in provenance["seeds"].items())
    packages = {name.lower(): number for name, number in provenance["versions"].items()}
    return [
        ["what", "value"],
        ["git revision of this page", describe_revision(revision)],
        ["git revision of the record", describe_revision(provenance["revision"])],
        ["experiment file", f"{provenance['file']['path']}, sha256 {provenance['file']['sha256']}"],
        ["seeds", seeds],
        ["simulator", f"{provenance['simulator']['class']}, fingerprint {provenance['simulator']['fingerprint']}"],
        ["versions", ", ".join(f"{name} {packages[name]}" for name in PACKAGES if name in packages)],
    ]


def _store_rows(store: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    return [
        ["draw", "part of the store", "shards", "simulations in them", "digest of their arrays"],
        *(
            [draw, record["pool"], str(record["shards"]), str(record["simulations"]), record["digest"]]
            for draw, record in store.items()
        ),
    ]


def _job_rows(provenance: Mapping[str, Any]) -> list[list[str]]:
    return [
        ["rule", "made", "from", "with"],
        *(
            [job["rule"], "\n".join(job["outputs"]), "\n".join(job["inputs"]), "\n".join(job["params"].values())]
            for job in provenance["jobs"]
        ),
    ]
