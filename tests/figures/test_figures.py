"""Every figure is drawn, says its units, and shows what it was given."""

import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from darksieve.diagnostics.calibration import average_posterior, expected_coverage, rank_uniformity
from darksieve.diagnostics.energy import Cost, Job, Power, account
from darksieve.diagnostics.ensemble import ensemble_spread
from darksieve.diagnostics.misspecification import compare_summaries
from darksieve.figures.calibration import (
    average_figure,
    coverage_figure,
    joint_figure,
    misspecification_figure,
    ranks_figure,
    spread_figure,
    truncation_figure,
)
from darksieve.figures.data import observation_figure, position_figure, residuals_figure
from darksieve.figures.energy import energy_figure
from darksieve.figures.inference import posterior_figure, rounds_figure, shrinking_figure, training_figure
from darksieve.figures.interpret import (
    attribution_figure,
    layers_figure,
    localisation_figure,
    sensitivity_figure,
    summary_space_figure,
)
from darksieve.figures.reference import chains_figure, comparison_figure
from darksieve.figures.style import ACCENT, COLOURS, DOUBLE, MAIN, SINGLE, save
from darksieve.inference.posterior import MarginalSamples, Posterior
from darksieve.problem.observation import Observation
from darksieve.problem.prior import Normal, Parameter, Prior, Uniform
from darksieve.problem.simulator import Description
from darksieve.reference.result import Draws, Reference

GENERATOR = np.random.default_rng(1)
NAMES = ("mass", "radius", "flux")


def texts(figure):
    found = [text.get_text() for text in figure.texts]
    for axes in figure.axes:
        found += [axes.get_xlabel(), axes.get_ylabel(), axes.get_title(), *(t.get_text() for t in axes.texts)]
    return " ".join([*found, *(t.get_text() for t in (figure._suptitle, figure._supxlabel, figure._supylabel) if t)])


def posterior(joint=True, pairs=()):
    samples = GENERATOR.normal(size=(2000, 3))
    marginals = {(n,): MarginalSamples((n,), samples[:, [i]], np.zeros(2000)) for i, n in enumerate(NAMES)}
    for pair in pairs:
        columns = [NAMES.index(n) for n in pair]
        marginals[pair] = MarginalSamples(pair, samples[:, columns], np.zeros(2000))
    everything = MarginalSamples(NAMES, samples, np.zeros(2000)) if joint else None
    return Posterior(marginals, everything, {"mass": "solMass"}, {"mass": "M"}, {"experiment": "x"})


@pytest.fixture
def image():
    data = GENERATOR.normal(size=(16, 16)).astype(np.float32)
    return Observation({"image": data}, {}, {"image": Description("electron / s", "d", 0.05)}, {"mass": 0.1})


def test_observation_has_units_on_every_axis(image):
    shown = texts(observation_figure(image))
    assert "arcsec" in shown
    assert "electron / s" in shown


def test_vectors_are_drawn_as_curves():
    figure = observation_figure(Observation({"y": np.arange(5, dtype=np.float32)}))
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_ydata(), np.arange(5))


def test_residuals_say_their_verdict(image):
    summary = {"reduced_chi_squared_of_best_draw": 1.3, "neighbour_correlation": 0.2, "statistic": 0.004, "draws": 200}
    summary |= {"passed": False, "undecided": False}
    predictive = {"best": image.x, "residual": image.x, "noise": image.x, "band": {}}
    shown = texts(residuals_figure(image, predictive, summary))
    assert "misfit" in shown
    assert "1.30" in shown
    assert "residual / noise" in shown


