"""SciNet: the physics of its examples against closed forms, the network and its latent layer, and what it finds."""

import importlib
import math

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from torch.distributions import Normal, kl_divergence

from darksieve.physics_ai.scinet.collision import motion as collisions
from darksieve.physics_ai.scinet.heliocentric import sky
from darksieve.physics_ai.scinet.images.study import average, features
from darksieve.physics_ai.scinet.latents import correlations, fit_linear, match
from darksieve.physics_ai.scinet.network import (
    QuestionDecoder,
    SciNet,
    SteppingDecoder,
    divergence,
    perceptron,
    seeded,
)
from darksieve.physics_ai.scinet.pendulum import motion as pendulums
from darksieve.physics_ai.scinet.qubits import states
from darksieve.physics_ai.scinet.qubits.study import elbow
from darksieve.physics_ai.scinet.rotation import curves, sparc
from darksieve.physics_ai.scinet.training import Batch, Recipe, evaluate, train
from darksieve.problem.errors import DarksieveError
from darksieve.problem.scinet import HeliocentricConfig, PendulumConfig
from darksieve.simulators.rotation_curve import accelerated_velocity, nfw_velocity


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(3)


def small(latents=2, question=1, answer=1):
    with seeded(5):
        encoder = perceptron(4, (16,), 2 * latents) if latents else None
        return SciNet(encoder, QuestionDecoder(latents, question, (16,), answer), prior_scale=0.5)


@pytest.mark.parametrize("latents", [0, 1, 3])
def test_answers_have_a_row_for_each_question(latents, generator):
    reply = small(latents, question=2, answer=3)(torch.ones(5, 4), torch.ones(5, 7, 2), generator)
    assert reply.answer.shape == (5, 7, 3)
    assert reply.mean.shape == reply.log_scale.shape == (5, latents)


def test_each_question_is_answered_by_itself():
    network, observation = small(), torch.randn(5, 4)
    questions = torch.randn(5, 7, 1)
    together = network(observation, questions).answer
    alone = torch.cat([network(observation, questions[:, [i]]).answer for i in range(7)], dim=1)
    torch.testing.assert_close(together, alone)


def test_all_questions_about_an_observation_share_one_draw(generator):
    reply = small()(torch.randn(5, 4), torch.zeros(5, 7, 1), generator)
    torch.testing.assert_close(reply.answer, reply.answer[:, :1].expand(-1, 7, -1))
    assert not torch.equal(reply.answer, small()(torch.randn(5, 4), torch.zeros(5, 7, 1), generator).answer)


def test_a_network_without_latents_answers_the_same_whatever_it_saw():
    network, question = small(0), torch.randn(1, 7, 1).expand(5, -1, -1)
    answer = network(torch.randn(5, 4), question).answer
    torch.testing.assert_close(answer, answer[:1].expand(5, -1, -1))


def test_divergence_is_that_of_normal_distributions():
    mean, log_scale = torch.randn(6, 3), torch.randn(6, 3)
    expected = kl_divergence(Normal(mean, log_scale.exp()), Normal(0.0, 0.3))
    torch.testing.assert_close(divergence(mean, log_scale, 0.3), expected)
    assert divergence(torch.zeros(1, 1), torch.full((1, 1), math.log(0.3)), 0.3).item() == pytest.approx(0.0, abs=1e-6)


def test_stepping_decoder_moves_latents_at_a_constant_rate():
    decoder = SteppingDecoder(2, (8,), 2)
    decoder.rate.data = torch.tensor([0.5, -1.0])
    latent, steps = torch.randn(3, 1, 2), torch.tensor([4.0]).expand(3, 1, 1)
    later = latent + torch.tensor([2.0, -4.0])
    torch.testing.assert_close(decoder(latent, steps), decoder(later, torch.zeros(3, 1, 1)))


def test_seed_decides_the_weights_and_leaves_the_generator_of_torch():
    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)
    first, second = small(), small()
    torch.testing.assert_close(torch.rand(2), expected)
    for one, other in zip(first.parameters(), second.parameters()):
        torch.testing.assert_close(one, other)


def line(number, generator):
    """Two numbers seen, one asked back by its weight; two more that nobody needs."""
    seen, weight = torch.randn(number, 4, generator=generator), torch.rand(number, 3, 1, generator=generator)
    answer = weight * seen[:, None, :1] + (1 - weight) * seen[:, None, 1:2]
    return Batch(seen, weight, answer)


