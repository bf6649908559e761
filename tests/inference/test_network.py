import numpy as np
import pytest
import torch
from scipy.stats import norm

from darksieve.inference.coordinates import Coordinates, log_normal_mass
from darksieve.inference.embeddings import (
    ROWS_A_COMPONENT,
    SOFTENING,
    Compress,
    PrincipalSummary,
    Standardise,
    choose_embedding,
)
from darksieve.inference.network import ConditionalRatios, RatioNetwork
from darksieve.inference.whitening import Whitening
from darksieve.problem.box import Box
from darksieve.problem.prior import Parameter, Prior, one_dimensional_prior


@pytest.mark.parametrize(
    ("shape", "kind"),
    [((64, 64), "cnn"), ((33, 47), "cnn"), ((3, 32, 32), "resnet"), ((20,), "mlp"), ((), "mlp"), ((4, 5), "auto")],
)
def test_embeddings_take_every_shape(shape, kind):
    assert choose_embedding(kind, shape, 12)(torch.randn(5, *shape)).shape == (5, 12)


def test_standardise_gives_mean_zero_and_deviation_one_and_survives_constants():
    x = torch.randn(500, 3) * torch.tensor([1.0, 10.0, 0.0]) + 5
    layer = Standardise((3,))
    layer.fit(x)
    y = layer(x)
    torch.testing.assert_close(y.mean(dim=0), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(y.std(dim=0), torch.tensor([1.0, 1.0, 0.0]), atol=1e-4, rtol=0)


def test_compression_is_linear_in_the_noise_and_logarithmic_above_it():
    layer = Compress((2,))
    layer.fit(torch.tensor([[-1e-3, 0.0], [1e-3, 0.0]]), torch.tensor([0.1, 1.0]))
    noise = torch.tensor([[0.1, -1.0]])
    torch.testing.assert_close(layer(noise), noise / layer.softening, rtol=0.03, atol=0)
    bright = torch.tensor([[1e5, -1e6]])
    expected = torch.log(bright.abs() / SOFTENING / torch.tensor([0.1, 1.0])) * bright.sign()
    torch.testing.assert_close(layer(bright), expected, rtol=1e-3, atol=0)


def test_network_keeps_the_wanted_principal_components():
    network = RatioNetwork({"y": (50,)}, PRIOR, ["a"], components=7)
    assert network.principal.components.shape == (50, 7)


def test_principal_summary_holds_the_best_linear_estimate():
    """For a linear signal in white noise its error is the Wiener filter's, known in closed form."""
    torch.manual_seed(1)
    n, d, sigma = 6000, 30, 0.5
    z, design = torch.randn(n, 2), torch.randn(2, d)
    signal = z @ design
    summary = PrincipalSummary(d, 2, 3, 96)
    noise = sigma * torch.randn(n, d)
    summary.fit(signal, signal + noise, z, torch.zeros(n, d), Whitening([noise]))
    y = summary(signal + sigma * torch.randn(n, d))[:, :2]
    # regressing z on the two summaries must leave the posterior variance
    fit = torch.linalg.lstsq(y, z).solution
    covariance = torch.linalg.inv(torch.eye(2) + design @ design.T / sigma**2)
    residual = (y @ fit - z).var(dim=0)
    # relative standard deviation of a variance from n draws: sqrt(2 / n) = 0.018; five of them
    torch.testing.assert_close(residual, covariance.diag(), rtol=0.1, atol=0)


def test_principal_summary_keeps_the_directions_that_stand_out():
    torch.manual_seed(1)
    n, d = 2000, 200
    design = torch.linalg.qr(torch.randn(d, 3)).Q.T
    signal = torch.randn(n, 3) @ (design * torch.tensor([[30.0], [20.0], [10.0]])) + 0.1 * torch.randn(n, d)
    summary = PrincipalSummary(d, 2, 1, 96)
    summary.fit(signal, signal, torch.randn(n, 2), summary.project(signal), Whitening([torch.zeros(n, d)]))
    found = torch.nn.functional.normalize(summary.components[:, :3], dim=0)
    torch.testing.assert_close((design @ found).abs(), torch.eye(3), atol=0.05, rtol=0)


def test_principal_summary_learns_almost_nothing_by_heart():
    """Without information the linear estimate's R^2 over its own rows is that of chance, components / rows."""
    torch.manual_seed(1)
    n, d = 1000, 400
    signal, z = torch.randn(n, d), torch.randn(n, 2)
    summary = PrincipalSummary(d, 2, 1, 96)
    summary.fit(signal, signal, z, summary.project(signal), Whitening([torch.zeros(n, d)]))
    components = int((summary.components.abs().sum(dim=0) > 0).sum())
    assert components == n // ROWS_A_COMPONENT
    y = summary(signal)[:, :2]
    determination = ((y - y.mean(dim=0)) * (z - z.mean(dim=0))).mean(dim=0) ** 2 / (y.var(dim=0) * z.var(dim=0))
    # R^2 of chance is beta-distributed: mean k / n = 0.05, standard deviation sqrt(2 k) / n = 0.01; five of them
    torch.testing.assert_close(determination, torch.full((2,), components / n), atol=0.05, rtol=0)


def test_learned_features_survive_a_fit_to_a_smaller_box():
    torch.manual_seed(1)
    z, design = torch.randn(4000, 3), torch.randn(3, 50)
    summary = PrincipalSummary(50, 3, 4, 96)
    signal, noise = z @ design, 0.01 * torch.randn(4000, 50)
    summary.fit(signal, signal + noise, z, torch.zeros(4000, 50), Whitening([noise]))
    smaller = (0.3 * z + torch.tensor([1.0, -0.5, 0.2])) @ design
    x = smaller + noise
    features = summary(x)[:, 3:]
    summary.fit(smaller, x, z, summary.project(x), Whitening([noise]))
    # what is lost is the noise outside of the three components of the smaller box
    torch.testing.assert_close(summary(x)[:, 3:], features, atol=0.02, rtol=0)


PRIOR = Prior(
    (
        Parameter("a", one_dimensional_prior({"uniform": [-1.0, 3.0]})),
        Parameter("b", one_dimensional_prior({"normal": [0.5, 2.0]})),
        Parameter("c", one_dimensional_prior({"log_uniform": [0.1, 10.0]})),
    )
)
BOX = Box(PRIOR.names, (0.1, 0.01, 0.3), (0.7, 0.9, 1.0))


@pytest.fixture
def network():
    torch.manual_seed(1)
    network = RatioNetwork({"y": (10,)}, PRIOR, ["a", "c"], [("b", "c")], joint=True).eval()
    network.coordinates.fit(draw(4000), BOX)
    return network


def draw(n):
    """Parameters (n, P) from the box."""
    return torch.from_numpy(PRIOR.from_unit(BOX.scale(np.random.default_rng(1).random((n, 3))))).float()


def test_network_gives_the_marginals_that_were_asked_for(network):
    batch = {"y": torch.randn(4, 10), "z": draw(4)}
    output = network(batch, {"z": draw(8)})
    assert output["one"].logratios.shape == (8, 2)
    assert output["one"].parnames.tolist() == [["a"], ["c"]]
    assert output["two"].logratios.shape == (8, 1)
    assert np.asarray(output["two"].parnames).tolist() == [["b", "c"]]
    # a and c alone, c given b and b alone for the pair, and for the joint posterior b given a, c given both
    assert network.conditionals.terms == [((), 0), ((), 2), ((), 1), ((1,), 2), ((0,), 1), ((0, 1), 2)]
    assert network.chains == [[2, 3], [0, 4, 5]]
    assert output["conditionals"].loss.shape == (6,)


def test_corrections_begin_at_zero(network):
    """The marginals of an untrained network are those of its conditional ratios."""
    data, z = {"y": torch.randn(1, 10)}, draw(6)
    output, t = network(data, {"z": z}), network.coordinates(z)
    terms = network.conditionals(network.summarise(data).expand(6, -1), t)
    torch.testing.assert_close(output["one"].logratios, terms[:, :2])
    torch.testing.assert_close(output["two"].logratios[:, 0], terms[:, 2] + terms[:, 3])


def test_ratio_of_a_marginal_depends_on_its_own_parameters_alone(network):
    data, z = {"y": torch.randn(1, 10)}, draw(6)
    other = z.clone()
    other[:, 0] += 1
    before, after = network(data, {"z": z}), network(data, {"z": other})
    torch.testing.assert_close(before["one"].logratios[:, 1], after["one"].logratios[:, 1])
    torch.testing.assert_close(before["two"].logratios, after["two"].logratios)
    assert not torch.equal(before["one"].logratios[:, 0], after["one"].logratios[:, 0])


def test_linear_estimates_are_where_training_begins():
    """Of a linear Gaussian problem they are the posterior, whose information is known: -1/2 ln(1 - R^2) a parameter."""
    torch.manual_seed(1)
    prior = Prior(tuple(Parameter(name, one_dimensional_prior({"normal": [0.0, 1.0]})) for name in "ab"))
    network, n, noise = RatioNetwork({"y": (4,)}, prior, ["a", "b"], joint=True), 8000, 0.5
    z, design = torch.randn(n, 2), torch.randn(2, 4)
    signal = {"y": z @ design}
    x = {"y": signal["y"] + noise * torch.randn(n, 4)}
    network.prepare(Box.full(prior.names), signal, z, lambda rows: {"y": x["y"][rows]})
    with torch.no_grad():
        found = network.conditionals(network.summarise(x), network.coordinates(z)).mean(dim=0)
    covariance = torch.linalg.inv(torch.eye(2) + design @ design.T / noise**2)
    alone = -0.5 * torch.log(covariance.diag())
    given = -0.5 * torch.log(1 / torch.linalg.inv(covariance)[1, 1])
    # of 8000 values of -ln r, whose standard deviation is below 1: five standard errors
    torch.testing.assert_close(found, torch.stack([alone[0], alone[1], given]), atol=5 / n**0.5, rtol=0)


def test_a_trained_conditional_is_not_replaced_by_a_worse_estimate(ratios):
    t = ratios.coordinates(draw(500))
    summaries = torch.randn(500, 5)
    with torch.no_grad():  # draws of the ratios themselves: nothing linear describes them better
        for term, column in enumerate(ratios.columns):
            t[:, column] = ratios.draw(summaries, t, term, torch.rand(500, 2)).float()
    kept = {name: values.clone() for name, values in ratios.named_parameters()}
    ratios.fit(summaries, t, slice(0, 0))
    for name, values in ratios.named_parameters():
        assert torch.equal(values, kept[name])


def test_ratios_keep_their_precision_where_the_embedding_has_half_of_it(network, monkeypatch):
    summary = network.summarise({"y": torch.randn(4, 10)}).detach()
    monkeypatch.setattr(network, "summarise", lambda x: summary)
    batch = {"z": draw(4)}
    expected = network(batch, {"z": draw(8)})
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = network(batch, {"z": draw(8)})
    for key in ("one", "two"):
        assert torch.equal(found[key].logratios, expected[key].logratios)
    assert torch.equal(found["conditionals"].loss, expected["conditionals"].loss)


def test_coordinates_are_standardised_logarithmic_where_the_prior_is_and_invertible():
    coordinates = Coordinates(PRIOR)
    z = draw(20_000).double()
    coordinates.fit(z, BOX)
    t = coordinates(z)
    torch.testing.assert_close(t.mean(dim=0), torch.zeros(3, dtype=torch.float64), atol=1e-6, rtol=0)
    torch.testing.assert_close(t.std(dim=0), torch.ones(3, dtype=torch.float64), atol=1e-6, rtol=0)
    torch.testing.assert_close(coordinates.inverse(t), z)
    assert np.corrcoef(t[:, 2], np.log(z[:, 2]))[0, 1] == pytest.approx(1.0)


def test_prior_density_integrates_to_one_over_the_box():
    coordinates = Coordinates(PRIOR)
    coordinates.fit(draw(4000), Box.full(PRIOR.names))
    low, high = coordinates.edges.clamp(-12, 12)
    cells = 20_000
    t = low + (high - low) * (torch.arange(cells)[:, None] + 0.5) / cells
    mass = coordinates.log_prior(t).exp().mean(dim=0) * (high - low)
    torch.testing.assert_close(mass, torch.ones(3, dtype=torch.float64), atol=1e-6, rtol=0)


@pytest.mark.parametrize(("low", "high"), [(-1.0, 2.0), (3.0, 3.5), (-9.0, -8.0), (10.0, 1e4), (-1e4, 1e4)])
def test_mass_of_a_normal_between_edges_is_precise_in_both_tails(low, high):
    found = log_normal_mass(torch.tensor(low, dtype=torch.float64), torch.tensor(high, dtype=torch.float64))
    low, high = (-high, -low) if low + high > 0 else (low, high)
    expected = norm.logcdf(high) + np.log1p(-np.exp(norm.logcdf(low) - norm.logcdf(high)))
    assert float(found) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.fixture
def ratios():
    """Conditional ratios with random weights: mixtures of uneven components."""
    torch.manual_seed(1)
    coordinates = Coordinates(PRIOR)
    coordinates.fit(draw(4000), BOX)
    ratios = ConditionalRatios(5, coordinates, [((), 0), ((0,), 1), ((0, 1), 2)])
    for values in (*ratios.linear.parameters(), *ratios.last.parameters()):
        torch.nn.init.normal_(values, std=0.3)
    return ratios


def test_conditional_ratio_sees_only_the_parameters_before_it(ratios):
    summaries, t = torch.randn(7, 5), ratios.coordinates(draw(7))
    changed = t.clone()
    changed[:, 1] += 0.1
    before, after = ratios(summaries, t), ratios(summaries, changed)
    torch.testing.assert_close(before[:, 0], after[:, 0])
    assert not torch.equal(before[:, 1], after[:, 1])
    assert not torch.equal(before[:, 2], after[:, 2])


def test_mean_of_a_conditional_ratio_over_the_prior_is_one(ratios):
    """So that it is normalised, whatever its weights are; the tolerance is five standard errors."""
    t = ratios.coordinates(draw(200_000))
    with torch.no_grad():
        ratio = ratios(torch.randn(1, 5).expand(len(t), -1), t).exp()
    # the first is an integral over its own parameter; those after it over all before them as well
    error = ratio.std(dim=0) / len(t) ** 0.5
    assert torch.all((ratio.mean(dim=0) - 1).abs() < 5 * error)


def test_draws_follow_the_conditional_ratios(ratios):
    """Prior draws weighted by the ratios and draws have the same distribution (Kolmogorov-Smirnov)."""
    n = 40_000
    t = ratios.coordinates(draw(n).double())
    given, summaries = t[:1].expand(n, -1).clone(), torch.randn(1, 5).expand(n, -1)
    for k in range(3):
        drawn = ratios.draw(summaries, given, k, torch.rand(n, 2, dtype=torch.float64)).detach()
        assert float(drawn.min()) >= float(ratios.coordinates.edges[0, k])
        assert float(drawn.max()) <= float(ratios.coordinates.edges[1, k])
        grid = given.clone()
        grid[:, k] = t[:, k].sort().values
        with torch.no_grad():
            weight = ratios(summaries, grid.float())[:, k].exp().double()
        cumulative = torch.cumsum(weight, dim=0) / weight.sum()
        uniform = np.interp(drawn.sort().values, grid[:, k], cumulative)
        # of drawn and prior samples: sqrt(2 / n) times the 1 - 1e-4 quantile of Kolmogorov's distribution, 2.2
        assert np.abs(uniform - (np.arange(n) + 0.5) / n).max() < 2.2 * (2 / n * max(1.0, float(weight.var()))) ** 0.5


def test_gradient_of_the_mass_is_finite_however_far_the_box():
    """In single precision torch's own derivative of log_ndtr is nan for some of these."""
    generator = torch.Generator().manual_seed(1)
    low = -(10 ** (6 * torch.rand(100_000, generator=generator)))
    high = 10 ** (6 * torch.rand(100_000, generator=generator))
    for edges in ((low, high), (low, low / 2), (high / 2, high)):
        edges = [edge.clone().requires_grad_() for edge in edges]
        mass = log_normal_mass(*edges)
        assert torch.isfinite(mass).all()
        mass.sum().backward()
        assert all(torch.isfinite(edge.grad).all() for edge in edges)


def test_far_tail_of_the_mass_continues_the_near_one():
    low = torch.linspace(-60.0, -20.0, 401, dtype=torch.float64)
    torch.testing.assert_close(log_normal_mass(low - 100, low), torch.special.log_ndtr(low), rtol=1e-9, atol=1e-8)


def test_gradient_of_the_mass_is_its_derivative():
    edges = torch.tensor([[-40.0, -35.0], [-31.0, -29.0], [-1.0, 2.0], [3.0, 3.5], [29.0, 31.0]], dtype=torch.float64)
    low, high = (edge.clone().requires_grad_() for edge in edges.T)
    assert torch.autograd.gradcheck(log_normal_mass, (low, high), rtol=1e-5)
