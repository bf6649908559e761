"""Each method on a problem whose posterior and evidence are Gaussian integrals."""

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from darksieve.diagnostics.comparison import chain_diagnostics
from darksieve.problem.errors import DarksieveError
from darksieve.reference.flow import Proposal, sample_flow
from darksieve.reference.methods import refer
from darksieve.reference.nested import sample_nested, thin
from darksieve.reference.nuts import sample_nuts
from darksieve.reference.progress import Progress
from darksieve.reference.result import load_reference
from darksieve.reference.sghmc import FRICTION, STEP, run_chains, sample_sghmc
from darksieve.reference.target import Target
from darksieve.reference.vi import sample_vi
from darksieve.reference.whitening import whiten

CHAINS, SAMPLES, SEED = 2, 250, 5


def analytic(gaussian):
    experiment, observation = gaussian
    return experiment.simulator.exact_posterior(observation.x["x"].astype(float))


def assert_gaussian(draws, mean, covariance, effective, tolerance=0.0):
    """Mean within 4 standard errors; covariance, whitened, within 4 of its own and a systematic tolerance."""
    root = np.linalg.cholesky(covariance)
    white = np.linalg.solve(root, (draws.z - mean).T).T
    assert np.abs(white.mean(axis=0)).max() < 4 / np.sqrt(effective)
    # elements of a sample covariance of unit normal numbers have errors of sqrt(2 / n) on the diagonal
    assert np.abs(np.cov(white.T) - np.eye(len(mean))).max() < 4 * np.sqrt(2 / effective) + tolerance


def effective_size(draws, names):
    return min(chain_diagnostics(draws, names)["ess_bulk"].values())


def test_nuts_samples_the_posterior(gaussian):
    draws = sample_nuts(Target(*gaussian), CHAINS, SAMPLES, SEED)
    effective = effective_size(draws, gaussian[0].prior.names)
    assert draws.z.shape == (CHAINS * SAMPLES, 3)
    assert effective > 0.2 * CHAINS * SAMPLES
    assert draws.findings["divergences"] == 0
    assert_gaussian(draws, *analytic(gaussian), effective)


def test_sghmc_samples_the_posterior_a_little_too_wide(gaussian):
    draws = sample_sghmc(Target(*gaussian), 24, 100, SEED)  # many chains cost no more than one
    assert_gaussian(draws, *analytic(gaussian), effective_size(draws, gaussian[0].prior.names), STEP / FRICTION)


def test_vi_finds_the_gaussian(gaussian):
    draws = sample_vi(Target(*gaussian), 1, 4000, SEED)
    assert_gaussian(draws, *analytic(gaussian), 4000)  # the covariance of 20 seeds is within 0.07, 0.09 is allowed


def test_nested_sampling_finds_posterior_and_evidence(gaussian):
    experiment, observation = gaussian
    draws = sample_nested(Target(*gaussian), 1000, SEED, live_points=400)
    matrix, x = experiment.simulator.matrix, observation.x["x"]
    covariance = 0.09 * np.eye(3) + matrix @ matrix.T
    constant = 1.5 * np.log(2 * np.pi * 0.09)  # of the likelihood, which the simulator leaves out
    expected = multivariate_normal(np.zeros(3), covariance).logpdf(x) + constant
    assert draws.findings["log_evidence"] == pytest.approx(expected, abs=4 * draws.findings["log_evidence_error"])
    assert len(np.unique(draws.z, axis=0)) == len(draws.z) > 800
    assert_gaussian(draws, *analytic(gaussian), len(draws.z))


def test_flow_finds_posterior_and_the_evidence_of_nested_sampling(gaussian):
    draws, nested = sample_flow(Target(*gaussian), 1, 1000, SEED), sample_nested(Target(*gaussian), 1000, SEED, 400)
    assert draws.findings["effective_fraction"] > 0.6
    assert len(np.unique(draws.z, axis=0)) > 0.95 * len(draws.z) == 950
    assert_gaussian(draws, *analytic(gaussian), 0.9 * len(draws.z))
    error = np.hypot(draws.findings["log_evidence_error"], nested.findings["log_evidence_error"])
    assert error < 0.05
    assert draws.findings["log_evidence"] == pytest.approx(nested.findings["log_evidence"], abs=4 * error)


def test_density_of_a_proposal_is_that_of_its_draws():
    """The mean of normal(t) / q(t) over draws of q is one; it is 4 s.d. of the weights off only by a wrong density."""
    generator = np.random.default_rng(SEED)
    proposal = Proposal(np.array([0.3, -0.2]), np.array([[1.1, 0.0], [0.4, 0.9]]))
    t = proposal.draw(20000, generator)
    weights = np.exp(multivariate_normal(np.zeros(2)).logpdf(t) - proposal.log_density(t))
    assert weights.mean() == pytest.approx(1.0, abs=4 * weights.std() / np.sqrt(len(t)))
    assert weights.std() < 2.0


class Stop(Exception):
    """What interrupts a run."""