def test_curves_are_shown_with_the_bands_of_what_draws_predict():
    x = np.array([3.0, 1.0, 2.0])
    data = {"velocity": np.array([30.0, 10.0, 20.0], np.float32)}
    description = Description("km / s", "V", coordinate=tuple(x), coordinate_label="radius [kpc]")
    band = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])[:, None] + data["velocity"]
    predictive = {"best": data, "residual": {"velocity": np.zeros(3)}, "noise": {"velocity": np.ones(3)}}
    summary = {"reduced_chi_squared_of_best_draw": 1.0, "neighbour_correlation": 0.0, "statistic": 0.5, "draws": 200}
    summary |= {"passed": True, "undecided": False}
    observation = Observation(data, {}, {"velocity": description})
    figure = residuals_figure(observation, {**predictive, "band": {"velocity": band}}, summary)
    bands = figure.axes[0].collections[:2]
    wide, narrow = (np.array([path.vertices[:, 1] for path in drawn.get_paths()]) for drawn in bands)
    assert (wide.min(), wide.max()) == (8.0, 32.0)
    assert (narrow.min(), narrow.max()) == (9.0, 31.0)
    assert "radius [kpc]" in texts(figure)
    assert "$V$ [km / s]" in texts(figure)


def subhalo():
    names = ("x_sub", "y_sub", "log10_m_sub")
    samples = GENERATOR.normal(0.3, 0.01, size=(2000, 3))
    marginals = {(n,): MarginalSamples((n,), samples[:, [i]], np.zeros(2000)) for i, n in enumerate(names)}
    marginals[names[:2]] = MarginalSamples(names[:2], samples[:, :2], np.zeros(2000))
    return Posterior(marginals, None, {}, {}, {})


def test_position_of_a_subhalo_is_over_the_image_and_close_up(image):
    truth = {"x_sub": 0.3, "y_sub": 0.29, "log10_m_sub": 0.3}
    observation = Observation(image.x, {}, image.descriptions, truth)
    whole, near = position_figure(observation, subhalo()).axes[:2]
    assert whole.get_xlim() == (-0.4, 0.4)
    assert 0.2 < near.get_xlim()[0] < near.get_xlim()[1] < 0.4
    np.testing.assert_array_equal(near.lines[0].get_xydata(), [[0.3, 0.29]])


def test_boxes_shrink_from_the_prior_to_the_target():
    prior = Prior(
        (Parameter("mass", Uniform(-8, 8)), Parameter("radius", Normal(0, 1)), Parameter("flux", Normal(0, 1)))
    )
    boxes = [
        {"volume": 0.5**r, "bounds": {name: {"low": -8 / 2**r, "high": 8 / 2**r} for name in NAMES}} for r in (1, 2)
    ]
    figure = shrinking_figure(boxes, prior, posterior(pairs=(("radius", "flux"),)), None)
    assert len(figure.axes) == 2 * 4  # two planes; prior, two rounds, target
    widths = [figure.axes[number].patches[-1].get_width() for number in range(3)]
    assert widths == [16, 8, 4]
    assert "$M$ [solMass]" in texts(figure)
    assert "target" in texts(figure)


def test_reference_lies_over_the_posterior():
    samples = GENERATOR.normal(size=(500, 3))
    reference = Reference("nuts", NAMES, Draws(samples), 1, 1.0, 1.0, 1)
    figure = posterior_figure(posterior(), None, reference)
    assert "lines: NUTS" in texts(figure)
    plain = posterior_figure(posterior(), None)
    assert all(len(axes.collections) > len(other.collections) or len(axes.patches) > len(other.patches)
               for axes, other in zip(figure.axes, plain.axes))  # fmt: skip


@pytest.mark.parametrize(
    ("joint", "pairs", "panels"),
    [(True, (), 6), (False, (("radius", "mass"),), 4), (False, (), 3)],
)
def test_posterior_shows_the_marginals_that_were_estimated(joint, pairs, panels):
    figure = posterior_figure(posterior(joint, pairs), dict.fromkeys(NAMES, 0.0))
    assert len(figure.axes) == panels
    assert "$M$ [solMass]" in texts(figure)


