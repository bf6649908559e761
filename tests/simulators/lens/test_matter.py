import numpy as np
import pytest

from darksieve.simulators.lens.halo_relations import CONCENTRATIONS, concentration
from darksieve.simulators.lens.matter import matter_field

MASSES = np.array([1e7, 1e8, 1e9, 1e10])
FROZEN = {  # colossus 1.4.0 at z = 0.5 in its Planck18, as 200c
    "duffy_2008": [13.60, 11.20, 9.23, 7.61],
    "dutton_maccio_2014": [18.61, 15.20, 12.41, 10.13],
    "ishiyama_2021": [16.23, 14.07, 12.01, 10.02],
}


@pytest.fixture(scope="module")
def field():
    return matter_field()


@pytest.fixture(scope="module")
def oracle(field):
    cosmology = pytest.importorskip("colossus.cosmology.cosmology")
    parameters = {
        "flat": True, "H0": 100 * field.hubble, "Om0": field.matter, "Ob0": field.baryons, "sigma8": field.sigma_8,
        "ns": field.spectral_index, "relspecies": False,
    }  # fmt: skip
    return cosmology.setCosmology("test", params=parameters, persistence="")


@pytest.mark.parametrize("relation", CONCENTRATIONS)
def test_concentrations_have_the_values_of_colossus(field, relation):
    # the transfer function is without the oscillations: 2% in the concentration that depends on it
    tolerance = 0.025 if relation == "ishiyama_2021" else 1e-3
    assert concentration(relation, MASSES, 0.5, field) == pytest.approx(FROZEN[relation], rel=tolerance)


@pytest.mark.parametrize("redshift", [0.0, 0.5, 1.5])
def test_variance_growth_and_mass_function_equal_colossus(field, oracle, redshift):
    from colossus.lss import mass_function, peaks

    radius = peaks.lagrangianR(MASSES * field.hubble)
    sigma = field.sigma(field.lagrangian_radius(MASSES)) * field.growth(redshift)
    assert sigma == pytest.approx(oracle.sigma(radius, redshift), rel=0.02)
    assert field.growth(redshift) == pytest.approx(oracle.growthFactor(redshift), rel=2e-3)
    theirs = mass_function.massFunction(
        MASSES * field.hubble, redshift, mdef="fof", model="sheth99", q_out="dndlnM"
    ) * field.hubble**3  # fmt: skip
    assert field.mass_function(MASSES, redshift) == pytest.approx(theirs, rel=0.02)
