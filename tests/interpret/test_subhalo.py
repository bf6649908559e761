"""Hits against chance, and the significance of a subhalo against what the simulator says of it."""

import numpy as np
import pytest
import torch
import yaml
from tests.conftest import REPOSITORY, simulate

from darksieve.interpret.subhalo import RADIUS, _crossing, hit_rates, peaks, significance
from darksieve.problem.box import Box
from darksieve.problem.experiment import Experiment


@pytest.fixture(scope="module")
def lens(tmp_path_factory):
    """A small lens with a subhalo, and simulations of it."""
    folder = tmp_path_factory.mktemp("lens")
    record = yaml.safe_load((REPOSITORY / "config/experiments/lens-subhalo-map.yaml").read_text())
    record["simulator"]["options"] |= {"pixels": 24, "pixel_scale": 0.13}
    path = folder / "lens.yaml"
    path.write_text(yaml.safe_dump(record))
    experiment = Experiment.load(path, folder)
    return experiment, simulate(experiment, Box.full(experiment.prior.names), folder / "store", 60)


def test_peaks_are_where_the_maps_are_strongest_whatever_their_sign():
    maps = np.zeros((2, 21, 31))
    maps[0, 4, 25], maps[1, 10, 15] = -1.0, 2.0
    maps[0, 16, 5] = 0.8
    assert peaks(maps, 0.1) == pytest.approx(np.array([[1.0, -0.6], [0.0, 0.0]]))


def test_hits_are_counted_beside_those_of_other_mocks():
    random = np.random.default_rng(1)
    truth = random.uniform(-1.5, 1.5, (400, 2))
    assert hit_rates(truth + 0.5 * RADIUS / np.sqrt(2), truth)[0] == 1.0
    hits, chance = hit_rates(random.uniform(-1.5, 1.5, (400, 2)), truth)
    expected = np.pi * RADIUS**2 / 9
    assert chance == pytest.approx(expected, rel=0.1)  # of the edge, half a radius is lost
    assert hits == pytest.approx(expected, abs=4 * np.sqrt(expected / 400))


def test_mass_is_where_values_stay_above_a_level():
    values = np.array([[0.0, 5.0, 0.0, 4.0], [2.0, 0.0, 1.0, 5.0], [4.0, 6.0, 2.0, 6.0]])
    assert _crossing(values, 3.0, np.array([8.0, 9.0, 10.0])) == pytest.approx([9.5, 9.5, np.inf, 8.0])


def test_significance_grows_with_mass_and_is_zero_for_the_lightest(lens):
    experiment, simulations = lens
    mass = experiment.prior.columns(("log10_m_sub",))[0]
    z = np.repeat(simulations.z[:1], 3, axis=0)
    z[:, experiment.prior.columns(("x_sub", "y_sub"))] = [-0.9, 0.7]
    z[:, mass] = [8.5, 9.5, 10.4]
    with torch.no_grad():
        image = experiment.simulator.simulate(torch.from_numpy(z), torch.Generator())["image"].numpy()
    found = significance(experiment, type(simulations)(z, {"image": image}, simulations.index[:3]))
    assert found[0] == pytest.approx(0, abs=1e-3)
    assert found[0] < found[1] < found[2]


def test_significance_is_less_than_without_other_parameters(lens):
    experiment, simulations = lens
    found = significance(experiment, simulations)
    lightest = simulations.z.copy()
    lightest[:, experiment.prior.columns(("log10_m_sub",))] = 8.5
    with torch.no_grad():
        smooth = experiment.simulator.simulate(torch.from_numpy(lightest), torch.Generator())["image"].numpy()
    background = 0.006
    at_most = np.sqrt((((simulations.x["image"] - smooth) / background) ** 2).sum(axis=(1, 2)))
    assert (found <= at_most * 1.001).all()
    assert found.max() > 10