def test_training_finds_as_many_latents_as_the_answers_need(generator):
    with seeded(2):
        network = SciNet(perceptron(4, (32, 32), 8), QuestionDecoder(4, 1, (32, 32), 1))
    scores = train(network, line, line(500, generator), Recipe(800, beta=3e-3), seed=4)
    assert scores[-1].error < 0.1 < scores[0].error
    assert sum(kl > 0.05 for kl in scores[-1].divergence) == 2
    assert scores[-1].step == 800
    again = evaluate(network, line(500, torch.Generator().manual_seed(3)))
    assert again.error == pytest.approx(scores[-1].error, rel=1e-6)


def test_training_that_diverges_is_one_line(generator):
    def broken(number, generator):
        return line(number, generator)._replace(answer=torch.full((number, 3, 1), math.nan))

    with pytest.raises(DarksieveError, match="the loss is nan after 1 steps"):
        train(small(), broken, line(10, generator), Recipe(20, beta=0.0), seed=1)


def test_correlations_match_each_quantity_with_a_latent_of_its_own():
    quantities = np.random.default_rng(1).normal(size=(2000, 2))
    latents = np.column_stack([-quantities[:, 1], quantities[:, 0] + quantities[:, 1], quantities[:, 0]])
    table = correlations(latents, quantities)
    np.testing.assert_allclose(match(table), 1.0)
    np.testing.assert_allclose(table[1], np.sqrt(0.5), atol=0.03)


def test_pendulum_obeys_its_equation_of_motion():
    solved = solve_ivp(
        lambda _, y: [y[1], -7.0 * y[0] - 0.8 * y[1]], (0, 10), [1.0, -0.4], rtol=1e-9, t_eval=[3.0, 9.0]
    )
    found = pendulums.position(torch.tensor(7.0), torch.tensor(0.8), torch.tensor([3.0, 9.0]))
    np.testing.assert_allclose(found, solved.y[0], atol=1e-5)


@pytest.mark.parametrize("widened", [False, True])
def test_pendulums_are_asked_about_their_own_motion(widened, generator):
    batch = pendulums.draw_pendulums(3, widened)(50, generator)
    assert batch.observation.shape == (50, 50)
    assert batch.question.shape == batch.answer.shape == (50, 3, 1)
    torch.testing.assert_close(batch.observation[:, 0], torch.ones(50))
    early = torch.rand(50, 1, generator=torch.Generator().manual_seed(3))  # the same stiffness as the batch
    low, high = (4.0, 12.0) if widened else (5.0, 10.0)
    stiffness = low + (high - low) * early
    turning = (batch.observation[:, :49] > 0) & (batch.observation[:, 1:] <= 0)
    quarter = pendulums.TIMES[turning.float().argmax(dim=1) + 1]  # first zero, at a quarter of a period
    np.testing.assert_allclose(quarter, 0.5 * math.pi / stiffness.sqrt().squeeze(), rtol=0.15, atol=0.11)


def test_collisions_conserve_angular_momentum(generator):
    """Of the free particle, x v_y - y v_x at (0, 1), and the bound one's spin: after it, the spin that is left."""
    approach = collisions.sample_approaches(100, generator)
    momentum = collisions.angular_momentum(approach)
    v_x, step = torch.full((100, 1), 0.7), 1e-3
    before, after = (collisions.bound_position(momentum, v_x, torch.full((100, 1), t)) for t in (0.0, step))
    torch.testing.assert_close(before, torch.tensor([0.0, 1.0]).expand(100, 1, 2), atol=1e-6, rtol=0)
    spin = -(after - before)[..., 0] / step  # at the top, x falls as the angle grows
    torch.testing.assert_close(spin - v_x, approach.spin - approach.v_x, atol=1e-2, rtol=0)


def test_particles_meet_where_and_when_they_collide(generator):
    approach = collisions.sample_approaches(500, generator)
    x, y, free, bound_x, bound_y, bound = collisions.observe(approach, generator).split(collisions.SEEN, dim=1)
    noise = 5 * collisions.NOISE
    assert ((x + approach.v_x * (approach.duration - free)).abs() < noise).all()
    assert ((y + approach.v_y * (approach.duration - free) - 1).abs() < noise).all()
    assert ((bound_x**2 + bound_y**2).sqrt() - 1).abs().max() < noise
    angle = approach.spin * (approach.duration - bound)
    assert ((bound_x * angle.cos() - bound_y * angle.sin()).abs() < noise).all()


def test_probabilities_of_a_basis_add_to_one(generator):
    found = states.probability(states.random_states(20, 2, generator), torch.eye(4, dtype=torch.complex64))
    torch.testing.assert_close(found.sum(dim=1), torch.ones(20))
    batch = states.draw_states(2, 5, True, generator)(20, generator)
    assert batch.observation.shape == (20, 30)
    assert batch.question.shape == (20, 5, 30)
    assert batch.answer.min() >= 0
    assert batch.answer.max() <= 1


