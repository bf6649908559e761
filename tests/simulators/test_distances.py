import numpy as np
import pytest
import torch
from astropy.cosmology import Flatw0waCDM

from darksieve.simulators.distances import ComovingDistance, expansion_rate

HUBBLE_DISTANCE = 2997.92458  # Mpc, for H0 = 100


def column(value):
    return torch.tensor([[value]], dtype=torch.float64)


@pytest.mark.parametrize("omega_m", [0.01, 0.3, 0.99])
@pytest.mark.parametrize(("w0", "wa"), [(-1.0, 0.0), (-3.0, -3.0), (-3.0, 2.0), (1.0, -3.0), (1.0, 2.0)])
def test_distances_are_those_of_astropy_at_the_corners_of_the_prior(omega_m, w0, wa):
    redshift = [2.33, 0.01, 0.5, 0.5, 1.1]  # in no order, one twice
    cosmology = Flatw0waCDM(H0=100, Om0=omega_m, w0=w0, wa=wa, Tcmb0=0)
    expected = cosmology.comoving_distance(redshift).value / HUBBLE_DISTANCE
    found = ComovingDistance(redshift)(column(omega_m), column(w0), column(wa))[0]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    rate = expansion_rate(torch.tensor(redshift), column(omega_m), column(w0), column(wa))[0]
    np.testing.assert_allclose(rate, cosmology.efunc(redshift), rtol=1e-6)


def test_many_cosmologies_at_once_are_each_alone():
    distance = ComovingDistance([0.3, 2.0])
    omega_m, w0, wa = torch.rand(3, 5, 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    together = distance(omega_m, -w0, wa)
    for row in range(5):
        alone = distance(omega_m[row : row + 1], -w0[row : row + 1], wa[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone)
