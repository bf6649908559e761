"""An experiment: its file read, checked beyond what a schema can say, and turned into objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from darksieve.problem.budget import first_request
from darksieve.problem.config import ExperimentConfig, Method, WorkflowConfig
from darksieve.problem.errors import DarksieveError
from darksieve.problem.prior import Parameter, Prior, one_dimensional_prior
from darksieve.problem.provenance import code_digest, digest, file_digest
from darksieve.problem.registry import REGISTRY
from darksieve.problem.section import read_config, suggest
from darksieve.problem.simulator import Simulator, load_simulator, simulator_source

__all__ = ["Experiment", "read_workflow_config"]

PATHS = ("file", "folder")  # keys whose value is a path


@dataclass(frozen=True)
class Experiment:
    """One experiment file, validated.

    Attributes
    ----------
    path : Path
        The file; its stem names the experiment.
    root : Path
        The folder where the workflow was started; `file` keys may be relative to it.
    config : ExperimentConfig
        Every key with its default filled in, paths made absolute.
    """

    path: Path
    root: Path
    config: ExperimentConfig

    @classmethod
    def load(cls, path: Path, root: Path) -> Experiment:
        """Read and check an experiment file without loading its simulator.

        Raises
        ------
        DarksieveError
            If the file is absent, is not YAML, or does not say what an experiment needs.
        """
        path = Path(path).resolve()
        record = _read_yaml(path)
        base, root = path.parent, Path(root).resolve()
        for section in ("simulator", "observation", "combination"):
            if isinstance(record.get(section), dict):
                record[section] = _with_absolute_files(record[section], base, root)
        experiment = cls(path, root, read_config(ExperimentConfig, record, where=path.name))
        experiment._check()
        return experiment

    def compared_with(self, methods: Sequence[Method]) -> Experiment:
        """The experiment with further methods that its posterior is compared with."""
        reference = self.config.reference
        together = list(dict.fromkeys([*reference.methods, *methods]))
        compared = self.config.model_copy(update={"reference": reference.model_copy(update={"methods": together})})
        return replace(self, config=compared)

    @property
    def name(self) -> str:
        """Name of the experiment and of its folder of results."""
        return self.path.stem

    @cached_property
    def simulator(self) -> Simulator:
        """The simulator, loaded; its parameters are those of the prior.

        Raises
        ------
        DarksieveError
            If it cannot be loaded, or its parameters and the prior's are not the same.
        """
        simulator = load_simulator(self.config.simulator.class_, self.config.simulator.options, self.path.parent)
        wanted, given = list(simulator.parameters), list(self.config.prior)
        for name in given:
            if name not in wanted:
                raise DarksieveError(
                    f"the simulator has no parameter {name!r}", where=f"{self.path.name}: prior",
                    mend=suggest(name, wanted),
                )  # fmt: skip
        if missing := [name for name in wanted if name not in given]:
            raise DarksieveError(
                f"no prior for {', '.join(missing)}", where=f"{self.path.name}: prior",
                mend="add one for each parameter of the simulator",
            )  # fmt: skip
        return simulator

    @cached_property
    def prior(self) -> Prior:
        """The prior in the order of the simulator's parameters, with units and labels."""
        descriptions = self.simulator.descriptions
        parameters = []
        for name in self.simulator.parameters:
            config, described = self.config.prior[name], descriptions.get(name)
            unit = config.unit if config.unit is not None else (described.unit if described else "")
            label = config.label if config.label is not None else (described.label if described else "")
            parameters.append(Parameter(name, one_dimensional_prior(config.model_dump()), unit, label))
        return Prior(tuple(parameters))

    @property
    def one_dimensional(self) -> tuple[str, ...]:
        """Parameters with a one-dimensional marginal posterior, in the order of the prior."""
        chosen = self.config.marginals.one_dimensional
        return self.prior.names if chosen == "all" else tuple(n for n in self.prior.names if n in chosen)

    @property
    def two_dimensional(self) -> tuple[tuple[str, str], ...]:
        """Pairs of parameters with a two-dimensional marginal posterior."""
        return tuple((first, second) for first, second in self.config.marginals.two_dimensional)

    def slices(self, simulations: int) -> int:
        """Shards, of equal size on average, into which simulations are cut."""
        return -(-simulations // self.config.rounds.shard)

    @property
    def files(self) -> tuple[Path, ...]:
        """Data files that the observation and the simulator read."""
        config = self.config
        found = _files(config.simulator.options) | _files(config.observation.model_dump())
        return tuple(sorted(found))

    @property
    def combined_files(self) -> tuple[Path, ...]:
        """Data files of the further observations."""
        config = self.config.combination
        return tuple(sorted(_files(config.model_dump()))) if config is not None else ()

    @cached_property
    def simulator_identity(self) -> dict[str, object]:
        """What the simulations depend on: class, options, files, prior, units and code."""
        config = self.config.simulator
        source = simulator_source(config.class_, self.path.parent)
        files = sorted(_files(config.options))
        return {
            "class": config.class_ if source is None else source.name + ":" + config.class_.rpartition(":")[2],
            "options": _relative(config.options),
            "files": {path.name: _content_digest(path) for path in files},
            "prior": {name: prior.model_dump(exclude={"label"}) for name, prior in self.config.prior.items()},
            "code": file_digest(source) if source else code_digest(config.class_.rpartition(":")[0]),
        }

    @property
    def fingerprint(self) -> str:
        """Names the store that this experiment's simulations may share."""
        return digest(self.simulator_identity)

    def identity(self, keys: Sequence[str]) -> str:
        """Digest of the named sections or keys (`rounds.threshold`), `simulator` standing for all it depends on."""
        record: dict[str, Any] = self.config.model_dump(by_alias=True)
        parts: dict[str, object] = {}
        for key in keys:
            section, _, entry = key.partition(".")
            parts[key] = record[section][entry] if entry else record[section]
        if "simulator" in keys:
            parts["simulator"] = self.simulator_identity
        for section in {"observation", "combination"} & set(keys):
            described = record[section]
            parts[section] = _relative(described)
            parts[f"{section} files"] = sorted(_content_digest(path) for path in _files(described))
        return digest(parts)

    def _check(self) -> None:
        config, where = self.config, self.path.name
        names = list(config.prior)
        marginals = config.marginals
        wanted = [] if marginals.one_dimensional == "all" else list(marginals.one_dimensional)
        wanted += [name for pair in marginals.two_dimensional for name in pair]
        for name in wanted:
            if name not in names:
                raise DarksieveError(
                    f"marginal of {name!r}, which has no prior",
                    where=f"{where}: marginals",
                    mend=suggest(name, names),
                )
        if not marginals.one_dimensional:
            raise DarksieveError("one_dimensional is empty", where=f"{where}: marginals", mend="say `all`")
        for pair in marginals.two_dimensional:
            if pair[0] == pair[1]:
                raise DarksieveError(f"pair {pair} names one parameter twice", where=f"{where}: marginals")
        if marginals.joint and config.network.class_ is not None:
            raise DarksieveError(
                "the joint posterior needs darksieve's own network", where=f"{where}: marginals.joint",
                mend="leave out network.class or say `joint: false`",
            )  # fmt: skip
        if config.observation.mock is not None:
            self._check_mock(config.observation.mock.parameters, "observation")
        self._check_combination()
        fewest = min(first_request(config.rounds), *config.rounds.early_simulations, config.rounds.simulations)
        if fewest * config.training.validation_fraction < 2:
            raise DarksieveError(
                f"{fewest} simulations a round leave fewer than 2 for validation",
                where=f"{where}: rounds", mend="ask for more simulations",
            )  # fmt: skip
        for path in (*self.files, *self.combined_files):
            if not path.is_file() and path.name not in REGISTRY:
                file = _shown(path, self.root)
                made = path.is_relative_to(self.root / "results")
                mend = (
                    f"make it first: snakemake --cores all {file}" if made else "correct the path or put the file there"
                )
                raise DarksieveError(f"no file {file}", where=where, mend=mend)
        source = simulator_source(config.simulator.class_, self.path.parent)
        if source is not None and not source.is_file():
            raise DarksieveError(f"no file {_shown(source, self.root)}", where=f"{where}: simulator.class")

    def _check_combination(self) -> None:
        config, where = self.config.combination, f"{self.path.name}: combination"
        if config is None:
            return
        marginals = self.config.marginals
        one = list(self.config.prior) if marginals.one_dimensional == "all" else marginals.one_dimensional
        if config.shared not in ([[name] for name in one] + marginals.two_dimensional):
            raise DarksieveError(
                f"no marginal of {', '.join(config.shared)}", where=f"{where}.shared",
                mend="list it in marginals, the pair in the same order",
            )  # fmt: skip
        if self.config.rounds.maximum != 1 or self.config.rounds.budget is not None:
            raise DarksieveError(
                "a truncated prior fits one observation", where=where, mend="say rounds.maximum: 1, without a budget"
            )
        if config.mocks and self.config.observation.mock is None:
            raise DarksieveError("the observation is no mock", where=f"{where}.mocks", mend="list observations instead")
        for name, each in config.observations.items():
            if each.mock is not None:
                self._check_mock(each.mock.parameters, f"combination.observations.{name}")

    def _check_mock(self, truth: Mapping[str, float], section: str) -> None:
        where = f"{self.path.name}: {section}.mock.parameters"
        names = list(self.config.prior)
        for name in truth:
            if name not in names:
                raise DarksieveError(f"{name!r} has no prior", where=where, mend=suggest(name, names))
        for name, prior in self.config.prior.items():
            if name not in truth:
                raise DarksieveError(f"no value for {name}", where=where, mend="give every parameter one")
            if not 0.0 < float(one_dimensional_prior(prior.model_dump()).cumulative(truth[name])) < 1.0:
                raise DarksieveError(f"{name} = {truth[name]} lies outside its prior", where=where, mend="widen it")


def read_workflow_config(record: Mapping[str, Any]) -> WorkflowConfig:
    """Check the workflow's config, that is `config/config.yaml` with what the command line changed."""
    return read_config(WorkflowConfig, record, where="config")


def _read_yaml(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise DarksieveError(f"no experiment file {path.name} in {path.parent}", mend="check the name in `experiments`")
    try:
        record = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it is no text"
        raise DarksieveError(f"not valid YAML: {problem}", where=f"{path.name}{line}") from error
    if not isinstance(record, dict):
        raise DarksieveError("holds no mapping of keys", where=path.name, mend="see config/README.md")
    return record


def _with_absolute_files(value: Any, base: Path, root: Path) -> Any:
    """Copy nested config with every path made absolute: beside the experiment file, else under the root."""
    if isinstance(value, dict):
        return {
            key: _absolute(item, base, root)
            if key in PATHS and isinstance(item, str)
            else _with_absolute_files(item, base, root)
            for key, item in value.items()
        }
    return value


def _absolute(file: str, base: Path, root: Path) -> str:
    beside = (base / file).resolve()
    return str(beside if beside.exists() else (root / file).resolve())


def _files(value: Any) -> set[Path]:
    return {Path(file) for file in _file_entries(value)}


def _file_entries(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == "folder" and isinstance(item, str):
                yield from (str(path) for path in Path(item).glob("*") if path.is_file())
            elif key == "file" and isinstance(item, str):
                yield item
            else:
                yield from _file_entries(item)


def _relative(value: Any) -> Any:
    """Copy nested options with file names in place of absolute paths, so that a store can move."""
    if isinstance(value, Mapping):
        return {k: Path(v).name if k in PATHS and isinstance(v, str) else _relative(v) for k, v in value.items()}
    return value


def _content_digest(path: Path) -> str:
    return file_digest(path) if path.is_file() else REGISTRY[path.name].sha256


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
