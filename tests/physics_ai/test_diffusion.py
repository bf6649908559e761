"""Diffusion and Poisson flow against exact answers; the learned denoiser, its training, galaxies and sources."""

import math

import numpy as np
import pytest
import torch
from azula.denoise import GaussianDenoiser
from azula.linalg.covariance import FullCovariance
from azula.noise import VESchedule
from matplotlib.figure import Figure

from darksieve.figures.diffusion.ring import FIGURES
from darksieve.inference.posterior import MarginalSamples, Posterior
from darksieve.physics_ai.diffusion.exact.study import LinearGaussian, accuracy
from darksieve.physics_ai.diffusion.exact.study import study as study_exact
from darksieve.physics_ai.diffusion.field.study import field_covariance
from darksieve.physics_ai.diffusion.field.study import study as study_field
from darksieve.physics_ai.diffusion.galaxies.images import augment, procedural_galaxies
from darksieve.physics_ai.diffusion.galaxies.prior import GalaxyPrior
from darksieve.physics_ai.diffusion.galaxies.statistics import nearest_distance, power_spectrum, statistics
from darksieve.physics_ai.diffusion.inverse import apply, gaussian_posterior, sample_by_gradient, sample_posterior
from darksieve.physics_ai.diffusion.layers import Convolutions, Layers
from darksieve.physics_ai.diffusion.mixture import MixtureDenoiser, ring
from darksieve.physics_ai.diffusion.network import LearnedDenoiser, denoising_error, train
from darksieve.physics_ai.diffusion.process import Noise, entropy_production, log_likelihood
from darksieve.physics_ai.diffusion.ring.study import study as study_ring
from darksieve.physics_ai.diffusion.sources.peers import _Profile, fit_sersic, invert_smoothly
from darksieve.physics_ai.diffusion.sources.study import NOISE, draw_mocks
from darksieve.physics_ai.lattice_field.action import free_square
from darksieve.problem.diffusion import ExactConfig, FieldConfig, GalaxiesConfig, RingConfig
from darksieve.problem.errors import DarksieveError
from darksieve.problem.experiment import Experiment
from darksieve.problem.observation import make_observation

SCHEDULE = VESchedule(1e-2, 50.0)
MIXTURE = ring([0.2, 0.5, 0.3], 0.2)
POISSON = Noise(extra_dimensions=6)


def _generator(seed=1):
    return torch.Generator().manual_seed(seed)


def _time(sigma):
    return torch.tensor(math.log(sigma / 1e-2) / math.log(50.0 / 1e-2), dtype=torch.float64)


@pytest.mark.parametrize("noise", [Noise(), POISSON])
def test_density_of_the_noise_is_that_of_what_is_drawn(noise):
    """E exp(-z^2) over draws beside its integral over the plane, within four standard errors."""
    drawn = torch.exp(-noise.draw(40000, 2, _generator()).square().sum(dim=1))
    radius = torch.linspace(0.0, 30.0, 20001, dtype=torch.float64)
    places = torch.stack([radius, torch.zeros_like(radius)], dim=1)
    density = 2.0 * math.pi * radius * torch.exp(noise.log_density(places))
    assert float(torch.trapezoid(density, radius)) == pytest.approx(1.0, abs=1e-4)
    expected = float(torch.trapezoid(density * torch.exp(-(radius**2)), radius))
    assert abs(float(drawn.mean()) - expected) < 4 * float(drawn.std()) / 200


def test_exact_denoiser_is_tweedies_formula():
    denoiser, time = MixtureDenoiser(MIXTURE, SCHEDULE), _time(0.4)
    x = MIXTURE.draw(20, _generator()).requires_grad_()
    (score,) = torch.autograd.grad(denoiser.log_density(x, time).sum(), x)
    mean = denoiser(x, time).mean.detach()
    assert mean.numpy() == pytest.approx((x + 0.4**2 * score).detach().numpy(), abs=1e-10)


