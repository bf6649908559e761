"""Which of several models of one observation is the most probable, by the evidence of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from darksieve.problem.errors import DarksieveError
from darksieve.problem.observation import Observation
from darksieve.reference.result import Reference

__all__ = ["check_same_observation", "rank"]


def rank(references: Mapping[str, Reference]) -> dict[str, Any]:
    """The models, the one with the largest evidence first.

    Parameters
    ----------
    references : mapping of str to Reference
        What nested sampling found, by the name of the experiment.

    Returns
    -------
    dict
        `models`: for each its evidence and the error of that, the logarithm of its Bayes factor against the best one
        with its error, its probability where all are equally probable before, and the likelihood of the best fit;
        where `log_likelihood` is minus half of chi-squared, -2 times that is chi-squared.

    Raises
    ------
    DarksieveError
        If a reference has no evidence.
    """
    for name, reference in references.items():
        if "log_evidence" not in reference.draws.findings:
            raise DarksieveError(
                f"{reference.method} gives no evidence", where=name, mend="say `reference: {methods: [nested]}`"
            )
    evidence = {name: reference.draws.findings["log_evidence"] for name, reference in references.items()}
    order = sorted(evidence, key=evidence.__getitem__, reverse=True)
    weights = np.exp(np.array([evidence[name] for name in order]) - evidence[order[0]])
    models = {}
    for name, probability in zip(order, weights / weights.sum()):
        findings, best = references[name].draws.findings, references[order[0]].draws.findings
        error = 0.0 if name == order[0] else np.hypot(findings["log_evidence_error"], best["log_evidence_error"])
        models[name] = {
            "parameters": len(references[name].names),
            "log_evidence": evidence[name],
            "log_evidence_error": findings["log_evidence_error"],
            "log_bayes_factor": evidence[name] - evidence[order[0]],
            "log_bayes_factor_error": float(error),
            "probability": float(probability),
            "largest_log_likelihood": findings["largest_log_likelihood"],
        }
    return {"meaning": "models of one observation, the most probable one first", "models": models}


def check_same_observation(observations: Mapping[str, Observation]) -> int:
    """Check that models are of one observation, and count its elements.

    Raises
    ------
    DarksieveError
        If an observation is another: evidences of different data cannot be compared.
    """
    names = list(observations)
    first = observations[names[0]]
    for name in names[1:]:
        other = observations[name]
        if not _equal(first, other):
            raise DarksieveError(
                f"is of another observation than {names[0]}", where=name, mend="compare models of the same data"
            )
    return sum(int(first.masks[name].sum()) if name in first.masks else x.size for name, x in first.x.items())


def _equal(one: Observation, other: Observation) -> bool:
    pairs = ((one.x, other.x), (one.masks, other.masks))
    return all(set(a) == set(b) and all(np.array_equal(a[name], b[name]) for name in a) for a, b in pairs)
