"""Where the numbers and tables of the paper stand: `numbers.yaml`, and the files that its names mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field, model_validator

from darksieve.problem.section import Section, read_config

__all__ = ["COMBINED", "COMPARED", "Files", "Quotation", "Quotations", "load_quotations", "needed_files"]

COMPARED = ("reference", "rotation", "dark_energy")  # parts whose experiment has reference methods
COMBINED = ("population", "warm")  # parts of many observations
CONFIG_RULE = "(config)"  # of an experiment file, which no rule makes


class Quotation(Section):
    """Where a number of the text stands, and how it is written."""

    file: str = Field(description="`results/{role}/...`, or `{role}.yaml` for an experiment file")
    key: str = Field("", description="path in JSON or YAML; parameter or attribute of a posterior")
    take: Literal["value", "count", "name", "smallest", "largest", "mean", "attribute", "above", "farthest"] = Field(
        "value",
        description="of JSON and YAML: value, number of entries, name of the entry, extremes of the entries; of a "
        "posterior: mean with standard deviation, attribute, probability above a value, or how many standard "
        "deviations the farthest mean lies from the truth",
    )
    above: float | None = Field(None, description="the value of `take: above`")
    format: str = Field(".3g", description="format of Python, `power` for a power of ten, or `text`")
    unit: str = Field("", description="unit, where the file does not tell it")

    @model_validator(mode="after")
    def _above_what(self) -> Quotation:
        if (self.take == "above") != (self.above is not None):
            raise ValueError("`take: above` and `above` go together")
        return self


class Published(Section):
    """A number that others published."""

    text: str = Field(description="the number")
    source: str = Field(description="key in `references.bib`")


class Quotations(Section):
    """`workflow/paper/numbers.yaml`."""

    quoted: dict[str, Quotation] = Field(description="numbers of result files")
    published: dict[str, Published] = Field(description="numbers of others")


@dataclass(frozen=True)
class Files:
    """Which files the paper's names stand for.

    Attributes
    ----------
    roles : dict of str to str
        Experiment of each part of the paper.
    experiments : dict of str to str
        Experiment file by name.
    cases : list of str
        Analyses of the physics of AI, such as `ising` and `memory/lens-mock`.
    rules : dict of str to str
        The rule that makes a file.
    """

    roles: Mapping[str, str]
    experiments: Mapping[str, str]
    cases: list[str]
    rules: Mapping[str, str]

    def path(self, file: str) -> str:
        """The file that a quotation means."""
        named = file.format_map(self.roles)
        return self.experiments[named.removesuffix(".yaml")] if named.endswith(".yaml") else named

    def rule(self, path: str) -> str:
        """The rule that makes a file."""
        return self.rules.get(path, CONFIG_RULE)


def needed_files(roles: Mapping[str, str], cases: list[str]) -> list[str]:
    """The files that the tables are read from."""
    files = []
    for role, name in roles.items():
        folder = f"results/{name}"
        files += [f"{folder}/{file}" for file in ("posterior.h5", "observation.h5", "verdict.json", "energy.json")]
        files += [f"{folder}/diagnostics/reference.json"] * (role in COMPARED)
        files += [f"{folder}/diagnostics/combination.json"] * (role in COMBINED)
    files.append(f"results/{roles['subhalo']}/interpret/subhalo.json")
    return list(dict.fromkeys([*files, *(f"results/physics_ai/{case}/result.json" for case in cases)]))


def load_quotations(path: Path) -> Quotations:
    """Read the list of numbers."""
    return read_config(Quotations, yaml.safe_load(path.read_text()), where=path.name)