def test_exact_denoiser_of_poisson_flow_is_the_mean_of_charges_weighted_by_their_field():
    """A sum over a million charges with weights 1 / (distance^2 + r^2)^((N + D) / 2), r = sigma sqrt(D)."""
    charges, sigma = MIXTURE.draw(1000000, _generator()), 0.5
    x = torch.tensor([[0.3, 0.4], [2.0, -1.0]], dtype=torch.float64)
    square = (x[:, None] - charges).square().sum(dim=2)
    weight = (square + 6 * sigma**2) ** -4.0
    expected = (weight / weight.sum(dim=1, keepdim=True)) @ charges
    found = MixtureDenoiser(MIXTURE, SCHEDULE, POISSON)(x, _time(sigma)).mean
    assert found.numpy() == pytest.approx(expected.numpy(), abs=0.01)  # chance: below 2e-3


def test_poisson_flow_with_many_dimensions_is_diffusion():
    x, time = MIXTURE.draw(20, _generator()), _time(0.5)
    means = [
        MixtureDenoiser(MIXTURE, SCHEDULE, noise)(x, time).mean.numpy() for noise in (Noise(), Noise(200), POISSON)
    ]
    assert means[1] == pytest.approx(means[0], abs=5e-3)
    assert np.abs(means[2] - means[0]).max() > 0.02


@pytest.mark.parametrize("noise", [Noise(), POISSON])
def test_probability_flow_with_the_exact_score_gives_the_likelihood(noise):
    denoiser, x = MixtureDenoiser(MIXTURE, SCHEDULE, noise), MIXTURE.draw(60, _generator())
    found, _ = log_likelihood(denoiser, x, noise, MIXTURE.centre, MIXTURE.variance, 100)
    error = (found - denoiser.log_density(x, _time(1e-2))).abs()
    assert float(error.mean()) < 1e-3


def test_entropy_that_noise_produces_is_what_the_data_gain():
    """A Gaussian in the plane: h grows by ln of the ratio of standard deviations, for each axis."""
    variance = torch.tensor([1.0, 0.09], dtype=torch.float64)
    denoiser = GaussianDenoiser(torch.zeros(2), FullCovariance(torch.eye(2, dtype=torch.float64), variance), SCHEDULE)
    times = torch.linspace(0.0, 1.0, 81, dtype=torch.float64)

    def draw(generator):
        return variance.sqrt() * torch.randn(4000, 2, generator=generator, dtype=torch.float64)

    rates = entropy_production(denoiser, draw, times, 1)
    produced = float(torch.trapezoid(rates, torch.log(SCHEDULE.sigma(times))))
    gained = 0.5 * float(torch.log((variance + 50.0**2) / (variance + 1e-4)).sum())
    assert produced == pytest.approx(gained, abs=0.05)  # chance: 0.01 to 0.02


def test_posterior_samples_match_the_linear_gaussian_posterior_and_those_by_gradient_do_not():
    problem = LinearGaussian.draw(1)
    denoiser, y = problem.denoiser(SCHEDULE), problem.y.expand(512, -1)
    matched = sample_posterior(denoiser, problem.operator, y, problem.noise, 100, 5, 1)
    error, eigenvalues = accuracy(matched, *problem.posterior())
    assert error < 0.2  # of sixteen means of 512 samples the largest is off by 0.1 by chance
    assert eigenvalues.min() > 0.45
    assert eigenvalues.max() < 1.5
    by_gradient = sample_by_gradient(denoiser, problem.operator, y[:256], 100, 1)
    error, eigenvalues = accuracy(by_gradient, *problem.posterior())
    assert error > 0.3 or eigenvalues.max() > 2.0


def test_posterior_samples_do_not_come_out_nearer_to_zero_where_data_are_as_large_as_the_most_noise():
    mean, covariance = torch.full((4,), 50.0), torch.eye(4)
    operator, y = torch.eye(4), torch.full((4096, 4), 50.5)
    denoiser = LearnedDenoiser(mean, covariance, Layers(8, 1), SCHEDULE)
    drawn = sample_posterior(denoiser, operator, y, 0.5, 64, 5, 1)
    expected, spread = gaussian_posterior(mean, covariance, operator, y[0], 0.5)
    shift = (drawn.mean(dim=0) - expected) / spread.diagonal().sqrt()
    assert shift.abs().max() < 0.08  # five standard errors; noise around zero: 1


def test_samples_by_gradient_do_not_depend_on_the_size_of_the_batch():
    problem = LinearGaussian.draw(1)
    denoiser = problem.denoiser(SCHEDULE)
    few, many = (
        sample_by_gradient(denoiser, problem.operator, problem.y.expand(number, -1), 32, 1) for number in (64, 1024)
    )
    misfit = [float((problem.y - x @ problem.operator.T).square().mean().sqrt()) for x in (few, many)]
    assert misfit[0] == pytest.approx(misfit[1], rel=0.3)


