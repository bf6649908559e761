import math

import numpy as np
import pytest
import torch
from astropy.io import fits

from darksieve.problem.errors import DarksieveError
from darksieve.simulators.lens import StrongLens
from darksieve.simulators.lens.sources import RealGalaxies, read_source

GALAXY = {"source_x": 0.1, "source_y": -0.05, "source_radius": 0.2, "log10_source_flux": 1.0}


def gaussian_galaxy(pixels=65, sigma=6.0, ratio=0.5, shift=(3.0, -2.0)):
    """An elliptical Gaussian, off the centre of its image."""
    y, x = np.indices((pixels, pixels)) - (pixels - 1) / 2
    return np.exp(-0.5 * (((x - shift[0]) / sigma) ** 2 + ((y - shift[1]) / (ratio * sigma)) ** 2))


def draw(source, number=1, seed=1, **changed):
    values = {name: torch.full((number, 1), v, dtype=torch.float64) for name, v in (GALAXY | changed).items()}
    return source.draw(values, torch.Generator().manual_seed(seed))


def on_a_grid(drawn, number=1, side=2.0, points=401):
    """Brightness (number, points, points) and the places along an axis [arcsec]."""
    axis = torch.linspace(-side, side, points, dtype=torch.float64)
    y, x = (values.reshape(1, -1) for values in torch.meshgrid(axis, axis, indexing="ij"))
    found = drawn.brightness(slice(0, number), x, y, torch.empty(2, number, x.numel(), dtype=torch.float64))
    return found.reshape(number, points, points), axis


def test_real_galaxy_has_the_flux_the_place_and_the_radius_that_were_asked_for():
    drawn = draw(RealGalaxies(gaussian_galaxy()[None]), number=4)
    images, axis = on_a_grid(drawn, number=4)
    cell = float(axis[1] - axis[0]) ** 2
    flux = images.sum(dim=(1, 2)) * cell
    torch.testing.assert_close(flux, torch.full((4,), 10.0, dtype=torch.float64), rtol=2e-3, atol=0)
    centre_x = (images * axis).sum(dim=(1, 2)) * cell / flux
    centre_y = (images * axis[:, None]).sum(dim=(1, 2)) * cell / flux
    torch.testing.assert_close(centre_x, torch.full_like(flux, 0.1), rtol=0, atol=1e-3)
    torch.testing.assert_close(centre_y, torch.full_like(flux, -0.05), rtol=0, atol=1e-3)
    near = torch.hypot(axis - 0.1, axis[:, None] + 0.05) < 0.2
    # the radius that holds half of the light is known to half a pixel of the galaxy's image, here 4%
    assert ((images * near).sum(dim=(1, 2)) * cell / flux - 0.5).abs().max() < 0.04


def test_every_image_has_another_galaxy_turned_in_another_way():
    """Galaxies are told apart by their ellipticity, turns by the direction of the second moments."""
    galaxies = np.stack([gaussian_galaxy(ratio=0.3), gaussian_galaxy(ratio=0.9)])
    number = 200
    images, axis = on_a_grid(draw(RealGalaxies(galaxies), number), number, points=101)
    weight = images / images.sum(dim=(1, 2), keepdim=True)
    x, y = axis - 0.1, axis[:, None] + 0.05
    xx, yy, xy = ((weight * product).sum(dim=(1, 2)) for product in (x * x, y * y, x * y))
    ellipticity = torch.hypot(xx - yy, 2 * xy) / (xx + yy)
    # (1 - q^2) / (1 + q^2) of the two ratios: 0.83 and 0.10
    round_ones = int((ellipticity < 0.4).sum())
    assert abs(round_ones - number / 2) < 5 * math.sqrt(number) / 2
    angle = 0.5 * torch.atan2(2 * xy, xx - yy)[ellipticity > 0.4]
    # the resultant of uniform directions of n axes is Rayleigh-distributed with scale 1 / sqrt(2 n); five of them
    resultant = torch.hypot(torch.cos(2 * angle).mean(), torch.sin(2 * angle).mean())
    assert float(resultant) < 5 / math.sqrt(2 * len(angle))


def test_lens_with_a_real_source_has_no_likelihood(tmp_path):
    np.savez(tmp_path / "galaxies.npz", images=gaussian_galaxy()[None])
    source = {"galaxies": {"file": str(tmp_path / "galaxies.npz"), "dataset": "images"}}
    simulator = StrongLens(pixels=24, pixel_scale=0.12, source=source)
    with pytest.raises(DarksieveError, match="drawn anew"):
        simulator.log_likelihood({"image": torch.zeros(24, 24)}, {"image": torch.zeros(1, 24, 24)})


def write_images(folder, *images):
    for number, image in enumerate(images):
        fits.writeto(folder / f"{number}.fits", image.astype(np.float32))


def test_folder_of_fits_images_of_different_sizes_is_a_source(tmp_path, lens_values):
    write_images(tmp_path, gaussian_galaxy(33, sigma=3.0), gaussian_galaxy(65))
    simulator = StrongLens(pixels=24, pixel_scale=0.12, source={"galaxies": {"folder": str(tmp_path)}})
    assert [name for name in simulator.parameters if "source" in name] == list(GALAXY)
    z = torch.tensor([[lens_values[name] for name in simulator.parameters]] * 3)
    first, again, other = (simulator.simulate(z, torch.Generator().manual_seed(seed))["image"] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other, rtol=0.01)
    assert not torch.allclose(first[0], first[1], rtol=0.01)
    assert torch.isfinite(first).all()


def test_components_add_up(lens_values):
    z = lens_values | {name.replace("source", "source_2"): v for name, v in lens_values.items() if "source" in name}
    z |= {"source_2_radius": 0.05, "source_2_x": -0.02, "log10_source_2_flux": 0.5}
    both = StrongLens(pixels=24, pixel_scale=0.12, source={"sersic": 2})
    one = StrongLens(pixels=24, pixel_scale=0.12)
    assert both.parameters[15:] == tuple(name.replace("source", "source_2") for name in one.parameters[8:15])

    def image(simulator, values):
        row = torch.tensor([[values[name] for name in simulator.parameters]], dtype=torch.float64)
        return simulator.simulate(row, torch.Generator())["image"]

    second = z | {name: z[name.replace("source", "source_2")] for name in one.parameters[8:15]}
    torch.testing.assert_close(image(both, z), image(one, z) + image(one, second), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("galaxy", "write"),
        ({"sersic": 0}, "sersic"),
        ({"sersic": 2, "galaxies": {"folder": "b"}}, "not both"),
        ({"galaxies": {"file": "a.npz"}}, "give"),
        ({"galaxies": {"file": "a.npz", "dataset": "images", "folder": "b"}}, "give"),
        ({"galaxies": {"file": "nowhere.npz", "dataset": "images"}}, "no such file"),
        ({"galaxies": {"folder": "nowhere"}}, "no FITS files"),
    ],
)
def test_option_that_is_wrong_is_one_line(option, message):
    with pytest.raises(DarksieveError, match=message) as caught:
        read_source(option)
    assert "option source" in str(caught.value)


@pytest.mark.parametrize(
    "images", [np.ones((65, 65)), -gaussian_galaxy()[None], np.full((1, 65, 65), np.nan), np.ones((1, 4, 4))]
)
def test_images_without_a_galaxy_are_refused(images):
    with pytest.raises(DarksieveError):
        RealGalaxies(images)
