"""The cost and the quality of the same two marginals, beside ever more parameters that are marginalised.

A linear Gaussian problem: 100 data, 2 to 100 parameters, of which the marginals of the first two are estimated from the
same number of simulations. `shortfall` is the information on them that the estimator misses, in nats: the exact mean of
the log-ratio at the truth, less the estimator's. Run it as `python benchmarks/dimensions.py`; it fails where 100
parameters cost more than twice the CPU time of two.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import yaml

from darksieve.diagnostics.calibration import observe_once
from darksieve.inference.training import train
from darksieve.problem.box import Box
from darksieve.problem.experiment import Experiment
from darksieve.store.plan import make_plan
from darksieve.store.reader import MemorySource
from darksieve.store.shard import Simulations
from darksieve.store.simulate import read_simulations, simulate_shard

DIMENSIONS = (2, 10, 30, 100)
DATA = 100
TESTS = 1000
ESTIMATED = ("z0", "z1")
LARGEST_RATIO = 2.0


def make_experiment(folder: Path, dimension: int) -> Experiment:
    record = {
        "simulator": {
            "class": "darksieve.simulators.tractable:LinearGaussian",
            "options": {"dimension": dimension, "data": DATA, "noise": 1.0},
        },
        "prior": {f"z{i}": {"normal": [0.0, 1.0]} for i in range(dimension)},
        "observation": {"mock": {"parameters": {f"z{i}": 0.0 for i in range(dimension)}}},
        "marginals": {"one_dimensional": list(ESTIMATED)},
    }
    path = folder / f"gaussian-{dimension}.yaml"
    path.write_text(yaml.safe_dump(record))
    return Experiment.load(path, folder)


def simulate(experiment: Experiment, folder: Path, draw: str, wanted: int) -> Simulations:
    plan = make_plan(experiment, Box.full(experiment.prior.names), draw, wanted, folder)
    for name in plan.slices:
        if name is not None:
            simulate_shard(experiment, plan, name, folder)
    return read_simulations(experiment, plan, [], folder)


def measure(dimension: int, simulations: int) -> tuple[float, float]:
    """CPU seconds of the training, and the information that it misses, nats a marginal."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        experiment = make_experiment(folder, dimension)
        training = simulate(experiment, folder / "store", "round-1", simulations)
        started = time.process_time()
        estimator, _ = train(experiment, Box.full(experiment.prior.names), MemorySource(training), {}, round_number=1)
        seconds = time.process_time() - started
        tests = simulate(experiment, folder / "store", "test", TESTS)
        x = observe_once(experiment, tests, {})
    found = np.mean(
        [
            [estimator.log_ratios({"x": x["x"][[row]]}, tests.z[[row]])[(name,)][0] for name in ESTIMATED]
            for row in range(len(tests))
        ]
    )
    _, covariance = experiment.simulator.exact_posterior(np.zeros(DATA))
    exact = -0.5 * np.log(np.diag(covariance)[: len(ESTIMATED)]).mean()
    return seconds, float(exact - found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--simulations", type=int, default=10_000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("parameters  CPU s  ratio  shortfall [nat]")
    first = None
    for dimension in DIMENSIONS:
        seconds, shortfall = measure(dimension, options.simulations)
        first = first or seconds
        print(f"{dimension:10d} {seconds:6.1f} {seconds / first:6.2f} {shortfall:16.3f}", flush=True)
    return 0 if seconds / first <= LARGEST_RATIO else 1


if __name__ == "__main__":
    sys.exit(main())