def test_one_operator_each_is_one_for_all_where_they_are_the_same():
    operator, x = torch.randn(3, 5, generator=_generator()), torch.randn(8, 5, generator=_generator(2))
    assert apply(operator.expand(4, 3, 5), x).numpy() == pytest.approx(apply(operator, x).numpy(), abs=1e-6)


@pytest.mark.parametrize("shape", [Layers(8, 1), Convolutions((4, 4), (1, 1))], ids=["layers", "convolutions"])
def test_denoiser_before_training_is_the_wiener_filter(shape):
    covariance = field_covariance(4, 0.5)
    learned = LearnedDenoiser(torch.zeros(16), covariance, shape, SCHEDULE)
    power, axes = torch.linalg.eigh(covariance)
    exact = GaussianDenoiser(torch.zeros(16), FullCovariance(axes, power), SCHEDULE)
    x, time = torch.randn(5, 16, generator=_generator(), dtype=torch.float64), _time(0.7)
    assert learned(x, time).mean.detach().numpy() == pytest.approx(exact(x, time).mean.numpy(), abs=1e-5)


def test_training_lowers_the_error_of_what_is_not_gaussian():
    x = MIXTURE.draw(4000, _generator()).float()
    z, time = torch.randn(4000, 2, generator=_generator(2)), torch.full((4000,), float(_time(0.3)))
    torch.manual_seed(1)
    start = LearnedDenoiser.of(x, Layers(64, 1), SCHEDULE)
    with torch.no_grad():
        before = float(denoising_error(start, x, time, z).mean())
    trained, losses, _ = train(start, MIXTURE.draw, 300, 256, 1, learning_rate=2e-3)
    with torch.no_grad():
        after = float(denoising_error(trained, x, time, z).mean())
        best = float(
            denoising_error(MixtureDenoiser(MIXTURE, SCHEDULE), x.double(), time[0].double(), z.double()).mean()
        )
    assert losses[-1] < losses[0]
    assert best <= after < best + 0.5 * (before - best)


class _Stop:
    """An interruption that comes after so many questions."""

    def __init__(self, after):
        self.left = after

    def __bool__(self):
        self.left -= 1
        return self.left < 0

    def error(self, where):
        return DarksieveError("stopped", where=where)


def test_training_goes_on_from_its_checkpoint_to_the_same_weights(tmp_path):
    def start():
        torch.manual_seed(1)
        return LearnedDenoiser.of(MIXTURE.draw(500, _generator()), Layers(8, 1), SCHEDULE)

    def learn(**options):
        return train(start(), MIXTURE.draw, 30, 32, 1, **options)

    whole, losses, _ = learn()
    with pytest.raises(DarksieveError):
        learn(checkpoint=tmp_path / "training.checkpoint", interruption=_Stop(10))
    resumed, again, _ = learn(checkpoint=tmp_path / "training.checkpoint")
    assert again == losses
    (tmp_path / "broken.checkpoint").write_text("no checkpoint")
    assert learn(checkpoint=tmp_path / "broken.checkpoint")[1] == losses
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name])


def test_field_without_lens_has_the_variance_and_the_power_it_should():
    covariance = field_covariance(6, 0.7)
    assert covariance.diagonal().numpy() == pytest.approx(1.0)
    assert covariance.numpy() == pytest.approx(covariance.T.numpy())
    k = 2.0 - 2.0 * np.cos(2.0 * math.pi * np.arange(6) / 6)
    power = 1.0 / (k[:, None] + k + 0.49) ** 2
    assert torch.linalg.eigvalsh(covariance).numpy() == pytest.approx(np.sort(power.ravel() / power.mean()))
    assert free_square(6, 0.49) == pytest.approx(0.5 * np.sqrt(power).mean())


def test_procedural_galaxies_are_bright_in_the_middle_and_of_many_shapes():
    galaxies = procedural_galaxies(64, 16, _generator())
    assert torch.isfinite(galaxies).all()
    assert (galaxies >= 0).all()
    middle, edge = galaxies[:, 4:12, 4:12].mean(), galaxies[:, 0].mean()
    assert middle > 5 * edge
    found = statistics(galaxies)
    assert float(found["asymmetry"].quantile(0.9)) > 2 * float(found["asymmetry"].quantile(0.1))


