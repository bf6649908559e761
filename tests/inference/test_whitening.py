import pytest
import torch

from darksieve.inference.whitening import RIDGE, Whitening

SIZE, DRAWS = 12, 8000
TAPS = torch.tensor([0.3, 1.0, 0.3])


def smooth_noise(n, seed):
    """Noise (n, SIZE, SIZE) of images, smoothed with TAPS along both axes."""
    noise = torch.randn(n, 1, SIZE + 2, SIZE + 2, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.conv2d(noise, torch.outer(TAPS, TAPS)[None, None])[:, 0]


def smooth_covariance():
    """Of the elements (SIZE^2, SIZE^2), by the matrix that smooths them."""
    smoothing = torch.stack([torch.nn.functional.pad(TAPS, (i, SIZE - 1 - i)) for i in range(SIZE)]).double()
    return torch.kron(smoothing @ smoothing.T, smoothing @ smoothing.T)


@pytest.mark.parametrize(("whiten", "least", "most"), [(True, 1.0, 1.15), (False, 1.7, 3.0)])
def test_projections_lose_little_once_the_noise_is_white(whiten, least, most):
    """Widths of linear estimates from the signal's own directions, beside those from all elements."""
    torch.manual_seed(1)
    covariance, design = smooth_covariance(), torch.randn(SIZE**2, 2, dtype=torch.float64)
    exact = torch.linalg.inv(design.T @ torch.linalg.solve(covariance, design)).diagonal()
    directions = torch.linalg.qr(design).Q
    if whiten:
        white = Whitening([smooth_noise(DRAWS, 1)])
        directions = white.transposed(torch.linalg.qr(white(design.T.float()).T).Q.T).T.double()
    seen, noise = directions.T @ design, directions.T @ covariance @ directions
    found = torch.linalg.inv(seen.T @ torch.linalg.solve(noise, seen)).diagonal()
    # seen: 1.07 to 1.10 with whitening (taper and 8000 draws), 2.0 without
    assert ((found / exact).sqrt() >= least).all()
    assert ((found / exact).sqrt() <= most).all()


def test_transposed_is_the_transpose():
    white = Whitening([smooth_noise(500, 1), torch.randn(500, 3)])
    matrix = white(torch.eye(SIZE**2 + 3)).T
    torch.testing.assert_close(white.transposed(torch.eye(SIZE**2 + 3)), matrix, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("shape", [(), (30,), (8, 9), (2, 5, 6)])
@pytest.mark.parametrize("amplitude", [0.0, 3.0])
def test_white_noise_and_none_at_all_stay_as_they_are(shape, amplitude):
    torch.manual_seed(1)
    x = torch.randn(4, *shape).reshape(4, -1)
    white = Whitening([amplitude * torch.randn(20_000, *shape)])
    assert torch.equal(white(x), x)
    assert torch.equal(white.transposed(x), x)


def test_masked_elements_do_not_spoil_the_others():
    noise = smooth_noise(DRAWS, 1)
    noise[:, :, :4] = 0
    x = smooth_noise(2, 3)
    x[:, :, :4] = 0
    found = Whitening([noise])(x.flatten(1)).unflatten(1, (SIZE, SIZE))
    assert found.isfinite().all()
    assert float(found[:, :, :4].abs().max()) < RIDGE


def test_arrays_are_independent_of_each_other():
    one, other = smooth_noise(1000, 1), smooth_noise(1000, 2)
    both = Whitening([one, other])(torch.cat([one.flatten(1), other.flatten(1)], dim=1))
    torch.testing.assert_close(both[:, : SIZE**2], Whitening([one])(one.flatten(1)))
