"""The studies that take a trained estimator, from simulations to figures, on the smallest lens."""

import importlib

import pytest
import yaml
from matplotlib.figure import Figure
from tests.conftest import simulate

from darksieve.inference.training import train
from darksieve.physics_ai.embedding_width.study import study as study_width
from darksieve.physics_ai.summary_theory.study import study as study_summaries
from darksieve.problem.box import Box
from darksieve.problem.theories import EmbeddingWidthConfig, SummaryTheoryConfig
from darksieve.store.reader import MemorySource

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def lens(tmp_path_factory):
    """Experiment and simulations."""
    from tests.conftest import REPOSITORY

    from darksieve.problem.experiment import Experiment

    folder = tmp_path_factory.mktemp("lens")
    record = yaml.safe_load((REPOSITORY / "config/experiments/lens-tiny.yaml").read_text())
    record["training"] |= {"epochs": 3}
    path = folder / "lens.yaml"
    path.write_text(yaml.safe_dump(record))
    experiment = Experiment.load(path, folder)
    return experiment, simulate(experiment, Box.full(experiment.prior.names), folder / "store", 600)


def assert_drawn(analysis, record):
    for draw in importlib.import_module(f"darksieve.figures.{analysis}").FIGURES.values():
        figure = draw(record)
        assert isinstance(figure, Figure)
        assert all(axes.get_xlabel() or axes.get_ylabel() for axes in figure.axes)


def test_theory_of_summaries_of_a_lens(lens):
    experiment, simulations = lens
    source = MemorySource(simulations)
    estimator, _ = train(experiment, Box.full(experiment.prior.names), source, {}, round_number=1)
    record = study_summaries(SummaryTheoryConfig(components=4, steps=300), experiment, estimator, simulations)
    assert len(record["strength"]["third"]["value"]) == 4
    assert record["bars"]["halves"]["statistic"] > 0.5  # few simulations; independent noise would be within 0.5 of zero
    assert_drawn("summary_theory", record)


def test_width_of_a_lens_embedding(lens):
    settings = EmbeddingWidthConfig(networks=3, simulations=400, tested=64, draws=200)
    record = study_width(settings, *lens)
    assert record["bars"]["slope"]["statistic"] == pytest.approx(-1.0, abs=0.15)
    kurtosis = [entry["kurtosis"] for entry in record["widths"]]
    assert kurtosis == sorted(kurtosis, reverse=True)
    assert 0.2 < record["bars"]["calibration"]["statistic"] < 1.3  # too cautious where a lens is known well: 0.5
    assert_drawn("embedding_width", record)
