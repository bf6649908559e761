import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darksieve.problem.prior import LogUniform, Normal, Parameter, Prior, Uniform

PRIORS = [
    Uniform(-2.0, 5.0),
    LogUniform(0.1, 30.0),
    Normal(1.0, 2.0),
    Normal(0.0, 1.0, -0.5, 2.0),
]
units = st.floats(1e-6, 1 - 1e-6)


@pytest.mark.parametrize("prior", PRIORS, ids=str)
@given(u=units)
def test_quantile_inverts_the_cumulative_distribution(prior, u):
    assert prior.cumulative(prior.quantile(u)) == pytest.approx(u, abs=1e-9)


@pytest.mark.parametrize("prior", PRIORS, ids=str)
@given(u=units, v=units)
def test_quantile_is_monotonic(prior, u, v):
    assert (prior.quantile(u) <= prior.quantile(v)) == (u <= v) or np.isclose(prior.quantile(u), prior.quantile(v))


def test_normal_has_its_mean_and_standard_deviation():
    z = Normal(3.0, 0.5).quantile((np.arange(200_000) + 0.5) / 200_000)
    assert z.mean() == pytest.approx(3.0, abs=1e-6)
    assert z.std() == pytest.approx(0.5, rel=1e-4)


def test_log_uniform_is_uniform_in_the_logarithm():
    z = np.log(LogUniform(0.1, 10.0).quantile(np.linspace(0, 1, 11)))
    np.testing.assert_allclose(np.diff(z), np.log(100) / 10)


def test_bounded_normal_stays_in_its_bounds():
    z = Normal(0.0, 1.0, -0.5, 2.0).quantile(np.array([0.0, 1.0]))
    np.testing.assert_allclose(z, [-0.5, 2.0])


def test_product_maps_columns_by_their_own_prior():
    prior = Prior((Parameter("a", Uniform(0, 2)), Parameter("b", LogUniform(1, 100), "s", r"\beta")))
    z = prior.from_unit([[0.5, 0.5]])
    np.testing.assert_allclose(z, [[1.0, 10.0]])
    np.testing.assert_allclose(prior.to_unit(z), [[0.5, 0.5]])
    assert prior.columns(("b",)) == [1]


def test_record_holds_the_prior_to_the_last_digit():
    prior = Prior(tuple(Parameter(f"p{i}", one, "s", rf"\theta_{i}") for i, one in enumerate(PRIORS)))
    assert Prior.from_record(json.loads(json.dumps(prior.to_record()))) == prior
