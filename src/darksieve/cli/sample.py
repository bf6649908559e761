"""`darksieve sample`: the posteriors of the observation."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
from pathlib import Path

from darksieve.cli.arguments import add_experiment, add_threads, load_experiment, set_threads, whole_file

# sections and keys of an experiment file that the step depends on
READS = ("simulator", "prior", "marginals", "posterior_samples", "seed")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    add_experiment(parser)
    add_threads(parser)
    parser.add_argument("--estimator", type=Path, required=True, help="estimator.pt of the last round")
    parser.add_argument("--observation", type=Path, required=True, help="observation.h5")
    parser.add_argument("--plans", type=Path, nargs="+", required=True, help="plan.json of every round")
    parser.add_argument("--output", type=Path, required=True, help="posterior.h5, written")


def run(options: argparse.Namespace) -> None:
    """Sample the marginals and, where asked, the joint posterior."""
    from darksieve.inference.estimator import Estimator
    from darksieve.inference.posterior import Posterior
    from darksieve.inference.sampling import sample_joint, sample_marginals
    from darksieve.problem.observation import Observation
    from darksieve.store.plan import Plan

    set_threads(options.threads)
    experiment = load_experiment(options)
    prior, seed, n = experiment.prior, experiment.config.seed, experiment.config.posterior_samples
    estimator = Estimator.load(options.estimator, experiment)
    observation = Observation.read(options.observation)
    plans = [Plan.read(path) for path in options.plans]
    joint = experiment.config.marginals.joint
    posterior = Posterior(
        marginals=sample_marginals(estimator, observation, prior, n, seed),
        joint=sample_joint(estimator, observation, prior, n, seed) if joint else None,
        units={p.name: p.unit for p in prior},
        labels={p.name: p.label for p in prior},
        attributes={
            "experiment": experiment.name,
            "box": json.dumps(estimator.box.to_record(prior)),
            "rounds": len(plans),
            "simulations": sum(plan.reused_simulations + plan.new_simulations for plan in plans),
            "simulations_reused": sum(plan.reused_simulations for plan in plans),
            "seed": seed,
            **{f"version_{name}": importlib.metadata.version(name) for name in ("darksieve", "torch", "swyft")},
        },
    )
    with whole_file(options.output) as part:
        posterior.write(part)
