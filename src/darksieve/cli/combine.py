"""`darksieve combine`: the posterior of parameters that many observations share."""

from __future__ import annotations

import argparse
from pathlib import Path

from darksieve.cli.arguments import (
    add_experiment,
    add_plan,
    add_store,
    add_threads,
    load_experiment,
    set_threads,
    whole_file,
    write_json,
)

NORMALISED_BY = 10_000  # simulations at most
# sections and keys of an experiment file that the step depends on
READS = ("simulator", "prior", "marginals", "training.validation_fraction", "combination", "seed")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    add_experiment(parser)
    add_store(parser)
    add_threads(parser)
    parser.add_argument("--estimator", type=Path, required=True, help="estimator.pt")
    parser.add_argument("--observation", type=Path, required=True, help="observation.h5, the first observation")
    add_plan(parser)
    parser.add_argument("--manifests", type=Path, nargs="+", required=True, help="manifests of the round's shards")
    parser.add_argument("--output", type=Path, required=True, help="combined.h5, log-ratios on a grid, written")
    parser.add_argument("--summary", type=Path, required=True, help="posteriors and verdict (JSON), written")


def run(options: argparse.Namespace) -> None:
    """Combine the observations, and check such combinations on mocks."""
    from darksieve.diagnostics.combination import (
        check_combination,
        collect_observations,
        describe_combination,
        find_common_error,
    )
    from darksieve.inference.combination import SharedGrid, SharedRatio, write_combination
    from darksieve.inference.estimator import Estimator
    from darksieve.inference.training import held_out
    from darksieve.problem.observation import Observation
    from darksieve.store.plan import Plan
    from darksieve.store.simulate import open_simulations

    set_threads(options.threads)
    experiment = load_experiment(options)
    config, observation = experiment.config.combination, Observation.read(options.observation)
    assert config is not None
    estimator = Estimator.load(options.estimator, experiment)
    simulations = open_simulations(experiment, Plan.read(options.plan), options.manifests, options.store)
    unseen, _ = held_out(experiment, simulations, observation.masks, round_number=1, at_most=NORMALISED_BY)
    ratio = SharedRatio.normalised(estimator.members, SharedGrid(experiment.prior, tuple(config.shared)), unseen)
    log_ratios = ratio.log_ratios(collect_observations(experiment, observation), ratio.grid.midpoints())
    common_error = find_common_error(experiment, ratio, observation.masks)
    with whole_file(options.output) as part:
        write_combination(part, ratio.grid, log_ratios, common_error, observation.truth)
    record = check_combination(experiment, ratio, common_error, observation.masks)
    posterior = describe_combination(ratio.grid, log_ratios, config.sizes, common_error)
    write_json(options.summary, {**record, "posterior": posterior})
