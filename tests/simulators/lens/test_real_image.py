"""What the experiment on the real ring assumes of its image, measured in the image."""

import h5py
import numpy as np
import pytest
import yaml


def test_noise_correlation_is_that_of_the_corners(mirror, repository):
    options = yaml.safe_load((repository / "config/experiments/lens-hst.yaml").read_text())["simulator"]["options"]
    with h5py.File(next(mirror.rglob("image_lens_system1_F390W.h5"))) as file:
        image = file["image_data"][:]
    y, x = (np.indices(image.shape) - (image.shape[0] - 1) / 2) * options["pixel_scale"]
    radius = np.hypot(x, y)
    corners = radius > 2.1  # arcsec: outside the ring
    smooth = np.stack([np.ones_like(x), 1 / radius, 1 / radius**2, x, y, x * y], axis=-1)[corners]
    coefficients, *_ = np.linalg.lstsq(smooth, image[corners])
    noise = np.full(image.shape, np.nan)
    noise[corners] = image[corners] - smooth @ coefficients
    pairs = [noise[1:] * noise[:-1], noise[:, 1:] * noise[:, :-1]]
    measured = np.mean([np.nanmean(pair) for pair in pairs]) / np.nanvar(noise)
    # 6,000 pixels: a standard error of 0.013 for white noise, of twice that for this
    assert measured == pytest.approx(options["noise_correlation"], abs=0.05)