@pytest.mark.parametrize("few", [3, 5, 9])
def test_no_label_of_a_corner_plot_is_cut(few):
    names = [f"p{i}" for i in range(few)]
    samples = 1e-3 * GENERATOR.normal(size=(300, few)) - 0.05
    marginals = {(n,): MarginalSamples((n,), samples[:, [i]], np.zeros(300)) for i, n in enumerate(names)}
    joint = MarginalSamples(tuple(names), samples, np.zeros(300))
    labels = dict.fromkeys(names, r"\log_{10} V_{200} / \mathrm{km\,s}^{-1}")
    figure = posterior_figure(Posterior(marginals, joint, {}, labels, {}), None)
    figure.draw_without_rendering()
    assert (figure.get_tightbbox().min >= 0).all()
    assert (figure.get_tightbbox().max <= figure.get_figwidth()).all()
    for axes in figure.axes:
        low, high = axes.get_xlim()
        assert all(low + 0.1 * (high - low) <= tick <= high - 0.1 * (high - low) for tick in axes.get_xticks())


def test_rounds_show_volume_and_how_they_ended():
    boxes = [
        {
            "names": list(NAMES),
            "lower": [0.1 * r] * 3,
            "upper": [1 - 0.1 * r] * 3,
            "volume": 0.5**r,
            "converged": r == 2,
        }
        for r in (1, 2)
    ]
    figure = rounds_figure(boxes, {})
    assert "settled" in texts(figure)
    np.testing.assert_allclose(figure.axes[1].lines[1].get_xdata(), [0.6] * 3)
    np.testing.assert_allclose(figure.axes[2].lines[0].get_ydata(), [1, 0.5, 0.25])


def test_audit_shows_every_round_and_marks_what_says_no():
    checks = {
        "held_out": {"passed": True, "lost": 1, "truths": 200},
        "edges": {"passed": False, "expected_range": [0, 0.01], "densities": {"a": [0.0, 0.3], "b": [1e-8, 1e-4]}},
    }
    later = checks | {"shift": {"passed": True, "expected_range": [0, 5], "shifts": {"a": 1.0, "b": -2.0}}}
    figure = truncation_figure({"rounds": [checks, later]})
    lost, edges, shifts = figure.axes
    assert lost.collections[0].get_offsets()[:, 1].tolist() == [1, 1]
    assert lost.get_ylabel() == "held-out truths lost, of 200"
    assert edges.lines[0].get_color() == ACCENT
    assert list(shifts.lines[0].get_ydata()) == [1.0, -2.0]


def test_stability_of_an_ensembles_boxes_is_shown_where_there_is_one():
    checks = {
        "held_out": {"passed": True, "lost": 0, "truths": 200},
        "edges": {"passed": True, "expected_range": [0, 0.01], "densities": {"a": [0.0, 1e-8]}},
        "stability": {"passed": False, "expected_range": [0, 0.1], "scatters": {"a": 0.3}},
    }
    stability = truncation_figure({"rounds": [checks]}).axes[3]
    assert stability.lines[0].get_color() == ACCENT
    assert list(stability.lines[0].get_ydata()) == [0.3]


def test_spread_shows_every_network_and_is_red_where_one_differs():
    position = np.linspace(-1, 1, 200)
    agree, differ = ([-((position - m) ** 2) / 0.02 for m in means] for means in ((0, 0.01), (0, 0.3)))
    members = [dict(zip(NAMES, profiles)) for profiles in zip(agree, differ)]
    record = ensemble_spread(members[0], members)
    figure = spread_figure(record, {"mass": "$M$"})
    assert [len(axes.lines) for axes in figure.axes] == [3, 3]
    assert [axes.lines[-1].get_color() for axes in figure.axes] == [MAIN, ACCENT]
    assert "2 networks" in texts(figure)