def test_a_point_far_heavier_than_all_others_does_not_thin_them_out():
    weight = np.random.default_rng(SEED).gamma(2.0, size=20_000)
    weight[[3, 4]] = 0.003 * weight.sum(), 0.0
    kept = thin(weight, 5000, SEED)
    assert abs(len(kept) - 5000) < 5 * np.sqrt(5000)
    assert 3 in kept
    assert 4 not in kept
    value = np.arange(len(weight)) / len(weight)
    mean, deviation = np.average(value, weights=weight), np.sqrt(1 / 12)
    assert abs(value[kept].mean() - mean) < 5 * deviation / np.sqrt(len(kept)) + 0.003
    heavy = np.where(np.arange(20_000) < 10, 1.0, 1e-4)  # they are most of the mass: nothing may be clipped away
    assert len(thin(heavy, 5000, SEED)) < 50


def test_interrupted_nested_sampling_goes_on_to_the_same_samples(gaussian, tmp_path):
    whole = Target(*gaussian)
    expected = sample_nested(whole, 100, SEED, live_points=100)
    target, path = Target(*gaussian), tmp_path / "states" / "state.h5"
    evaluate = target.log_likelihood

    def fail(z):
        if target.calls > 0.6 * whole.calls:
            raise Stop
        return evaluate(z)

    target.log_likelihood = fail
    with pytest.raises(Stop):
        sample_nested(target, 100, SEED, live_points=100, progress=Progress(path), seconds=0.1)
    assert [file.name for file in path.parent.iterdir()] == ["state.h5"]
    progress = Progress(path)
    again = Target(*gaussian)
    found = sample_nested(again, 100, SEED, live_points=100, progress=progress)
    np.testing.assert_array_equal(found.z, expected.z)
    assert found.findings == expected.findings
    assert again.calls == whole.calls
    assert min(progress.earlier) > 0


def test_state_that_cannot_be_read_is_not_used(gaussian, tmp_path, caplog):
    path = tmp_path / "states" / "state.h5"
    path.parent.mkdir()
    path.write_bytes(b"no HDF5")
    draws = sample_nested(Target(*gaussian), 100, SEED, live_points=100, progress=Progress(path))
    assert "is not used" in caplog.text
    assert len(draws.z) > 20


def test_exact_samples_cost_no_likelihood_and_are_kept_on_disk(gaussian, tmp_path):
    found = refer(*gaussian, "exact")
    found.write(tmp_path / "exact.h5")
    kept = load_reference(tmp_path / "exact.h5")
    assert kept.likelihood_calls == 0
    assert (kept.method, kept.names, kept.seed) == ("exact", ("z0", "z1", "z2"), 1)
    np.testing.assert_array_equal(kept.draws.z, found.draws.z)
    np.testing.assert_array_equal(kept.samples(("z2", "z0")), found.draws.z[:, [2, 0]])
    assert_gaussian(kept.draws, *analytic(gaussian), 4000)


def test_seed_alone_decides_the_samples_and_torch_is_left_as_it_was(gaussian):
    state = torch.get_rng_state()
    first, again, other = (sample_nuts(Target(*gaussian), 2, 30, seed).z for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)


def test_coordinates_of_a_gaussian_make_it_a_unit_one(gaussian):
    white = whiten(Target(*gaussian), 2, 1)
    mean, covariance = analytic(gaussian)
    np.testing.assert_allclose(white.centre, mean, atol=1e-3)
    np.testing.assert_allclose(white.root @ white.root.T, covariance, rtol=1e-4, atol=1e-6)


def test_friction_takes_out_what_a_noisy_gradient_brings_in():
    """Unit normal posterior, gradients with noise of variance 4: with friction its width is that of the scheme, a
    linear recursion; without, it heats up (Chen, Fox & Guestrin 2014, section 3.1)."""

    def noisy(w, _):
        return (-0.5 * w**2 + 2.0 * torch.randn_like(w) * w).sum(), torch.empty(0)

    torch.manual_seed(1)
    step, friction = 0.1, 3.0
    start = torch.zeros(512, 1, dtype=torch.float64)
    kept = run_chains(noisy, start, 40, step, friction, gradient_noise=4.0, thinning=50)[:, 10:]
    naive = run_chains(noisy, start, 10, step, 0.0, thinning=50)[:, -1]
    momentum = 1 / (1 - step * friction / 2 - step / friction + 0.75 * step**2 - step**3 / (4 * friction))
    expected = momentum * (1 - step * friction / 2 + step**2 / 2)
    independent = kept.size / 2  # 50 steps are the 5 units of time in which the position forgets itself twice
    assert kept.var() == pytest.approx(expected, rel=4 * np.sqrt(2 / independent))
    assert kept.var() == pytest.approx(1.0, abs=0.05)
    assert naive.var() > 5


def test_method_that_the_simulator_cannot_serve_is_refused(line):
    from darksieve.problem.observation import make_observation

    with pytest.raises(DarksieveError, match="no log_likelihood"):
        refer(line, make_observation(line), "nuts")
