"""Paths and config: what the rules ask for. Nothing here computes a result."""

import importlib
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from darksieve.figures.captions import CAPTIONS, ILLUSTRATIONS
from darksieve.problem.config import METHODS
from darksieve.problem.errors import DarksieveError
from darksieve.problem.experiment import read_workflow_config
from darksieve.problem.preflight import (
    check_alternatives,
    check_paper,
    load_checked,
    load_paper,
)
from darksieve.problem.provenance import code_digest
from darksieve.problem.registry import MIRROR_VARIABLE, REGISTRY

FIGURES = (
    "observation posterior position rounds shrinking training truncation coverage ranks average"
    " misspecification spread joint residuals comparison chains combination energy"
)
DIAGNOSTICS = (
    "truncation coverage ranks dependence average normalisation balance effective"
    " misspecification spread joint local predictive combination reference"
)
INTERPRETATIONS = "summary_space layers attribution"  # figures that `interpret` makes
DETECTIONS = "localisation sensitivity"  # those of a subhalo that truncation left free
SUBHALO = ("x_sub", "y_sub", "log10_m_sub")
ONCE = (  # jobs that bear their rule's name
    "declare observe sample audit spread calibrate calibrate_joint predict combine compare"
)


try:
    CONFIG = read_workflow_config(config)
    RUN = load_checked(
        CONFIG.experiments,
        Path("config/experiments"),
        Path.cwd(),
        Path(".snakemake/darksieve"),
        CONFIG.references,
    )
    check_alternatives(CONFIG.alternatives, RUN)
    EXPERIMENTS = load_paper(CONFIG.paper, Path("config/experiments"), Path.cwd()) | RUN
except DarksieveError as error:
    sys.exit(f"darksieve: error: {error}")

config |= {"captions": CAPTIONS, "illustrations": ILLUSTRATIONS}  # for workflow/report


wildcard_constraints:
    experiment="|".join(map(re.escape, EXPERIMENTS)),
    attested="|".join(map(re.escape, [*EXPERIMENTS, "physics_ai"])),
    round=r"[1-9]\d*",
    draw=r"round-[1-9]\d*|test",
    shard=r"\d+",
    figure="|".join(f"{FIGURES} {INTERPRETATIONS} {DETECTIONS}".split()),
    method="|".join(METHODS),
    alternatives="|".join(CONFIG.alternatives),


def get_file(wildcards) -> str:
    """The experiment file."""
    return os.path.relpath(EXPERIMENTS[wildcards.experiment].path)


def get_data_files(wildcards) -> list[str]:
    """Data files that the experiment reads; registered ones are downloaded."""
    return [os.path.relpath(path) for path in EXPERIMENTS[wildcards.experiment].files]


def get_combined_files(wildcards) -> list[str]:
    """Data files of the further observations; registered ones are downloaded."""
    files = EXPERIMENTS[wildcards.experiment].combined_files
    return [os.path.relpath(path) for path in files]


def get_sha256(wildcards) -> str:
    """Registered digest of a data file."""
    return REGISTRY[wildcards.file].sha256


def get_mirror(wildcards) -> str:
    """The option that names the mirror of the data files, if there is one."""
    mirror = os.environ.get(MIRROR_VARIABLE) or CONFIG.data_mirror
    return f"--mirror {mirror}" if mirror else ""


def depends_on(verb: str):
    """Function that gives what a step of a verb depends on besides its inputs: config and code."""
    code = f"darksieve.cli.{verb}"
    keys = importlib.import_module(code).READS

    def get_identity(wildcards) -> str:
        experiment = EXPERIMENTS[wildcards.experiment]
        return f"config {experiment.identity(keys)} code {code_digest(code)}"

    return get_identity


def get_wanted(experiment: str, kinds: str) -> list[str]:
    """Figures, diagnostics or jobs of an experiment, without those of what it does without."""
    config = EXPERIMENTS[experiment].config
    methods = set(config.reference.methods)
    one_dimensional = config.marginals.one_dimensional
    covered = one_dimensional == "all" or set(one_dimensional) == set(config.prior)
    unpredictable = not covered and not config.marginals.joint
    absent = {
        "position": not has_subhalo(experiment),
        "shrinking": len(config.prior) < 2,
        "predictive": unpredictable,
        "predict": unpredictable,
        "residuals": unpredictable,
        "joint": not config.marginals.joint,
        "local": not config.marginals.joint,
        "calibrate_joint": not config.marginals.joint,
        "spread": config.training.ensemble == 1,
        "combination": config.combination is None,
        "combine": config.combination is None,
        "reference": not methods,
        "compare": not methods,
        "comparison": not methods,
        "chains": not methods & {"nuts", "sghmc"},
    }
    return [kind for kind in kinds.split() if not absent.get(kind)]


def get_best_method(experiment: str) -> str | None:
    """The reference method that is trusted most, of those of an experiment."""
    methods = EXPERIMENTS[experiment].config.reference.methods
    return min(methods, key=METHODS.index, default=None)


def get_references(wildcards) -> list[str]:
    """Posteriors by other methods."""
    methods = EXPERIMENTS[wildcards.experiment].config.reference.methods
    return [f"results/{wildcards.experiment}/reference/{m}.h5" for m in methods]


