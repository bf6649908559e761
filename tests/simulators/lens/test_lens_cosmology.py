import pytest
from astropy.cosmology import FlatLambdaCDM, LambdaCDM, Planck18

from darksieve.problem.errors import DarksieveError
from darksieve.simulators.lens.cosmology import lens_plane


def test_critical_surface_density_has_the_reference_value():
    plane = lens_plane(0.5, 2.0, FlatLambdaCDM(H0=70, Om0=0.3))
    assert plane.critical_surface_density == pytest.approx(2.07862e15, rel=1e-5)
    assert plane.distance_lens == pytest.approx(1259.08, abs=0.01)
    assert plane.distance_source == pytest.approx(1726.62, abs=0.01)
    assert plane.distance_lens_source == pytest.approx(1097.08, abs=0.01)


def test_planck_scale_at_redshift_one_half():
    assert 1e3 / lens_plane(0.5, 2.0).arcsec_per_mpc == pytest.approx(6.291, abs=5e-4)


@pytest.mark.filterwarnings("ignore:Use ``angular_diameter_distance")
def test_lens_source_distance_equals_astropy():
    expected = Planck18.angular_diameter_distance_z1z2(0.5, 2.0).to_value("Mpc")
    assert lens_plane(0.5, 2.0).distance_lens_source == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("redshifts", [(2.0, 0.5), (0.5, 0.5), (0.0, 1.0), (-1.0, 1.0), (0.5, float("inf"))])
def test_redshifts_out_of_order_are_refused(redshifts):
    with pytest.raises(DarksieveError, match="the lens lies between us and the source"):
        lens_plane(*redshifts)


def test_a_curved_universe_is_refused():
    with pytest.raises(DarksieveError, match="use a flat one"):
        lens_plane(0.5, 2.0, LambdaCDM(H0=70, Om0=0.3, Ode0=0.6))