def test_random_states_are_spread_evenly(generator):
    """|<a|psi>|^2 has mean 1 / d and variance (d - 1) / (d^2 (d + 1)); within five standard errors."""
    found = states.probability(states.random_states(20000, 2, generator), torch.eye(4, dtype=torch.complex64)[:1])
    assert found.mean().item() == pytest.approx(0.25, abs=5 * math.sqrt(3 / 80 / 20000))
    assert found.var().item() == pytest.approx(3 / 80, rel=0.06)


@pytest.mark.parametrize(("qubits", "complete"), [(1, True), (1, False), (2, True), (2, False)])
def test_tomography_sees_as_many_numbers_as_its_probabilities_vary_along(qubits, complete, generator):
    """The rank of their Jacobian by the state's real and imaginary parts."""
    projectors = (states.random_states if complete else states.real_states)(30, qubits, generator)

    def probabilities(parts):
        state = torch.complex(*parts.chunk(2))
        return states.probability((state / torch.linalg.vector_norm(state))[None], projectors.to(state.dtype))[0]

    jacobian = torch.autograd.functional.jacobian(
        probabilities, torch.randn(2 * 2**qubits, dtype=torch.float64, generator=generator)
    )
    assert torch.linalg.matrix_rank(jacobian, rtol=1e-6) == states.degrees_of_freedom(qubits, complete)


def test_elbow_is_where_the_error_stops_to_fall():
    assert elbow([0, 1, 2, 3, 4], [0.3, 0.2, 0.1, 0.0102, 0.01]) == 3


def test_linear_fit_finds_a_linear_map():
    generator = np.random.default_rng(1)
    latents, matrix = generator.normal(size=(300, 2)), np.array([[1.0, -2.0], [0.5, 3.0]])
    fit = fit_linear(latents, latents @ matrix.T + [4.0, 5.0] + generator.normal(size=(300, 2)) * [0.0, 1e3])
    np.testing.assert_allclose(fit.coefficients[0], matrix[0])
    assert fit.constant[0] == pytest.approx(4.0)
    assert fit.explained[0] == pytest.approx(1.0)
    assert fit.explained[1] < 0.1
    np.testing.assert_allclose(fit(latents)[:, 0], latents @ matrix[0] + 4.0)


def test_mars_is_seen_where_the_law_of_sines_says():
    earth, mars = 6.0 * torch.rand(2, 200, dtype=torch.float64)
    sun, seen = sky.geocentric(earth, mars)
    found = sky.heliocentric(sun, seen)
    torch.testing.assert_close(found[0], earth)
    turns = (found[1] - mars) / (2 * math.pi)
    torch.testing.assert_close(turns, turns.round())


def test_mars_turns_back_at_opposition():
    """Earth, the faster, overtakes it: dtheta / dt < 0 where both stand on one side of the Sun."""
    steps = torch.tensor([-1.0, 1.0], dtype=torch.float64)
    rates = torch.tensor(sky.RATES, dtype=torch.float64)
    opposition, conjunction = (
        sky.geocentric(1.0 + rates[0] * steps, 1.0 + apart + rates[1] * steps)[1] for apart in (0.0, 3.0)
    )
    assert opposition[1] < opposition[0]
    assert conjunction[1] > conjunction[0]


def test_skies_have_no_jumps_and_begin_with_what_is_seen(generator):
    batch = sky.draw_skies(None)(200, generator)
    assert batch.answer.shape == (200, sky.STEPS + 1, 2)
    torch.testing.assert_close(batch.answer[:, 0], batch.observation)
    assert batch.answer.diff(dim=1).abs().max() < 0.5
    assert (batch.answer[..., 0].diff(dim=1) - sky.RATES[0]).abs().max() < 1e-5
    few = sky.draw_skies(4)(200, torch.Generator().manual_seed(3))
    all_of_them = sky.draw_skies(None)(200, torch.Generator().manual_seed(3)).answer
    torch.testing.assert_close(few.answer, all_of_them.gather(1, few.question.long().expand(-1, -1, 2)))


def test_exponential_disc_peaks_where_freeman_says_and_is_keplerian_far_out():
    """At 2.15 scale lengths; far out it goes as a point mass."""
    radius = torch.linspace(0.5, 5.0, 2000, dtype=torch.float64)
    mass, scale = torch.tensor(1e10, dtype=torch.float64), torch.tensor(1.0, dtype=torch.float64)
    assert radius[curves.disc_velocity(radius, mass, scale).argmax()].item() == pytest.approx(2.15, abs=0.01)
    far = torch.tensor(60.0, dtype=torch.float64)
    assert curves.disc_velocity(far, mass, scale).item() == pytest.approx(4.30091e-6 * 1e10 / 60, rel=0.01)