def get_extras(wildcards) -> dict[str, str]:
    """The comparison with other methods and the combination of observations, where there are some."""
    folder = f"results/{wildcards.experiment}/diagnostics"
    wanted = get_wanted(wildcards.experiment, "reference combination")
    return {kind: f"{folder}/{kind}.json" for kind in wanted}


def get_extra_options(wildcards, input) -> str:
    """These as options of the command line."""
    wanted = get_wanted(wildcards.experiment, "reference combination")
    return " ".join(f"--{kind} {input[kind]}" for kind in wanted)


def as_arguments(files: Iterable[str]) -> str:
    """Files as arguments of a shell command, the shards of a draw as one: Linux gives a command 128 KiB."""
    arguments = {}
    for file in files:
        shard = re.fullmatch(
            r"(.*shard-)(\d+)\.json", file
        )  # they are listed from 0 on
        arguments[shard[1] if shard else file] = (
            f"{shard[1]}{{0..{shard[2]}}}.json" if shard else file
        )
    return " ".join(arguments.values())


def get_manifest_arguments(wildcards, input) -> str:
    """The manifests of a draw as arguments of the command line."""
    return as_arguments(input.manifests)


def get_cost_arguments(wildcards, input) -> str:
    """The costs of all jobs as arguments of the command line."""
    return as_arguments(input)


def get_alternatives(file: str):
    """Function that gives a file of each experiment that is ranked."""

    def get_files(wildcards) -> list[str]:
        names = CONFIG.alternatives[wildcards.alternatives]
        return [f"results/{name}/{file}" for name in names]

    return get_files


def get_diagnostics(wildcards) -> list[str]:
    """The JSON files of all diagnostics."""
    folder = f"results/{wildcards.experiment}/diagnostics"
    return [
        f"{folder}/{kind}.json"
        for kind in get_wanted(wildcards.experiment, DIAGNOSTICS)
    ]


def get_costs(wildcards) -> list[str]:
    """What each job cost on which the posterior and its diagnostics rest."""
    last, experiment = get_last_round(wildcards), EXPERIMENTS[wildcards.experiment]
    rounds = [f"round-{r}" for r in range(1, last + 1)]
    jobs = [f"{rule}/{rule}" for rule in get_wanted(wildcards.experiment, ONCE)]
    jobs += [f"refer/{method}" for method in experiment.config.reference.methods]
    jobs += [f"plan/{draw}" for draw in [*rounds, "test"]]
    requests = [get_request(wildcards, r) for r in range(1, last + 1)]
    for draw, simulations in zip(
        [*rounds, "test"], [*requests, experiment.config.diagnostics.simulations]
    ):
        shards = range(experiment.slices(simulations))
        jobs += [f"simulate/{draw}-shard-{shard}" for shard in shards]
    jobs += [f"{rule}/{draw}" for draw in rounds for rule in ("train", "truncate")]
    return [f"results/{wildcards.experiment}/costs/{job}.json" for job in jobs]


def get_results(wildcards) -> list[str]:
    """Summaries, reports and figures of the experiments of the run."""
    summaries = [
        f"results/{experiment}/{file}"
        for experiment in RUN
        for file in ("summary.txt", "report.html")
    ]
    summaries += [f"results/alternatives/{name}.txt" for name in CONFIG.alternatives]
    return summaries + [
        f"results/{experiment}/figures/{figure}.{suffix}"
        for experiment in RUN
        for figure in get_wanted(experiment, FIGURES)
        for suffix in ("pdf", "png")
    ]


def has_subhalo(experiment: str) -> bool:
    """Whether the posterior of a subhalo's position is estimated."""
    config = EXPERIMENTS[experiment].config
    pairs = [list(pair) for pair in config.marginals.two_dimensional]
    known = set(SUBHALO[:2]) <= set(config.prior)
    return known and (config.marginals.joint or list(SUBHALO[:2]) in pairs)


def has_free_subhalo(experiment: str) -> bool:
    """Whether a subhalo's position is a marginal, and neither it nor its mass is truncated."""
    marginals = EXPERIMENTS[experiment].config.marginals
    truncated = marginals.one_dimensional
    return list(SUBHALO[:2]) in [list(pair) for pair in marginals.two_dimensional] and (
        truncated != "all" and not set(SUBHALO) & set(truncated)
    )


def get_interpretations(wildcards) -> list[str]:
    """Figures of what the networks learned."""
    return [
        f"results/{experiment}/figures/{figure}.{suffix}"
        for experiment in RUN
        for figure in f"{INTERPRETATIONS} {DETECTIONS * has_free_subhalo(experiment)}".split()
        for suffix in ("pdf", "png")
    ]


def show_summaries() -> None:
    """Print what was found, at the end of a run that made it."""
    tables = [f"alternatives/{name}.txt" for name in CONFIG.alternatives]
    for file in [*(f"{name}/summary.txt" for name in RUN), *tables]:
        summary = Path("results", file)
        if summary.is_file():
            print("", summary.read_text(), sep="\n", file=sys.stderr)
