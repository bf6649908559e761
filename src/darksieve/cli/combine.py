"""`darksieve combine`: the posterior of parameters that many observations share."""

from __future__ import annotations

import argparse
from pathlib import Path

from darksieve.cli.arguments import add_experiment, add_threads, load_experiment, set_threads, whole_file, write_json

# sections and keys of an experiment file that the step depends on
READS = ("simulator", "prior", "marginals", "combination", "seed")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    add_experiment(parser)
    add_threads(parser)
    parser.add_argument("--estimator", type=Path, required=True, help="estimator.pt")
    parser.add_argument("--observation", type=Path, required=True, help="observation.h5, the first observation")
    parser.add_argument("--output", type=Path, required=True, help="combined.h5, log-ratios on a grid, written")
    parser.add_argument("--summary", type=Path, required=True, help="posteriors and verdict (JSON), written")


def run(options: argparse.Namespace) -> None:
    """Combine the observations, and check such combinations on mocks."""
    from darksieve.diagnostics.combination import check_combination, collect_observations, describe_combination
    from darksieve.inference.combination import SharedGrid, log_ratios_of_each, write_combination
    from darksieve.inference.estimator import Estimator
    from darksieve.problem.observation import Observation

    set_threads(options.threads)
    experiment = load_experiment(options)
    config, observation = experiment.config.combination, Observation.read(options.observation)
    assert config is not None
    estimator = Estimator.load(options.estimator, experiment)
    grid = SharedGrid(experiment.prior, tuple(config.shared))
    log_ratios = log_ratios_of_each(estimator, grid.names, collect_observations(experiment, observation), grid.points())
    with whole_file(options.output) as part:
        write_combination(part, grid, log_ratios, observation.truth)
    record = check_combination(experiment, estimator, grid, observation.masks)
    write_json(options.summary, {**record, "posterior": describe_combination(grid, log_ratios, config.sizes)})
