import pytest
import torch

from darksieve.problem.block_factor import BlockFactor, factorise


@pytest.fixture
def covariance():
    """Of 11 elements, those three apart or more being independent."""
    torch.manual_seed(1)
    distance = (torch.arange(11)[:, None] - torch.arange(11)).abs()
    root = torch.randn(11, 11, dtype=torch.float64)
    return (root @ root.T + torch.eye(11)) * (1 - distance / 3).clamp_min(0)


def factor_of(covariance):
    places = torch.arange(len(covariance)).split(3)  # the last block is smaller
    return factorise(len(places), lambda i, j: covariance[places[i]][:, places[j]])


def test_factor_solves_like_the_dense_cholesky_factor(covariance):
    factor, values = factor_of(covariance), torch.randn(4, 11, dtype=torch.float64)
    lower = torch.linalg.cholesky(covariance)
    torch.testing.assert_close(factor.solve(values), torch.linalg.solve(lower, values.T).T)
    torch.testing.assert_close(factor.solve_transposed(values), torch.linalg.solve(lower.T, values.T).T)
    assert factor.log_determinant == pytest.approx(float(covariance.logdet()), rel=1e-12)


def test_factor_without_blocks_is_the_unit_matrix():
    values = torch.randn(2, 5)
    assert torch.equal(BlockFactor().solve(values), values)
    assert torch.equal(BlockFactor().solve_transposed(values), values)
    assert BlockFactor().log_determinant == 0


def test_factor_goes_to_another_precision_and_keeps_its_determinant(covariance):
    factor = factor_of(covariance)
    single = factor.to(torch.zeros(1))
    assert single.solve(torch.ones(1, 11)).dtype == torch.float32
    assert single.log_determinant == factor.log_determinant
