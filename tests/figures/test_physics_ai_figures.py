"""Every figure of an analysis is drawn from what its study records."""

import importlib

import pytest
from matplotlib.figure import Figure

from darksieve.diagnostics.bars import bar, summarise_bars
from darksieve.problem.diffusion import ExactConfig, FieldConfig, GalaxiesConfig, SourcesConfig
from darksieve.problem.scinet import CollisionConfig, HeliocentricConfig, PendulumConfig, QubitsConfig
from darksieve.problem.spins import BoltzmannConfig, IsingConfig
from darksieve.problem.theories import (
    ConvergenceTheoryConfig,
    InteractingTheoryConfig,
    LatticeFieldConfig,
    LearnedDynamicsConfig,
    WideNetworksConfig,
)
from darksieve.publication.overview import SYSTEMS, map_figure, write_overview

SMALL = {
    "ising": IsingConfig(lattices=[4, 8], measurements=200, sweeps=200),
    "boltzmann": BoltzmannConfig(hidden=4, steps=20, repetitions=1, temperatures=20, chains=20, annealings=2, glass=3),
    "scinet.pendulum": PendulumConfig(steps=20),
    "scinet.collision": CollisionConfig(steps=20),
    "scinet.qubits": QubitsConfig(one_qubit=[1, 2, 3], two_qubits=[0, 6], steps=20),
    "scinet.heliocentric": HeliocentricConfig(steps=20),
    "interacting_theory": InteractingTheoryConfig(samples=1000, starts=1, steps=10, fields=256, digit_steps=1),
    "lattice_field": LatticeFieldConfig(trajectories=10, flow_steps=10, drawn=128),
    "learned_dynamics": LearnedDynamicsConfig(seeds=1, spring_steps=10, pendulum_steps=10, orbit_steps=10),
    "convergence_theory": ConvergenceTheoryConfig(maps=160),
    "diffusion.exact": ExactConfig(steps=10, samples=64),
    "diffusion.field": FieldConfig(fields=1024, steps=10, samples=32),
    "wide_networks": WideNetworksConfig(widths=[4, 16, 64], networks=1000, deep_networks=1000),
}


LONGER = {"interacting_theory", "lattice_field", "learned_dynamics", "diffusion.exact", "diffusion.field"}


@pytest.mark.parametrize(
    "analysis", [pytest.param(name, marks=pytest.mark.slow) if name in LONGER else name for name in SMALL]
)
def test_figures_are_drawn_with_labelled_axes(analysis):
    _check_figures(analysis, importlib.import_module(f"darksieve.physics_ai.{analysis}.study").study(SMALL[analysis]))


@pytest.mark.slow
def test_figures_of_a_prior_of_galaxies_are_drawn(tmp_path):
    from darksieve.physics_ai.diffusion.galaxies.prior import learn_galaxies
    from darksieve.physics_ai.diffusion.galaxies.study import study as study_galaxies
    from darksieve.physics_ai.diffusion.sources.study import study as study_sources

    settings = GalaxiesConfig(drawn=64, real=0.0, steps=10, samples=16)
    learn_galaxies(settings).save(tmp_path / "prior.pt")
    _check_figures("diffusion.galaxies", study_galaxies(settings, tmp_path / "prior.pt"))
    sources = SourcesConfig(mocks=3, samples=2, steps=4)
    _check_figures("diffusion.sources", study_sources(sources, tmp_path / "prior.pt"))


def _check_figures(analysis, record):
    for draw in importlib.import_module(f"darksieve.figures.{analysis}").FIGURES.values():
        figure = draw(record)
        assert isinstance(figure, Figure)
        for axes in figure.axes:
            if axes.axison and len(axes.get_xticks()):
                assert axes.get_xlabel() or axes.get_ylabel() or axes.get_title()
    assert set(SYSTEMS[analysis.replace(".", "/")].known) <= set(record["bars"])


def test_overview_shows_what_was_found_beside_what_is_known(tmp_path):
    passed = {"critical temperature": bar(2.27, 2.2, 2.3, "where the < Binder > cumulants cross")}
    failed = {"gain": bar(0.1, 0.2, None, "gain of pairs")}
    images = [tmp_path / "binder.png", tmp_path / "maps.png"]
    for image in images:
        map_figure().savefig(image)
    cases, records = ["ising", "arcs/lens-mock"], [summarise_bars(passed), summarise_bars(failed)]
    page = write_overview(cases, records, images)
    for text in (
        "Binder cumulants of three lattices",
        "2.2692 (Onsager 1944)",
        "2.2 to 2.3",
        "&lt; Binder &gt;",
        "at least 0.2",
        "arcs, lens-mock",
    ):
        assert text in page
    assert page.count("FAILED") == 1
    assert page.count("data:image/png;base64,") == 3
    assert "http" not in page
