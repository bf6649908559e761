from fractions import Fraction

import numpy as np
import pytest
import torch

from darksieve.problem.errors import DarksieveError
from darksieve.problem.prior import one_dimensional_prior
from darksieve.simulators.tractable import Eggbox, GaussianMixture, LinearGaussian, RotatedGaussian, Torus, TwoBoards

CASES = {
    "linear": (LinearGaussian(dimension=2), [0.3, -0.5]),
    "rotated": (RotatedGaussian(noise=(0.05, 0.2)), [0.2, 0.9]),
    "mixture": (GaussianMixture(), [9.5, -3.0]),
    "eggbox": (Eggbox(dimension=2), [0.7, 0.95]),
    "torus": (Torus(noise=(0.1, 0.05, 0.2)), [0.57, 0.3, 0.7]),
}
PROPOSED = 400_000


def prior_draws(simulator, n, seed):
    generator = np.random.default_rng(seed)
    columns = [one_dimensional_prior(simulator.prior[name]) for name in simulator.parameters]
    return np.stack([column.quantile(generator.random(n)) for column in columns], axis=1)


@pytest.mark.parametrize("case", CASES)
def test_exact_samples_are_those_of_the_likelihood(case):
    """Against prior draws weighted by the likelihood: distribution functions differ by less than 5 standard errors."""
    simulator, x = CASES[case]
    z = prior_draws(simulator, PROPOSED, 1)
    signal = simulator.simulate(torch.from_numpy(z), torch.Generator())
    log_weight = simulator.log_likelihood({"x": torch.tensor(x, dtype=torch.float64)}, signal).numpy()
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    effective = 1 / (weight**2).sum()
    assert effective > 300
    exact = simulator.exact_samples(np.array(x), 20_000, 2)
    assert exact.shape == (20_000, len(simulator.parameters))
    for column in range(z.shape[1]):
        for edge in np.quantile(exact[:, column], [0.1, 0.3, 0.5, 0.7, 0.9]):
            share = (exact[:, column] < edge).mean()
            error = np.sqrt(share * (1 - share) * (1 / effective + 1 / 20_000))
            assert weight[z[:, column] < edge].sum() == pytest.approx(share, abs=5 * error)


@pytest.mark.parametrize("case", CASES)
def test_noise_has_the_density_of_the_likelihood(case):
    """The mean of exp(ln p(x|b) - ln p(x|a)) over x drawn from a is one."""
    simulator, _ = CASES[case]
    z = torch.from_numpy(prior_draws(simulator, 2, 3))
    near = torch.stack([z[0], z[0] + 0.01 * (z[1] - z[0])])
    signal = simulator.simulate(near, torch.Generator())["x"]
    draws = simulator.observe({"x": signal[:1].expand(50_000, -1)}, torch.Generator().manual_seed(1))["x"]
    log_density = [
        simulator.log_likelihood({"x": draws}, {"x": row.expand(50_000, -1)}) for row in (signal[0], signal[1])
    ]
    ratio = torch.exp(log_density[1] - log_density[0])
    assert float(ratio.mean()) == pytest.approx(1.0, abs=5 * float(ratio.std()) / np.sqrt(50_000) + 1e-9)


def test_linear_gaussian_posterior_is_that_of_a_prior_measured_once():
    simulator = LinearGaussian(dimension=1, noise=0.5, seed=3)
    a = float(simulator.matrix[0, 0])
    mean, covariance = simulator.exact_posterior(np.array([0.8]))
    precision = 1 + a**2 / 0.25
    assert covariance[0, 0] == pytest.approx(1 / precision)
    assert mean[0] == pytest.approx(a * 0.8 / 0.25 / precision)


def test_eggbox_keeps_all_modes():
    z = Eggbox(dimension=3).exact_samples(np.full(3, np.sin(np.pi / 4)), 4000, 1)
    modes, counts = np.unique(z > 0.5, axis=0, return_counts=True)
    assert len(modes) == 8
    assert counts.min() > 0.7 * 500


def test_options_that_make_no_sense_are_refused():
    with pytest.raises(DarksieveError, match="above zero"):
        LinearGaussian(noise=0.0)


def test_two_boards_give_the_fractions_of_the_textbook():
    assert TwoBoards.second_board([6]) == Fraction(5, 7)
    assert TwoBoards.second_board([3, 4, 5, 5, 7, 7]) == Fraction(96, 101)
    assert TwoBoards.second_board([1]) == 0
    assert TwoBoards.second_board([8, 2]) == 1


def test_balls_fall_as_the_likelihood_of_their_board_says():
    """Frequencies of 100,000 balls a board lie within five standard errors of the probabilities."""
    simulator = TwoBoards(balls=1)
    signal = simulator.simulate(torch.tensor([[0.5], [1.5]]), torch.Generator())
    drops = 100_000
    for shift in (0, 1):
        one = {"x": signal["x"][shift : shift + 1]}
        bins = simulator.observe({"x": one["x"].expand(drops, 1)}, torch.Generator().manual_seed(1))["x"]
        for ball in range(1, 9):
            likelihood = float(simulator.log_likelihood({"x": torch.tensor([float(ball)])}, one).exp() / 2**6)
            share = float((bins == ball).double().mean())
            assert share == pytest.approx(likelihood, abs=5 * (likelihood * (1 - likelihood) / drops) ** 0.5 + 1e-12)
    share = simulator.exact_samples(np.array([6.0]), drops, 1) > 1
    assert share.mean() == pytest.approx(5 / 7, abs=5 * (10 / 49 / drops) ** 0.5)