def test_joint_coverage_is_red_where_it_fails():
    curve = np.linspace(0, 1, 11)
    record = {"nominal": curve, "empirical": curve**2, "low": curve - 0.1, "high": curve + 0.1}
    record |= {"simulations": 500, "passed": False, "statistic": 1e-5}
    (axes,) = joint_figure(record).axes
    assert axes.lines[0].get_color() == ACCENT
    assert axes.get_ylabel() == "coverage (500 simulations)"


def test_training_marks_the_epoch_that_is_kept():
    history = [
        {"member": m, "epoch": i, "train_loss": -i, "validation_loss": (i - 3.0 - m) ** 2}
        for m in range(2)
        for i in range(1, 6)
    ]
    figure = training_figure([history, history])
    assert figure.axes[0].lines[2].get_xdata()[0] == 3
    assert "round 2" in texts(figure)


def test_calibration_figures_have_a_panel_a_parameter():
    values = {name: GENERATOR.random(300) for name in NAMES}
    assert len(coverage_figure(expected_coverage(values), {}).axes) == 3
    assert len(ranks_figure(rank_uniformity(values), {}).axes) == 3
    densities = {name: np.exp(0.1 * GENERATOR.normal(size=(300, 32))) for name in NAMES}
    assert len(average_figure(average_posterior(densities), {}).axes) == 3


def test_ranks_and_mean_posteriors_are_red_only_where_a_parameter_fails():
    ranks = {"mass": GENERATOR.random(300), "radius": GENERATOR.random(300) ** 2}
    ranks_of = [axes.lines[0].get_color() for axes in ranks_figure(rank_uniformity(ranks), {}).axes]
    tilt = np.linspace(0.5, 1.5, 32)
    densities = {name: t * np.exp(0.1 * GENERATOR.normal(size=(300, 32))) for name, t in zip(ranks, (1.0, tilt))}
    means = [axes.lines[1].get_color() for axes in average_figure(average_posterior(densities), {}).axes]
    assert ranks_of == means == [MAIN, ACCENT]


def test_misspecified_observation_is_a_red_line_beyond_the_simulations():
    simulated = GENERATOR.normal(size=(300, 4))
    figure = misspecification_figure(compare_summaries(simulated, np.full(4, 9.0)))
    for axes in figure.axes:
        simulations, observation = axes.lines
        assert observation.get_color() == ACCENT
        assert observation.get_xdata()[0] > max(simulations.get_xdata())


@pytest.mark.parametrize("convolutions", [0, 2])
def test_layers_show_what_is_read_from_each_and_what_convolutions_see(convolutions):
    layers = [{"name": f"dense {i}", "probes": {"a": 0.1 * i, "b": -0.1}} for i in range(1, 4)]
    for layer in layers[:convolutions]:
        layer |= {"maps": GENERATOR.normal(size=(6, 8, 8)), "receptive_field": 12}
    figure = layers_figure({"layers": layers}, {"a": "$a$"})
    heat, *panels = [axes for axes in figure.axes if axes.images]
    np.testing.assert_allclose(heat.images[0].get_array(), [[0.1, 0.2, 0.3], [0.0, 0.0, 0.0]])
    assert len(panels) == 6 * convolutions
    assert "unknown" in layers_figure({"layers": []}, {}).texts[0].get_text()


@pytest.mark.parametrize("shape", [(16, 16), (20,)], ids=["image", "vector"])
def test_attributions_have_a_panel_a_marginal_with_its_strength(shape):
    marginals = {
        name: {"attribution": {"integrated gradients": {"x": GENERATOR.normal(size=shape)}}}
        for name in ("mass", "mass-radius")
    }
    record = {"pixel_scale": {"x": 0.05}, "observation": {"x": GENERATOR.random(shape)}, "marginals": marginals}
    figure = attribution_figure(record, {"mass": "M"})
    assert len(figure.axes) == 3
    assert "M\n" in texts(figure)
    assert "M, radius\n" in texts(figure)
    assert "nat" in texts(figure)


