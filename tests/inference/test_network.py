import numpy as np
import pytest
import torch

from darksieve.inference.embeddings import (
    ROWS_A_COMPONENT,
    SOFTENING,
    Compress,
    PrincipalSummary,
    Standardise,
    choose_embedding,
)
from darksieve.inference.network import ConditionalRatios, RatioNetwork


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


def test_principal_summary_holds_the_best_linear_estimate():
    """For a linear signal in white noise its error is the Wiener filter's, known in closed form."""
    torch.manual_seed(1)
    n, d, sigma = 6000, 30, 0.5
    z, design = torch.randn(n, 2), torch.randn(2, d)
    signal = z @ design
    summary = PrincipalSummary(d, 2, 3)
    summary.fit(signal, signal + sigma * torch.randn(n, d), z, torch.zeros(n, d))
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
    summary = PrincipalSummary(d, 2, 1)
    summary.fit(signal, signal, torch.randn(n, 2), summary.project(signal))
    found = torch.nn.functional.normalize(summary.components[:, :3], dim=0)
    torch.testing.assert_close((design @ found).abs(), torch.eye(3), atol=0.05, rtol=0)


def test_principal_summary_learns_almost_nothing_by_heart():
    """Without information the linear estimate's R^2 over its own rows is that of chance, components / rows."""
    torch.manual_seed(1)
    n, d = 1000, 400
    signal, z = torch.randn(n, d), torch.randn(n, 2)
    summary = PrincipalSummary(d, 2, 1)
    summary.fit(signal, signal, z, summary.project(signal))
    components = int((summary.components.abs().sum(dim=0) > 0).sum())
    assert components == n // ROWS_A_COMPONENT
    y = summary(signal)[:, :2]
    determination = ((y - y.mean(dim=0)) * (z - z.mean(dim=0))).mean(dim=0) ** 2 / (y.var(dim=0) * z.var(dim=0))
    # R^2 of chance is beta-distributed: mean k / n = 0.05, standard deviation sqrt(2 k) / n = 0.01; five of them
    torch.testing.assert_close(determination, torch.full((2,), components / n), atol=0.05, rtol=0)


def test_learned_features_survive_a_fit_to_a_smaller_box():
    torch.manual_seed(1)
    z, design = torch.randn(4000, 3), torch.randn(3, 50)
    summary = PrincipalSummary(50, 3, 4)
    signal, noise = z @ design, 0.01 * torch.randn(4000, 50)
    summary.fit(signal, signal + noise, z, torch.zeros(4000, 50))
    smaller = (0.3 * z + torch.tensor([1.0, -0.5, 0.2])) @ design
    x = smaller + noise
    features = summary(x)[:, 3:]
    summary.fit(smaller, x, z, summary.project(x))
    # what is lost is the noise outside of the three components of the smaller box
    torch.testing.assert_close(summary(x)[:, 3:], features, atol=0.02, rtol=0)


@pytest.fixture
def network():
    torch.manual_seed(1)
    return RatioNetwork({"y": (10,)}, ["a", "b", "c"], ["a", "c"], [("b", "c")], joint=True).eval()


def test_network_gives_the_marginals_that_were_asked_for(network):
    batch = {"y": torch.randn(4, 10), "z": torch.randn(4, 3)}
    output = network(batch, {"z": torch.randn(8, 3)})
    assert output["one"].logratios.shape == (8, 2)
    assert output["one"].parnames.tolist() == [["a"], ["c"]]
    assert output["two"].logratios.shape == (8, 1)
    assert np.asarray(output["two"].parnames).tolist() == [["b", "c"]]
    assert output["all"].logratios.shape == (8, 3)


def test_ratio_of_a_marginal_depends_on_its_own_parameters_alone(network):
    data, z = {"y": torch.randn(1, 10)}, torch.randn(6, 3)
    other = z.clone()
    other[:, 0] += 1
    before, after = network(data, {"z": z}), network(data, {"z": other})
    torch.testing.assert_close(before["one"].logratios[:, 1], after["one"].logratios[:, 1])
    torch.testing.assert_close(before["two"].logratios, after["two"].logratios)
    assert not torch.equal(before["one"].logratios[:, 0], after["one"].logratios[:, 0])


def test_conditional_ratio_sees_only_the_parameters_before_it():
    torch.manual_seed(1)
    ratios = ConditionalRatios(5, 3)
    summaries, context, z = torch.randn(7, 5), torch.randn(7, 3), torch.randn(7, 3)
    changed = context.clone()
    changed[:, 1] += 1
    before, after = ratios(summaries, context, z), ratios(summaries, changed, z)
    torch.testing.assert_close(before[:, :2], after[:, :2])
    assert not torch.equal(before[:, 2], after[:, 2])
    for k in range(3):
        conditional = ratios.conditional(summaries, context, z[:, k : k + 1], k)
        torch.testing.assert_close(conditional[:, 0], before[:, k])