def test_augmented_image_is_found_again_at_no_distance():
    galaxies = procedural_galaxies(20, 16, _generator())
    distance, match = nearest_distance(augment(galaxies, _generator(2)), galaxies)
    assert float(distance.max()) < 1e-3
    assert nearest_distance(procedural_galaxies(20, 16, _generator(3)), galaxies)[0].min() > 0.01
    assert match.shape == galaxies.shape


def test_statistics_of_images_that_are_known():
    offset = torch.arange(32) - 15.5
    disc = (torch.hypot(offset[:, None], offset) < 12).float()
    found = statistics(disc[None])
    assert float(found["concentration"]) == pytest.approx(5 * math.log10(2), abs=0.1)  # r80 / r20 = 2
    assert float(found["asymmetry"]) == pytest.approx(0.0, abs=1e-6)
    wave = torch.cos(2 * math.pi * 5 * torch.arange(32) / 32).expand(1, 32, 32)
    number, power = power_spectrum(wave)
    assert int(number[power.argmax()]) == 5


def _gaussian_prior(side):
    """A prior of smooth fields that shine on average."""
    torch.manual_seed(1)
    shape = Convolutions((4, 4), (1, 1))
    denoiser = LearnedDenoiser(torch.full((side**2,), 0.3), field_covariance(side, 0.5), shape, SCHEDULE).eval()
    return GalaxyPrior(denoiser, GalaxiesConfig(real=0.0), [1.0], 2.0)


def test_prior_is_read_as_it_was_written_and_another_file_is_refused(tmp_path):
    prior = _gaussian_prior(8)
    prior.save(tmp_path / "prior.pt")
    again = GalaxyPrior.load(tmp_path / "prior.pt")
    assert again.settings.real == 0.0
    assert torch.equal(again.draw(2, 5, steps=4), prior.draw(2, 5, steps=4))
    (tmp_path / "other.pt").write_text("no prior")
    with pytest.raises(DarksieveError, match="no prior of galaxies"):
        GalaxyPrior.load(tmp_path / "other.pt")


def test_reconstructions_find_a_sersic_source():
    truth = _Profile.on(32)(np.array([0.1, -0.05, math.log(0.3), 0.0, 0.2, 0.1, 1.0]))
    truth = truth / truth.square().mean().sqrt()
    (mock,) = draw_mocks(truth.reshape(1, 32, 32), _generator())
    profile = fit_sersic(mock.operator, mock.y, NOISE)
    smooth, strength = invert_smoothly(mock.operator, mock.y, NOISE)
    assert float((profile - mock.truth).square().mean().sqrt()) < 0.05
    assert float((smooth - mock.truth).square().mean().sqrt()) < 0.4
    residual = (mock.y - mock.operator @ smooth) / NOISE
    assert 0.8 < float(residual.square().mean()) < 1.2
    assert strength > 0


def test_source_behind_a_lens_is_found_to_the_noise(repository, tmp_path):
    """With the true lens, on an image that one Sersic source made; 8 samples, so that chi-squared is known to 5%."""
    experiment = Experiment.load(repository / "config/experiments/lens-tiny.yaml", repository)
    observation = make_observation(experiment)
    marginals = {
        (name,): MarginalSamples((name,), np.full((2, 1), value), np.zeros(2))
        for name, value in observation.truth.items()
    }
    _gaussian_prior(32).save(tmp_path / "prior.pt")
    settings = RingConfig(samples=8, steps=64)
    record = study_ring(settings, experiment, observation, Posterior(marginals, None, {}, {}), tmp_path / "prior.pt")
    assert record["chi_squared"]["Sersic"] == pytest.approx(1.0, abs=0.15)
    assert record["chi_squared"]["diffusion"] == pytest.approx(1.0, abs=0.2)
    assert np.array(record["source"]["mean"]).shape == (32, 32)
    assert isinstance(FIGURES["ring"](record), Figure)


@pytest.mark.slow
def test_full_study_of_exact_answers_passes_its_bars():
    assert study_exact(ExactConfig())["passed"]


@pytest.mark.slow
def test_full_study_of_a_lensed_field_passes_its_bars():
    assert study_field(FieldConfig())["passed"]
