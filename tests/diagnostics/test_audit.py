import numpy as np
import pytest
from scipy.stats import norm

from darksieve.diagnostics.audit import audit_round, widen
from darksieve.diagnostics.calibration import expected_coverage
from darksieve.inference.profiles import Marginals
from darksieve.inference.truncation import truncate
from darksieve.problem.box import Box

CELLS = 2048
WIDTH = 0.02  # of the posterior, in the unit cube
THRESHOLD = 1e-4
SEEDS = 20


def profile(box, mean, width=WIDTH):
    """Exact log-ratios of a Gaussian posterior across a box of one parameter."""
    u = box.lower[0] + (box.upper[0] - box.lower[0]) * (np.arange(CELLS) + 0.5) / CELLS
    return -0.5 * ((u - mean) / width) ** 2


def truth_levels(generator, n, width=WIDTH, claimed=WIDTH):
    """Levels of truths whose posteriors have a width, and claim another."""
    return -0.5 * (width * generator.normal(size=n) / claimed) ** 2


def coverage_inside(generator, box, n=2000):
    """Expected coverage of exact posteriors inside the box, of truths and data drawn from it."""
    truth = generator.uniform(box.lower[0], box.upper[0], n)
    mean = truth + WIDTH * generator.normal(size=n)
    u = np.linspace(box.lower[0], box.upper[0], 513)
    density = np.exp(-0.5 * ((u[None] - mean[:, None]) / WIDTH) ** 2)
    at_truth = np.exp(-0.5 * ((truth - mean) / WIDTH) ** 2)
    mass = np.where(density > at_truth[:, None], density, 0).sum(axis=1) / density.sum(axis=1)
    return expected_coverage({"a": mass})


def test_box_cut_through_the_posterior_is_found_while_coverage_inside_it_stays_green():
    green = 0
    for seed in range(SEEDS):
        generator = np.random.default_rng(seed)
        mean = generator.uniform(0.3, 0.7)
        cut = mean + generator.uniform(-1.5, 2.5) * WIDTH
        box = Box(("a",), (0.1,), (cut,)) if seed % 2 else Box(("a",), (1 - cut,), (0.9,))
        observed = profile(box, mean if seed % 2 else 1 - mean)
        audit = audit_round(box, Marginals({"a": observed}, {"a": truth_levels(generator, 400)}), THRESHOLD)
        assert not audit.record["edges"]["passed"]
        assert audit.cut["a"] == ((False, True) if seed % 2 else (True, False))
        green += coverage_inside(generator, box)["passed"]
    assert green >= 17  # two levels at 99% each: more than three false alarms of 20 happen in 0.06% of cases


def test_right_boxes_pass_at_the_stated_rate():
    """200 rounds of right posteriors: only the held-out check is random, its false-alarm rate at most 1%."""
    failures = 0
    for seed in range(200):
        generator = np.random.default_rng(seed)
        mean = generator.uniform(0.3, 0.7)
        box = Box(("a",), (mean - 5 * WIDTH,), (mean + 5 * WIDTH,))
        before = Box(("a",), (0.0,), (1.0,))
        wider = profile(before, mean + 2 * WIDTH * generator.normal(), 2 * WIDTH)
        marginals = Marginals({"a": profile(box, mean)}, {"a": truth_levels(generator, 400)})
        failures += not audit_round(box, marginals, THRESHOLD, (before, Marginals({"a": wider}, {}))).passed
    assert failures <= 6  # binomial: more than 6 of 200 at 1% happen in 0.4% of cases


def test_estimator_that_is_too_sure_loses_held_out_truths():
    generator = np.random.default_rng(1)
    box = Box.full(["a"])
    levels = {"a": truth_levels(generator, 400, claimed=WIDTH / 2)}
    audit = audit_round(box, Marginals({"a": profile(box, 0.5)}, levels), THRESHOLD)
    assert not audit.record["held_out"]["passed"]
    assert audit.record["held_out"]["lost"] > 5


def test_posterior_that_jumps_is_found():
    before, box = Box.full(["a"]), Box(("a",), (0.3,), (0.7,))
    marginals = Marginals({"a": profile(box, 0.62)}, {"a": np.zeros(400)})
    audit = audit_round(box, marginals, THRESHOLD, (before, Marginals({"a": profile(before, 0.5)}, {})))
    assert not audit.record["shift"]["passed"]
    assert audit.record["shift"]["statistic"] == pytest.approx(6, abs=0.1)


def test_a_network_without_one_dimensional_marginals_has_nothing_to_audit():
    box, nothing = Box.full(["a"]), Marginals({}, {})
    assert audit_round(box, nothing, THRESHOLD, (box, nothing)).passed


def test_edges_of_the_prior_may_hold_density():
    box = Box(("a",), (0.0,), (0.2,))
    assert audit_round(box, Marginals({"a": profile(box, 0.0)}, {"a": np.zeros(400)}), THRESHOLD).passed


def test_edge_that_cut_moves_beyond_the_box_and_the_others_are_truncated():
    box = Box(("a",), (0.4,), (0.5,))
    observed = {"a": profile(box, 0.495)}
    audit = audit_round(box, Marginals(observed, {"a": np.zeros(400)}), THRESHOLD)
    new, _ = truncate(box, observed, THRESHOLD, 0.8)
    wider = widen(new, box, audit)
    assert wider.upper[0] == pytest.approx(0.55)
    assert wider.lower == new.lower


def test_all_edges_move_where_none_is_known_to_have_cut_and_stay_inside_the_box():
    generator = np.random.default_rng(2)
    box = Box.full(["a"])
    observed = {"a": profile(box, 0.05)}
    levels = {"a": truth_levels(generator, 400, claimed=WIDTH / 3)}
    audit = audit_round(box, Marginals(observed, levels), THRESHOLD)
    new, _ = truncate(box, observed, THRESHOLD, 0.8)
    wider = widen(new, box, audit)
    assert wider.lower[0] == 0.0
    assert new.upper[0] < wider.upper[0] < new.upper[0] + 0.55 * (new.upper[0] - new.lower[0])


def test_normal_mass_below_epsilon_of_the_peak_is_below_epsilon():
    for epsilon in (1e-2, 1e-4, 1e-6):
        assert 2 * norm.sf(np.sqrt(-2 * np.log(epsilon))) < epsilon
