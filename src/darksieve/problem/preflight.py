"""Checks before the first job: all experiment files of a run, with their simulators and observations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from darksieve.problem.config import Method
from darksieve.problem.errors import DarksieveError
from darksieve.problem.experiment import Experiment
from darksieve.problem.paper import PaperConfig
from darksieve.problem.provenance import code_digest, digest
from darksieve.problem.section import suggest

__all__ = ["check_alternatives", "check_paper", "load_checked", "load_paper"]


def load_checked(
    names: Sequence[str], folder: Path, root: Path, stamps: Path, references: Sequence[Method] = ()
) -> dict[str, Experiment]:
    """Load experiments and check all that can be checked without running them.

    Loading a simulator imports torch, which takes seconds: what was found right is remembered by a stamp that bears
    the digest of everything it depends on. Experiments whose registered data are still to be downloaded are checked
    when they are observed.

    Parameters
    ----------
    names : sequence of str
        Names in `folder`, or paths of experiment files.
    folder : Path
        Where named experiments lie.
    root : Path
        Folder to which data files may be relative.
    stamps : Path
        Folder of the stamps.
    references : sequence of str
        Methods that each experiment is compared with besides those of its file.

    Returns
    -------
    dict of str to Experiment
        By name.

    Raises
    ------
    DarksieveError
        For the first thing that is wrong.
    """
    experiments: dict[str, Experiment] = {}
    for name in names:
        is_path = name.endswith((".yaml", ".yml"))
        if not is_path and not (folder / f"{name}.yaml").is_file():
            known = ", ".join(sorted(path.stem for path in folder.glob("*.yaml")))
            raise DarksieveError(f"no experiment {name!r}", where="config: experiments", mend=f"there are {known}")
        experiment = Experiment.load(root / name if is_path else folder / f"{name}.yaml", root)
        if experiment.name in experiments:
            raise DarksieveError(
                f"two experiments are named {experiment.name}", where="config: experiments", mend="rename one file"
            )
        experiments[experiment.name] = experiment = experiment.compared_with(references)
        _check_once(experiment, stamps)
    return experiments


def check_alternatives(alternatives: Mapping[str, Sequence[str]], experiments: Mapping[str, Experiment]) -> None:
    """Check that the experiments to be ranked are there and ask for their evidence.

    Raises
    ------
    DarksieveError
        If one is not, does not, or has nothing to be ranked with.
    """
    for group, names in alternatives.items():
        where = f"config: alternatives.{group}"
        if len(set(names)) < 2:
            raise DarksieveError(f"names {len(set(names))} experiment", where=where, mend="name two or more")
        for name in names:
            if name not in experiments:
                known = ", ".join(experiments)
                raise DarksieveError(f"{name!r} is not among the experiments", where=where, mend=f"there are {known}")
            if "nested" not in experiments[name].config.reference.methods:
                raise DarksieveError(f"{name} asks for no evidence", where=where, mend="say `nested` in references")


def load_paper(paper: PaperConfig, folder: Path, root: Path) -> dict[str, Experiment]:
    """Load the experiments of the paper, of those whose files lie in `folder`; nothing else of them is checked.

    Returns
    -------
    dict of str to Experiment
        By name.
    """
    paths = [folder / f"{name}.yaml" for name in dict.fromkeys(paper.roles.values())]
    return {path.stem: Experiment.load(path, root) for path in paths if path.is_file()}


def check_paper(paper: PaperConfig, experiments: Mapping[str, Experiment], analyses: Sequence[str]) -> None:
    """Check that the paper's experiments and analyses are there and hold what it tells.

    Raises
    ------
    DarksieveError
        For the first thing that is missing.
    """
    for role, name in paper.roles.items():
        where = f"config: paper.{role}"
        if name not in experiments:
            raise DarksieveError(f"no experiment {name!r}", where=where, mend="name one in config/experiments")
        config = experiments[name].config
        if role in ("population", "warm") and config.combination is None:
            raise DarksieveError(f"{name} combines no observations", where=where, mend="give it a combination")
        if role in ("reference", "rotation", "dark_energy") and not config.reference.methods:
            raise DarksieveError(f"{name} has no reference", where=where, mend="give it reference.methods")
    if unknown := [name for name in paper.analyses if name not in analyses]:
        raise DarksieveError(
            f"no analysis {unknown[0]!r}", where="config: paper.analyses", mend=suggest(unknown[0], list(analyses))
        )


def _check_once(experiment: Experiment, stamps: Path) -> None:
    if not all(path.is_file() for path in (*experiment.files, *experiment.combined_files)):
        return
    identity = experiment.identity(["simulator", "prior", "observation", "combination", "reference"])
    stamp = stamps / f"{experiment.name}-{digest([identity, code_digest(__name__)])}.checked"
    if stamp.is_file():
        return
    from darksieve.problem.likelihood import check_reference
    from darksieve.problem.observation import make_observation

    if experiment.config.combination is not None:
        for further in experiment.config.combination.observations.values():
            make_observation(experiment, further)
    check_reference(experiment, make_observation(experiment), experiment.config.reference.methods)
    stamps.mkdir(parents=True, exist_ok=True)
    stamp.touch()
