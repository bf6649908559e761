"""Estimators whose posteriors are known: exact ones of linear Gaussian data, and the same made wrong in a known way."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import log_ndtr, ndtr
from scipy.stats import norm
from torch import nn

from darksieve.diagnostics import joint
from darksieve.diagnostics.audit import audit_round, summarise_audits
from darksieve.diagnostics.marginals import check_marginals
from darksieve.diagnostics.predictive import predict
from darksieve.inference.posterior import MarginalSamples, Posterior
from darksieve.inference.profiles import find_marginals
from darksieve.problem.box import Box
from darksieve.problem.observation import Observation
from darksieve.store.shard import Simulations

DIMENSION, DATA, NOISE = 3, 6, 0.6
CUT = 1.0  # standard deviations above the mean, where one kind of wrong posterior ends


@dataclass(frozen=True)
class Wrong:
    """How a Gaussian posterior departs from the right one, in its own standard deviations."""

    shift: float = 0.0
    width: float = 1.0
    cut: bool = False
    ignores_data: bool = False
    uncorrelated: bool = False


EXACT = Wrong()
KINDS = {
    "shifted by half a standard deviation": Wrong(shift=0.5),
    "0.7 times as wide": Wrong(width=0.7),
    "1.4 times as wide": Wrong(width=1.4),
    "cut one standard deviation above the mean": Wrong(cut=True),
    "the prior": Wrong(ignores_data=True),
    "without correlations": Wrong(uncorrelated=True),
}


class Summaries(nn.Module):
    """The data themselves: of linear Gaussian data no smaller summary would be wrong, and none is needed."""

    def summarise(self, x):
        return x["x"]


@dataclass
class GaussianEstimator:
    """What `Estimator` offers, for data x = A z + noise and standard normal priors, from formulas."""

    simulator: object
    box: Box
    wrong: Wrong = EXACT
    networks = (Summaries(),)
    device = torch.device("cpu")

    def posterior(self, x):
        """Means (n, P) and covariance of the claimed posteriors of data (n, D), before any cut."""
        if self.wrong.ignores_data:
            return np.zeros((len(x), DIMENSION)), np.eye(DIMENSION)
        _, covariance = self.simulator.exact_posterior(np.zeros(DATA))
        mean = np.asarray(x, float) @ (self.simulator.matrix / self.simulator.noise.numpy()[:, None] ** 2) @ covariance
        mean = mean + self.wrong.shift * np.sqrt(np.diag(covariance))
        if self.wrong.uncorrelated:
            covariance = np.diag(np.diag(covariance))
        return mean, self.wrong.width**2 * covariance

    def log_ratios(self, x, z):
        (mean,), covariance = self.posterior(x["x"])
        deviation = np.sqrt(np.diag(covariance))
        z = np.asarray(z, float)
        pull = (z - mean) / deviation
        log_ratio = 0.5 * (z**2 - pull**2) - np.log(deviation)
        if self.wrong.cut:
            log_ratio = np.where(pull < CUT, log_ratio - log_ndtr(CUT), -np.inf)
        return {(name,): log_ratio[:, i] for i, name in enumerate(self.simulator.parameters)}

    def draw(self, x, n, seed):
        """Draws (m, n, P) of the claimed joint posteriors of data (m, D)."""
        generator = np.random.default_rng(seed)
        mean, covariance = self.posterior(x)
        root, deviation = np.linalg.cholesky(covariance), np.sqrt(np.diag(covariance))
        offset = generator.normal(size=(len(x), n, DIMENSION)) @ root.T
        while self.wrong.cut and (beyond := np.any(offset > CUT * deviation, axis=-1)).any():
            offset[beyond] = generator.normal(size=(beyond.sum(), DIMENSION)) @ root.T
        return mean[:, None] + offset


def linear_gaussian(load_record, seed):
    """The experiment; its posterior's correlations are those of a matrix drawn once."""
    names = [f"z{i}" for i in range(DIMENSION)]
    return load_record(
        {
            "simulator": {
                "class": "darksieve.simulators.tractable:LinearGaussian",
                "options": {"dimension": DIMENSION, "data": DATA, "noise": NOISE, "seed": 2},
            },
            "prior": {name: {"normal": [0.0, 1.0]} for name in names},
            "observation": {"mock": {"parameters": dict.fromkeys(names, 0.1)}},
            "marginals": {"joint": True},
            "diagnostics": {"predictive_draws": 200},
            "seed": seed,
        },
        f"linear-{seed}",
    )


def observe_signal(simulator, z, seed):
    """Signals and data (n, D) of parameters (n, P)."""
    signal = simulator.simulate(torch.from_numpy(z), torch.Generator())
    data = simulator.observe(signal, torch.Generator().manual_seed(seed))
    return signal["x"].numpy().astype(np.float32), data["x"].numpy().astype(np.float32)


def all_records(experiment, wrong, simulations, monkeypatch):
    """The records of every diagnostic on an estimator that is exact or wrong, with an observation from the prior."""
    seed, simulator, prior = experiment.config.seed, experiment.simulator, experiment.prior
    estimator = GaussianEstimator(simulator, Box.full(prior.names), wrong)
    generator = np.random.default_rng([seed, 1])
    z = generator.normal(size=(simulations + 200 + 1, DIMENSION)).astype(np.float32)
    signal, data = observe_signal(simulator, z, seed)
    test = Simulations(z[:simulations], {"x": signal[:simulations]}, np.arange(simulations, dtype=np.uint64))
    held_out = {"x": torch.from_numpy(data[simulations:-1])}, z[simulations:-1]
    observation = Observation({"x": data[-1]})
    records = check_marginals(experiment, estimator, test, observation)
    monkeypatch.setattr(
        joint, "sample_joint_of_each", lambda e, x, prior, n, seed: prior.to_unit(e.draw(x["x"].numpy(), n, seed))
    )
    records["joint"], records["local"] = joint.check_joint(experiment, estimator, test, observation)
    marginals = find_marginals(estimator, observation, prior, held_out)
    audit = audit_round(estimator.box, marginals, experiment.config.rounds.threshold)
    records["truncation"] = summarise_audits([audit.record])
    draws = estimator.draw(observation.x["x"][None], 1000, seed)[0]
    posterior = Posterior({}, MarginalSamples(prior.names, draws, np.zeros(len(draws))), {}, {})
    records["predictive"] = predict(experiment, posterior, observation).summary
    return records


@dataclass
class BoxedEstimator:
    """Exact ratios inside a box of two parameters, uniform in [-1, 1], that are measured with Gaussian noise."""

    simulator: object
    box: Box
    networks = (Summaries(),)

    def log_ratios(self, x, z):
        noise = self.simulator.noise.numpy()
        low, high = 2 * np.array(self.box.lower) - 1, 2 * np.array(self.box.upper) - 1
        mean = x["x"][0].double().numpy()
        inside = ndtr((high - mean) / noise) - ndtr((low - mean) / noise)
        log_density = norm.logpdf(np.asarray(z, float), mean, noise) - np.log(inside)
        log_ratio = log_density + np.log(high - low)
        return {(name,): log_ratio[:, i] for i, name in enumerate(self.simulator.parameters)}
