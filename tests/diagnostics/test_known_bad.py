"""All diagnostics together on posteriors that are exact, and on ones that are wrong in a known way.

The problem: three parameters with standard normal priors, six data, x = A z + noise. Each kind of wrong posterior (see
`exact.KINDS`: shifted by 0.5 standard deviations, 0.7 and 1.4 times as wide, cut at +1 standard deviation, the prior,
right marginals without their correlations) must get the verdict no, exact ones seldom. The slow tests take some five
minutes on one core: `python -m pytest -m slow tests/diagnostics/test_known_bad.py`.
"""

from collections import Counter

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

from darksieve.diagnostics.audit import audit_round
from darksieve.diagnostics.calibration import check_simulations, expected_coverage
from darksieve.diagnostics.verdict import judge
from darksieve.inference.profiles import find_marginals
from darksieve.problem.box import Box
from darksieve.problem.observation import Observation
from darksieve.problem.prior import Parameter, Prior, one_dimensional_prior
from darksieve.simulators.tractable import RotatedGaussian
from tests.diagnostics.exact import EXACT, KINDS, BoxedEstimator, all_records, linear_gaussian, observe_signal

DIAGNOSTICS = {
    "coverage", "ranks", "dependence", "average", "normalisation", "balance", "effective", "misspecification",
    "joint", "local", "truncation", "predictive",
}  # fmt: skip


@pytest.fixture
def count(load_record, monkeypatch):
    """How often each diagnostic, and the verdict, says no, over seeds."""

    def run(wrong, seeds, simulations):
        found = Counter()
        for seed in range(seeds):
            verdict = judge(all_records(linear_gaussian(load_record, seed), wrong, simulations, monkeypatch))
            assert {entry["name"] for entry in verdict["diagnostics"]} == DIAGNOSTICS
            found["verdict"] += verdict["verdict"] == "no"
            found.update(e["name"] for e in verdict["diagnostics"] if not e["passed"] and not e["undecided"])
        return found, verdict["false_alarm"]

    return run


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_posteriors_get_the_verdict_no(count, kind):
    found, _ = count(KINDS[kind], 3, 300)
    assert found["verdict"] == 3


def test_exact_posteriors_seldom_get_the_verdict_no(count):
    found, false_alarm = count(EXACT, 8, 300)
    assert found["verdict"] <= 4  # at most 11% a seed: more than four of eight happen in 0.1% of cases
    assert false_alarm == pytest.approx(0.10)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_wrong_posteriors_get_the_verdict_no_in_nearly_all_seeds(count, kind):
    found, _ = count(KINDS[kind], 40, 500)
    assert found["verdict"] >= 38


@pytest.mark.slow
def test_every_diagnostic_raises_the_alarm_at_its_stated_rate(count):
    found, false_alarm = count(EXACT, 200, 500)
    for name in DIAGNOSTICS:
        assert binomtest(found[name], 200, 0.01, alternative="greater").pvalue > 1e-3, (name, found)
    assert binomtest(found["verdict"], 200, false_alarm, alternative="greater").pvalue > 1e-3


def test_box_cut_through_the_posterior_is_found_while_exact_coverage_inside_it_stays_green():
    """Both edges of a parameter in turn, up to two standard deviations from the observation's posterior mean."""
    simulator = RotatedGaussian(angle=0.0, noise=(0.05, 0.05))
    prior = Prior(tuple(Parameter(n, one_dimensional_prior(simulator.prior[n])) for n in simulator.parameters))
    cut, green = 0, 0
    for seed in range(20):
        generator = np.random.default_rng(seed)
        truth = generator.uniform(-0.3, 0.3, 2)
        _, observed = observe_signal(simulator, truth[None], seed)
        edge = 0.5 * (observed[0, 0] + generator.uniform(-2, 2) * 0.05 + 1)
        lower, upper = (edge, edge + 0.3) if seed % 2 else (edge - 0.3, edge)
        box = Box(prior.names, (lower, 0.2), (upper, 0.8))
        z = prior.from_unit(box.scale(generator.random((500, 2)))).astype(np.float32)
        x = torch.from_numpy(observe_signal(simulator, z, seed + 100)[1])
        estimator = BoxedEstimator(simulator, box)
        marginals = find_marginals(estimator, Observation({"x": observed[0]}), prior, ({"x": x[400:]}, z[400:]))
        audit = audit_round(box, marginals, 1e-4)
        cut += not audit.passed
        assert audit.cut["z0"] == ((True, False) if seed % 2 else (False, True))
        checks = check_simulations(estimator, prior, prior.names, {"x": x[:400]}, z[:400])
        green += expected_coverage(checks.mass)["passed"]
    assert cut == 20
    assert green >= 18  # a false-alarm rate of 1%: more than two of 20 happen in 0.1% of cases