@pytest.mark.parametrize("universe", curves.UNIVERSES)
def test_mock_galaxies_obey_the_law_of_their_universe(universe, generator):
    batch, halo = curves.sample_galaxies(universe, 100, 5, generator)
    assert batch.observation.shape == (100, curves.OBSERVATION)
    radius, baryons = 10 ** batch.question[..., 0], 10 ** (2 * (batch.question[..., 1] + curves.TYPICAL))
    if universe == curves.UNIVERSES[0]:
        squared = accelerated_velocity(radius, baryons, torch.tensor(1.2))
    else:
        squared = baryons + nfw_velocity(radius, *(10**halo).split(1, dim=1))
    torch.testing.assert_close(batch.answer[..., 0], 0.5 * squared.log10() - curves.TYPICAL, atol=1e-4, rtol=0)
    ends = 10 ** batch.observation[:, -2:]
    assert (radius >= ends[:, :1] * 0.999).all()
    assert (radius <= ends[:, 1:] * 1.001).all()


def target(halo=(2.1, 0.9), points=20):
    radius = np.geomspace(1.0, 30.0, points)
    tensor = torch.from_numpy(radius)
    baryons = curves.disc_velocity(tensor, torch.tensor(3e10), torch.tensor(3.0)).numpy()
    velocity = np.sqrt(baryons + nfw_velocity(tensor, *(torch.tensor(10.0**value) for value in halo)).numpy())
    return sparc.Target(None, radius, velocity, 0.05 * velocity, baryons)


def test_halo_of_a_galaxy_is_found_again():
    np.testing.assert_allclose(sparc.fit_halo(target((2.1, 0.9))), (2.1, 0.9), atol=1e-4)


def test_acceleration_scale_of_an_exact_relation_is_found_again():
    galaxy = target()
    velocity = sparc.predict_velocity(torch.from_numpy(galaxy.radius), torch.from_numpy(galaxy.baryons), 1.7).numpy()
    scale, residuals = sparc.fit_scale(galaxy.radius, velocity, galaxy.baryons)
    assert scale == pytest.approx(1.7, rel=1e-3)
    np.testing.assert_allclose(residuals, 0.0, atol=1e-3)


def test_points_that_are_asked_about_are_not_those_seen():
    galaxy = target(points=9)
    data = sparc.split_galaxies([galaxy, target(points=30)], np.random.default_rng(1))
    assert data.observation.shape == (2, 16, curves.OBSERVATION)
    assert data.question.shape == (2, 16, 8, 2)
    ends = data.observation[0, :, -2:].numpy()
    asked = data.question[0, ..., 0].numpy()
    assert not np.isclose(asked[..., None], ends[:, None, :], atol=1e-6).any()
    truth = np.interp(asked, np.log10(galaxy.radius), np.log10(galaxy.velocity)) - curves.TYPICAL
    np.testing.assert_allclose(data.answer[0, ..., 0], truth, atol=1e-5)


def test_sparc_is_cut_as_published(mirror):
    """153 galaxies (McGaugh, Lelli & Schombert 2016) and 2696 points, three more than they print."""
    sample = sparc.read_sample(*(next(mirror.rglob(name)) for name in ("Rotmod_LTG.zip", "MasterSheet_SPARC.mrt")))
    assert (sample.galaxies, sample.points, len(sample.targets)) == (175, 3391, 153)
    assert sum(len(one.radius) for one in sample.targets) == 2696
    scale, residuals = sparc.fit_scale(*sample.pooled)
    assert scale == pytest.approx(1.16, abs=0.05)
    assert residuals.std() == pytest.approx(0.133, abs=0.005)


def test_averaged_images_keep_their_mean():
    images = np.random.default_rng(1).normal(size=(3, 8, 8))
    np.testing.assert_allclose(average(images, 2)[:, 0, 1], images[:, :4, 4:].mean(axis=(1, 2)))


def test_features_tell_places_apart():
    places = torch.cartesian_prod(torch.linspace(-1, 1, 9), torch.linspace(-1, 1, 9))
    distances = torch.cdist(features(places), features(places)) + 10 * torch.eye(81)
    assert distances.min() > 0.1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("example", "settings"), [("pendulum", PendulumConfig()), ("heliocentric", HeliocentricConfig())]
)
def test_full_studies_pass_their_bars(example, settings):
    record = importlib.import_module(f"darksieve.physics_ai.scinet.{example}.study").study(settings)
    assert record["passed"], record["bars"]
