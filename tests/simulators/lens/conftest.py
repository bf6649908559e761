"""What the tests of the lens share: columns of parameters, rays, and a standard lens."""

import pytest
import torch

torch.set_num_threads(1)

LENS = {
    "einstein_radius": 1.2, "slope": 2.05, "lens_x": 0.01, "lens_y": -0.02, "lens_e1": 0.1, "lens_e2": -0.05,
    "shear_1": 0.02, "shear_2": 0.03, "source_x": 0.08, "source_y": 0.05, "source_radius": 0.2, "source_index": 1.5,
    "source_e1": 0.1, "source_e2": 0.1, "log10_source_flux": 1.3, "light_x": 0.02, "light_y": -0.01,
    "light_radius": 0.6, "light_index": 2.5, "light_e1": 0.1, "light_e2": -0.05, "log10_light_flux": 1.9,
    "x_sub": 0.93, "y_sub": 0.77, "log10_m_sub": 9.7,
}  # fmt: skip


@pytest.fixture
def columns():
    """Numbers (or lists of one number a lens) as parameters (B, 1)."""

    def make(*values, dtype=torch.float64):
        return [torch.as_tensor(value, dtype=dtype).reshape(-1, 1) for value in values]

    return make


@pytest.fixture
def lens_values():
    return dict(LENS)


@pytest.fixture
def parameters():
    """Rows z (n, P) of a simulator for the standard lens, each scattered a little by its own seed."""

    def make(simulator, rows=1, scatter=0.0, dtype=torch.float32):
        z = torch.tensor([[LENS[name] for name in simulator.parameters]] * rows, dtype=torch.float64)
        noise = torch.randn(z.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        return (z + scatter * noise).to(dtype)

    return make


@pytest.fixture
def rays():
    """Rays x, y (1, 2000) that cover 6 arcsec, none on a profile's centre."""

    def make(dtype=torch.float64, count=2000):
        points = torch.rand(2, 1, count, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
        x, y = (6 * points - 3).to(dtype)
        return x, y

    return make


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(42)
