import numpy as np
import pytest
import swyft
import torch

from darksieve.problem.errors import DarksieveError
from darksieve.problem.simulator import Simulator, load_simulator, simulate_checked


class SwyftLine(swyft.Simulator):
    """A simulator as swyft's users write them, noise included."""

    def __init__(self, points=5, noise=0.1):
        super().__init__()
        self.transform_samples = swyft.to_numpy32
        self.points, self.noise = points, noise

    def build(self, graph):
        z = graph.node("z", lambda: np.random.uniform(-1, 1, 2))
        y = graph.node("y", lambda z: z[0] + z[1] * np.linspace(-1, 1, self.points), z)
        graph.node("x", lambda y: y + self.noise * np.random.normal(size=self.points), y)


SWYFT = {"parameters": ["intercept", "slope"], "node": "z", "targets": ["x"], "options": {"points": 7}}


def test_swyft_simulator_runs_behind_the_contract(repository):
    simulator = load_simulator(f"{__file__}:SwyftLine", SWYFT, repository)
    assert list(simulator.parameters) == ["intercept", "slope"]
    z = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    x = simulate_checked(simulator, z, torch.Generator().manual_seed(1))["x"]
    assert x.shape == (2, 7)
    expected = z[:, :1] + z[:, 1:] * torch.linspace(-1, 1, 7)
    assert (x - expected).abs().max() < 0.5  # five standard deviations of the noise


def test_swyft_simulator_is_seeded_by_the_generator_alone(repository):
    simulator = load_simulator(f"{__file__}:SwyftLine", SWYFT, repository)
    z = torch.zeros(3, 2)
    first, second = (simulator.simulate(z, torch.Generator().manual_seed(5))["x"] for _ in range(2))
    other = simulator.simulate(z, torch.Generator().manual_seed(6))["x"]
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert not torch.equal(first[0], first[1])


def test_class_that_is_no_simulator_is_told_what_it_lacks(repository):
    with pytest.raises(DarksieveError, match="has no `parameters`"):
        load_simulator("collections:OrderedDict", {}, repository)


def test_abstract_simulator_takes_no_options():
    class Nothing(Simulator):
        parameters = ("a",)

        def simulate(self, z, generator):
            return {"x": z}

    with pytest.raises(DarksieveError, match="unknown options"):
        Nothing(colour="red")
    signal = Nothing().simulate(torch.zeros(2, 1), torch.Generator())
    assert Nothing().observe(signal, torch.Generator()) is signal


def test_file_that_does_not_compile_is_one_line(tmp_path):
    (tmp_path / "broken.py").write_text("def f(:\n")
    with pytest.raises(DarksieveError, match="cannot be imported: SyntaxError") as raised:
        load_simulator("broken.py:F", {}, tmp_path)
    assert "\n" not in str(raised.value)
