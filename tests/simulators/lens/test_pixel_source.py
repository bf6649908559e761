"""A lens as a matrix: the same images as the simulator renders of the same pixels."""

import pytest
import torch

from darksieve.simulators.lens.pixel_source import PixelGrid, PixelSource, lens_operator
from darksieve.simulators.lens.strong_lens import StrongLens

LENS = StrongLens(pixels=20, pixel_scale=0.15, supersampling=2, psf={"gaussian": 0.25})
GRID = PixelGrid(pixels=12, scale=0.12, x=0.05, y=-0.1)
VALUES = {
    "einstein_radius": 1.0, "slope": 2.1, "lens_x": 0.02, "lens_y": 0.0, "lens_e1": 0.1, "lens_e2": -0.05,
    "shear_1": 0.03, "shear_2": 0.01,
}  # fmt: skip


@pytest.fixture
def values():
    return {name: torch.full((1, 1), value, dtype=torch.float64) for name, value in VALUES.items()}


@pytest.fixture
def images():
    return torch.randn(3, 12, 12, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_operator_gives_the_images_that_the_simulator_renders(values, images):
    operator = lens_operator(LENS, values, GRID)
    repeated = {name: value.expand(3, 1) for name, value in values.items()}
    rendered = LENS.render(repeated, PixelSource(GRID, images))
    scale = float(rendered.abs().max())
    assert (images.flatten(1) @ operator.T).numpy() == pytest.approx(rendered.flatten(1).numpy(), abs=1e-10 * scale)
    assert scale > 0.01


def test_brightness_at_the_centres_of_pixels_is_that_of_the_pixels(images):
    x, y = (values.reshape(1, -1) for values in GRID.coordinates())
    found = PixelSource(GRID, images).brightness(slice(None), x, y, torch.empty(0))
    assert found.numpy() == pytest.approx(images.flatten(1).numpy())
    numbers, weights = GRID.weights(x[0], y[0])
    assert (images[0].flatten()[numbers] * weights).sum(dim=0).numpy() == pytest.approx(images[0].flatten().numpy())


def test_light_far_from_the_grid_is_none():
    numbers, weights = GRID.weights(torch.tensor([5.0]), torch.tensor([0.0]))
    assert float(weights.abs().sum()) == 0.0
    assert (numbers >= 0).all()
