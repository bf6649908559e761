"""The energy ledger: what every job cost, and what a posterior and each further one cost.

Energy is that of the processors: of CPUs by RAPL and of GPUs by NVML where their counters can be read; elsewhere CPU
seconds and GPU seconds times a configured power, and every record says so. Memory, cooling and idle cores are left out.

A job counts once, with the attempt that ended well: what was spent before it was killed, and on results that were made
again since, is not in the ledger. Simulations that a job finds in the store count where they were made.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Cost", "Job", "Power", "account", "ledger", "overhead"]

JOULES_IN_KWH = 3.6e6
CHAIN = ("declare", "observe", "plan", "simulate", "train", "truncate", "sample")  # makes a posterior
REFERENCE = "refer"  # a posterior by another method, which shares only what comes before the simulations
SHARED = ("declare", "observe")
WORK = ("simulate", "train", "refer")  # the rest of the chain, and the time between jobs, is overhead
LONGEST_GAP = 60.0  # seconds without a job, after which a run was stopped, or waited in a queue


@dataclass(frozen=True)
class Cost:
    """What a process and its children cost.

    Attributes
    ----------
    wall_seconds : float
    cpu_seconds : float
        User and system time.
    gpu_seconds : float
        Wall seconds times the GPUs that the process used.
    peak_memory_gb : float
        Largest resident memory of one process, GB.
    cpu_joules, gpu_joules : float or None
        Energy by RAPL and by NVML; None where there is no counter to read.
    """

    wall_seconds: float
    cpu_seconds: float
    gpu_seconds: float
    peak_memory_gb: float
    cpu_joules: float | None
    gpu_joules: float | None


@dataclass(frozen=True)
class Power:
    """Power of a busy core and of a GPU in W, where no counter can be read."""

    watts_per_core: float
    watts_per_gpu: float


@dataclass(frozen=True)
class Job:
    """A job of an experiment: its rule, its name among the rule's jobs (`round-1-shard-3`), its cost, and its end.

    The end is in seconds since 1970; None where it was not recorded.
    """

    rule: str
    name: str
    cost: Cost
    ended: float | None = None

    @property
    def round(self) -> int | None:
        """Number of the round whose job it is."""
        found = re.match(r"round-(\d+)", self.name)
        return int(found[1]) if found else None

    @property
    def part(self) -> str:
        """Whether the posterior, the diagnostics or a reference method needs it."""
        if self.rule == REFERENCE:
            return "reference"
        return "posterior" if self.rule in CHAIN and not self.name.startswith("test") else "diagnostics"

    def joules(self, power: Power) -> tuple[float, float]:
        """Energy that was measured, and energy that is estimated."""
        cost, measured, estimated = self.cost, 0.0, 0.0
        for joules, estimate in (
            (cost.cpu_joules, cost.cpu_seconds * power.watts_per_core),
            (cost.gpu_joules, cost.gpu_seconds * power.watts_per_gpu),
        ):
            if joules is None:
                estimated += estimate
            else:
                measured += joules
        return measured, estimated


def ledger(jobs: Sequence[Job], power: Power) -> list[dict[str, Any]]:
    """A row a job: rule, what, seconds, memory in GB, energy in kWh, and by which counters it was measured."""
    return [_row(job, power) for job in jobs]


def account(jobs: Sequence[Job], power: Power) -> dict[str, Any]:
    """Sum the costs of an experiment's jobs.

    Returns
    -------
    dict
        `posterior`: all that the posterior needs, and that by stage and by round. `additional_observation`: what one
        more observation of the same simulator costs if the simulations of the first round are reused (they fill the
        prior), if those of all rounds are (an observation much like this one), and if its posterior lies in the last
        box, where the estimator needs no training (`same_estimator`). `diagnostics`: all checks, by stage.
        `reference`: a posterior by each other method, of this observation as of any other. `total`: all jobs.
        `overhead`: what `overhead` gives. Each other sum holds `jobs`, `wall_seconds`, `cpu_seconds`, `gpu_seconds`,
        `peak_memory_gb` (the largest), `kwh`, `kwh_measured` and `method`: measured, partly estimated or estimated.
    """
    chain = [job for job in jobs if job.part == "posterior"]
    checks = [job for job in jobs if job.part == "diagnostics"]
    training = [job for job in chain if job.rule != "simulate"]
    later = [job for job in chain if job.rule == "simulate" and job.round != 1]
    shared = [job for job in chain if job.rule in SHARED]
    rounds = sorted({job.round for job in chain if job.round is not None})
    return {
        "watts_per_core": power.watts_per_core,
        "watts_per_gpu": power.watts_per_gpu,
        "posterior": {
            **_sum(chain, power),
            "stages": _stages(chain, power),
            "rounds": {
                str(number): {**_sum(of_round, power), "stages": _stages(of_round, power)}
                for number in rounds
                for of_round in [[job for job in chain if job.round == number]]
            },
        },
        "additional_observation": {
            "first_round_reused": _sum(training + later, power),
            "all_rounds_reused": _sum(training, power),
            "same_estimator": _sum((job for job in chain if job.rule in ("observe", "sample")), power),
        },
        "diagnostics": {**_sum(checks, power), "stages": _stages(checks, power)},
        "reference": {job.name: _sum([*shared, job], power) for job in jobs if job.part == "reference"},
        "total": _sum(jobs, power),
        "overhead": overhead(jobs),
    }


def overhead(jobs: Sequence[Job]) -> dict[str, float] | None:
    """How much of a run's wall time went by without a simulation, a training, a diagnostic or a reference method.

    What is left is Snakemake, the start of jobs, light steps of the chain and files. A minute or more without any job
    counts as a pause.

    Returns
    -------
    dict of str to float, or None
        `wall_seconds` from the first job to the last, `share` of them; None where the end of a job is not known.
    """
    spans = [(job.ended - job.cost.wall_seconds, job.ended, job) for job in jobs if job.ended is not None]
    if not spans or len(spans) < len(jobs):
        return None
    run = _covered([(start, end) for start, end, _ in spans], LONGEST_GAP)
    working = _covered([(start, end) for start, end, job in spans if job.rule in WORK or job.part == "diagnostics"], 0)
    return {"wall_seconds": run, "share": 1 - working / run}


def _covered(spans: Iterable[tuple[float, float]], gap: float) -> float:
    """Length of the union of intervals, with the gaps between them that are shorter than `gap`."""
    length, reached = 0.0, -math.inf
    for start, end in sorted(spans):
        begin = reached if start - reached < gap else max(start, reached)
        length += max(0.0, end - begin)
        reached = max(reached, end)
    return length


def _row(job: Job, power: Power) -> dict[str, Any]:
    cost, (measured, estimated) = job.cost, job.joules(power)
    counters = [name for name, joules in (("RAPL", cost.cpu_joules), ("NVML", cost.gpu_joules)) if joules is not None]
    return {
        "rule": job.rule,
        "what": job.name.replace("-shard-", " shard "),
        "wall_seconds": cost.wall_seconds,
        "cpu_seconds": cost.cpu_seconds,
        "gpu_seconds": cost.gpu_seconds,
        "peak_memory_gb": cost.peak_memory_gb,
        "kwh": (measured + estimated) / JOULES_IN_KWH,
        "method": ": ".join([_method(measured, estimated), *([" and ".join(counters)] if counters else [])]),
    }


def _sum(jobs: Iterable[Job], power: Power) -> dict[str, Any]:
    jobs = list(jobs)
    measured, estimated = (sum(part) for part in zip((0.0, 0.0), *(job.joules(power) for job in jobs)))
    return {
        "jobs": len(jobs),
        "wall_seconds": sum(job.cost.wall_seconds for job in jobs),
        "cpu_seconds": sum(job.cost.cpu_seconds for job in jobs),
        "gpu_seconds": sum(job.cost.gpu_seconds for job in jobs),
        "peak_memory_gb": max((job.cost.peak_memory_gb for job in jobs), default=0.0),
        "kwh": (measured + estimated) / JOULES_IN_KWH,
        "kwh_measured": measured / JOULES_IN_KWH,
        "method": _method(measured, estimated),
    }


def _stages(jobs: Sequence[Job], power: Power) -> Mapping[str, dict[str, Any]]:
    """The sum of each rule, in the order in which the rules come up."""
    rules = dict.fromkeys(job.rule for job in jobs)
    return {rule: _sum((job for job in jobs if job.rule == rule), power) for rule in rules}


def _method(measured: float, estimated: float) -> str:
    if measured == 0:
        return "estimated"
    return "partly estimated" if estimated > 0 else "measured"
