"""One reference method on one experiment and observation, and what it cost."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from darksieve.problem.experiment import Experiment
from darksieve.problem.likelihood import check_reference
from darksieve.problem.observation import Observation
from darksieve.reference.progress import Progress
from darksieve.reference.result import Draws, Reference
from darksieve.reference.target import Target

__all__ = ["refer"]

log = logging.getLogger(__name__)


def refer(experiment: Experiment, observation: Observation, method: str, checkpoint: Path | None = None) -> Reference:
    """The posterior by a method: `exact`, `nested`, `nuts`, `sghmc`, `flow` or `vi`.

    Nested sampling keeps its state in `checkpoint`, goes on from it, and removes it at the end.

    Raises
    ------
    DarksieveError
        If the simulator does not serve it.
    """
    check_reference(experiment, observation, [method])
    target = Target(experiment, observation) if method != "exact" else None
    run = _find_method(experiment, observation, method, target)
    progress = Progress(checkpoint)
    draws = run(progress)
    wall, cpu = progress.spent()
    progress.remove()
    calls = 0 if target is None else target.calls
    log.info("%s: %d samples, %d likelihoods, %.1f CPU seconds", method, len(draws.z), calls, cpu)
    return Reference(method, experiment.prior.names, draws, calls, wall, cpu, experiment.config.seed)


def _find_method(
    experiment: Experiment, observation: Observation, method: str, target: Target | None
) -> Callable[[Progress], Draws]:
    """The method as a function of its progress, its library loaded."""
    config, seed = experiment.config.reference, experiment.config.seed
    chains, samples = config.chains, config.samples
    if target is None:
        from darksieve.reference.exact import sample_exact

        return lambda _: sample_exact(experiment, observation, chains * samples, seed)
    match method:
        case "nested":
            from darksieve.reference.nested import sample_nested

            return lambda progress: sample_nested(target, chains * samples, seed, progress=progress)
        case "nuts":
            from darksieve.reference.nuts import sample_nuts

            return lambda _: sample_nuts(target, chains, samples, seed)
        case "sghmc":
            from darksieve.reference.sghmc import sample_sghmc

            return lambda _: sample_sghmc(target, chains, samples, seed)
        case "flow":
            from darksieve.reference.flow import sample_flow

            return lambda _: sample_flow(target, chains, chains * samples, seed)
        case _:
            from darksieve.reference.vi import sample_vi

            return lambda _: sample_vi(target, chains, chains * samples, seed)