@pytest.mark.parametrize("shape", [(16, 16), (20,)], ids=["image", "vector"])
def test_space_of_summaries_shows_every_parameter_and_the_neighbours(shape):
    record = {
        "dimension": 2.5,
        "spectrum": [2.0, 1.0, 0.1],
        "canonical_correlations": [0.99, 0.5],
        "probes": {name: {"linear": 0.2, "non_linear": 0.6} for name in NAMES},
        "map": {"simulations": GENERATOR.normal(size=(50, 2)), "observation": [0.0, 1.0], "nearest": [[0.1, 1.0]]},
        "nearest": [{"distance": 0.31, "data": {"x": GENERATOR.random(shape)}}],
        "observation": {"x": GENERATOR.random(shape)},
    }
    figure = summary_space_figure(record, {"mass": "M"})
    assert len(figure.axes) == 5
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["M", "radius", "flux"]
    assert "distance 0.31" in texts(figure)


def test_localisation_shows_every_mock_in_both_networks():
    maps = {name: GENERATOR.normal(size=(12, 12)) for name in ("trained", "random labels")}
    rates = {name: {"hit_rate": 0.5, "chance": 0.02} for name in maps}
    examples = [{"image": GENERATOR.random((12, 12)), "position": [0.1, 0.2], "maps": maps}] * 3
    figure = localisation_figure({"attribution": {"examples": examples, "pixel_scale": 0.1, "rates": rates}})
    assert len(figure.axes) == 9
    assert "hits 0.50, chance 0.020" in texts(figure)


def test_sensitivity_says_how_far_the_map_is_from_recovery():
    noticed = [[9.0, None, 9.5], [None, 9.2, None], [9.1, 9.3, 10.0]]
    axis = [-1.0, 0.0, 1.0]
    record = {
        "observation": GENERATOR.random((12, 12)), "pixel_scale": 0.25, "x": axis, "y": axis, "noticed": noticed,
        "masses": [8.5, 9.5, 10.5], "recovered": [[9.3]], "coarse": 3, "bars": {"agreement": {"statistic": 0.1}},
    }  # fmt: skip
    figure = sensitivity_figure({"sensitivity": record})
    assert "median difference 0.10 dex" in texts(figure)
    assert figure.axes[2].lines[0].get_xdata() == [9.2]


def energy(**jobs):
    """The account of jobs `rule__name=CPU seconds`, without counters."""
    costs = {name: Cost(seconds, seconds, 0.0, 1.0, None, None) for name, seconds in jobs.items()}
    made = [Job(*name.replace("_1", "-1").split("__"), cost) for name, cost in costs.items()]
    return account(made, Power(12.0, 200.0))


def test_energy_shows_every_posterior_and_stacks_the_stages():
    rounds = {"simulate__round_1": 100, "train__round_1": 300, "sample__sample": 50, "calibrate__calibrate": 60}
    stages, totals = energy_figure(energy(observe__observe=10, **rounds, refer__nuts=9000)).axes
    heights = [[bar.get_height() * 3.6e6 / 12 for bar in bars] for bars in stages.containers]
    np.testing.assert_allclose(heights, [[100, 0], [300, 0], [0, 60]], atol=1e-9)
    shown = totals.collections[0].get_offsets()[:, 0] * 3.6e6 / 12
    np.testing.assert_allclose(shown, [460, 360, 360, 60, 60, 9010])
    assert [label.get_text() for label in totals.get_yticklabels()][-1] == "NUTS, each"
    assert totals.get_title() == "estimated: 12 W a busy core"


