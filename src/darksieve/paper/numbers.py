"""Numbers of the text: each is read from a file, and says from which and by which rule it is made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from darksieve.inference.posterior import Posterior, load_posterior
from darksieve.paper.labels import typst_number
from darksieve.paper.quotations import Files, Quotation
from darksieve.problem.config import ExperimentConfig
from darksieve.problem.errors import DarksieveError
from darksieve.problem.observation import Observation
from darksieve.problem.section import read_config
from darksieve.publication.tables import decimals

__all__ = ["quote", "with_error"]


def quote(quotation: Quotation, files: Files) -> dict[str, str]:
    """A number as typst markup, with its file, place and rule.

    Raises
    ------
    DarksieveError
        If the file holds no such number.
    """
    path = files.path(quotation.file)
    try:
        if path.endswith(".h5"):
            text = _from_posterior(load_posterior(path), quotation, Path(path))
        else:
            text = _from_record(_read(path), quotation)
    except (DarksieveError, OSError, KeyError, IndexError, TypeError, ValueError) as error:
        raise DarksieveError(
            f"no number {quotation.take} {quotation.key!r}: {error}", where=path, mend="see numbers.yaml"
        ) from error
    unit = f" {quotation.unit}" if quotation.unit else ""
    place = " ".join(part for part in (quotation.take.replace("value", ""), quotation.key) if part)
    return {"text": text + unit, "file": path, "place": place, "rule": files.rule(path)}


def with_error(mean: float, error: float) -> str:
    """A mean with its standard deviation, of which two digits are shown."""
    digits = f".{decimals(error)}f"
    return f"${mean:{digits}} plus.minus {error:{digits}}$"


def _read(path: str) -> Any:
    """JSON as it is; an experiment file with its defaults."""
    if path.endswith(".json"):
        return json.loads(Path(path).read_text())
    config = read_config(ExperimentConfig, yaml.safe_load(Path(path).read_text()), where=path)
    return config.model_dump(by_alias=True)


def _from_record(record: Any, quotation: Quotation) -> str:
    name, value = "", record
    for part in quotation.key.split("/"):
        if isinstance(value, list):
            value = value[int(part)]
        else:
            name = {"first": next(iter(value)), "last": list(value)[-1]}.get(part, part)
            value = value[name]
    match quotation.take:
        case "name":
            return name
        case "count":
            return typst_number(len(value), quotation.format)
        case "smallest" | "largest":
            entries = [entry for entry in _leaves(value) if entry is not None]
            return typst_number({"smallest": min, "largest": max}[quotation.take](entries), quotation.format)
    return str(value) if quotation.format == "text" else typst_number(value, quotation.format)


def _leaves(value: Any) -> list[Any]:
    """All that mappings and lists hold, at any depth."""
    if isinstance(value, Mapping):
        value = list(value.values())
    return [leaf for entry in value for leaf in _leaves(entry)] if isinstance(value, list) else [value]


def _from_posterior(posterior: Posterior, quotation: Quotation, path: Path) -> str:
    key = quotation.key
    match quotation.take:
        case "mean":
            unit = posterior.units.get(key)
            text = with_error(posterior.mean(key), posterior.standard_deviation(key))
            return f"{text} {unit}" if unit else text
        case "count":
            return typst_number(len(posterior.names), quotation.format)
        case "attribute":
            return typst_number(posterior.attributes[key], quotation.format)
        case "above":
            assert quotation.above is not None
            chosen = posterior.marginal(key)
            return typst_number(float(chosen.weights @ (chosen.samples[:, 0] > quotation.above)), quotation.format)
        case "farthest":
            truth = Observation.read(path.with_name("observation.h5")).truth or {}
            distances = [
                abs(posterior.mean(name) - truth[name]) / posterior.standard_deviation(name) for name in posterior.names
            ]
            return typst_number(max(distances), quotation.format)
    raise ValueError(f"a posterior has no {quotation.take!r}")
