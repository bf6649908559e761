"""Every figure has a caption, and every caption a figure."""

import importlib

import pytest

from darksieve.cli.analyse import ANALYSES
from darksieve.cli.analyse_images import IMAGE_ANALYSES
from darksieve.cli.plot import FIGURES
from darksieve.figures.captions import CAPTIONS, ILLUSTRATIONS, caption_of


def test_every_figure_of_an_experiment_has_a_caption():
    assert set(CAPTIONS) == set(FIGURES)


@pytest.mark.parametrize("analysis", [*ANALYSES, *IMAGE_ANALYSES])
def test_every_figure_of_an_analysis_has_a_caption(analysis):
    for figure in importlib.import_module(f"darksieve.figures.{analysis.replace('/', '.')}").FIGURES:
        assert caption_of(analysis, figure).endswith(".")


def test_captions_of_analyses_that_share_a_name_differ():
    assert caption_of("arcs/lens-mock", "maps") == ILLUSTRATIONS["maps"]
    assert caption_of("convergence_theory", "maps") == ILLUSTRATIONS["convergence_theory/maps"] != ILLUSTRATIONS["maps"]