def comparison(**changes):
    def marginals(shift=0.0):
        return {
            name: {"mean": i + shift, "standard_deviation": 0.5, "interval_68": [i + shift - 0.5, i + shift + 0.5]}
            for i, name in enumerate(NAMES)
        }

    correlation = (0.8 ** np.arange(50)).tolist()
    chains = {
        "chains": 4, "samples": 1000, "converged": True, "r_hat": {"mass": 1.002, "radius": 1.008, "flux": 1.001},
        "ess_bulk": {"mass": 900.0, "radius": 700.0, "flux": 650.0},
        "autocorrelation": dict.fromkeys(NAMES, correlation),
    }  # fmt: skip
    cost = {"likelihood_calls": 40_000, "cpu_seconds": 12.3}
    return {
        "passed": True, "undecided": False, "statistic": 0.4, "reference": "exact",
        "tmnre": {"simulations": 6000, "marginals": marginals(0.1)},
        "methods": {
            "exact": {"likelihood_calls": 0, "cpu_seconds": 0.003, "marginals": marginals()},
            "nuts": {**cost, "marginals": marginals(-0.05), "chains": chains, "divergences": 2},
        },
        **changes,
    }  # fmt: skip


def test_comparison_is_in_units_of_the_best_method_and_tells_the_costs():
    energy = {"posterior": {"kwh": 0.004}, "reference": {"exact": {"kwh": 1e-6}, "nuts": {"kwh": 0.0123}}}
    figure = comparison_figure(comparison(), energy, {"mass": "$M$"})
    marginals, calls, energies = figure.axes
    np.testing.assert_allclose(marginals.lines[3].get_xdata(), [0.2] * 3)  # after three lines at whole deviations
    assert [label.get_text() for label in marginals.get_yticklabels()] == ["$M$", "radius", "flux"]
    assert [text.get_text() for text in calls.texts] == ["6,000", "0", "40,000"]
    assert [text.get_text() for text in energies.texts] == ["0.004", "1e-06", "0.0123"]
    assert "agrees" in texts(figure)
    assert "differs" in texts(comparison_figure(comparison(passed=False, statistic=1.5), energy, {}))


def test_chains_show_the_worst_r_hat_and_effective_size():
    (axes,) = chains_figure(comparison(), {}).axes
    shown = axes.texts[0].get_text()
    assert "1.008 (radius)" in shown
    assert "650 (flux)" in shown
    assert "divergences: 2" in shown
    assert len(axes.lines) == len(NAMES) + 1


@pytest.mark.parametrize("suffix", ["pdf", "png"])
def test_equal_figures_are_equal_files(image, tmp_path, suffix):
    for name in "ab":
        save(observation_figure(image), tmp_path / f"{name}.{suffix}")
    assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_style_stays_inside_the_figures(image):
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    assert isinstance(observation_figure(image), Figure)
    assert dict(mpl.rcParams) == before


def lightness(colour):
    """CIE L* of a colour, which is what grey keeps."""
    channels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return 116 * np.cbrt(linear @ [0.2126, 0.7152, 0.0722]) - 16


def test_colours_of_lines_differ_in_grey():
    values = np.sort([lightness(colour) for colour in COLOURS])
    assert np.diff(values).min() > 7
    first_three = np.sort([lightness(colour) for colour in COLOURS[:3]])
    assert np.diff(first_three).min() > 20


def test_figures_are_as_wide_as_one_column_or_both():
    source = Path(__file__).resolve().parents[2] / "src/darksieve/figures"
    widths = [
        match for path in source.rglob("*.py") for match in re.findall(r"= new_figure\(([^,]+),", path.read_text())
    ]
    assert len(widths) > 50
    assert {width for width in widths if not re.search("SINGLE|DOUBLE", width)} <= {"size"}  # a corner plot's
    for few, many in ((3, SINGLE), (6, DOUBLE)):
        names = [f"p{i}" for i in range(few)]
        samples = GENERATOR.normal(size=(300, few))
        marginals = {(n,): MarginalSamples((n,), samples[:, [i]], np.zeros(300)) for i, n in enumerate(names)}
        joint = MarginalSamples(tuple(names), samples, np.zeros(300))
        assert posterior_figure(Posterior(marginals, joint, {}, {}, {}), None).get_figwidth() == many
