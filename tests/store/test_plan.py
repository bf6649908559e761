"""The store as a Poisson process: what is reused, what is made, and that each request is an exact draw."""

import json

import numpy as np
import pytest
from scipy import stats
from tests.conftest import plan_request, simulate

from darksieve.problem.box import Box
from darksieve.problem.errors import DarksieveError
from darksieve.store.plan import Plan, divide
from darksieve.store.region import Points

NAMES = ("intercept", "slope")
FULL = Box.full(NAMES)


class Pool:
    """A store in memory: the shards of one process, without simulations."""

    def __init__(self, seed=1):
        self.name, self.parts, self.points = f"pool {seed}", {}, {}

    def plan(self, box, wanted, slices=1):
        return divide(self.name, box, wanted, slices, self.parts, self.points.__getitem__)

    def fill(self, plan):
        for name in plan.slices:
            if name is not None:
                self.parts[name], self.points[name] = plan.parts[name], plan.new_points(name)

    def request(self, box, wanted, slices=1):
        """Serve a request; returns its plan and its points."""
        plan = self.plan(box, wanted, slices)
        self.fill(plan)
        rows = plan.select({name: self.points[name] for name in plan.names})
        chosen = [self.points[name][rows[name]] for name in plan.names]
        unit, mark = (np.concatenate([getattr(points, key) for points in chosen]) for key in ("unit", "mark"))
        return plan, Points(unit, mark, np.arange(len(mark), dtype=np.uint64))


def box(low, high):
    return Box(NAMES, low, high)


def test_first_request_makes_everything_and_the_same_one_again_nothing():
    pool = Pool()
    first, points = pool.request(FULL, 300)
    assert first.reused_simulations == 0
    assert first.new_simulations == len(points)
    again, same = pool.request(FULL, 300)
    assert again.new_simulations == 0
    assert again.reused_simulations == len(points)
    assert again.slices == (None,)
    assert np.array_equal(np.sort(same.mark), np.sort(points.mark))


def test_smaller_box_takes_what_lies_in_it_and_makes_the_rest():
    pool = Pool()
    _, before = pool.request(FULL, 1000)
    inner = box((0.0, 0.0), (0.5, 1.0))
    plan, points = pool.request(inner, 1000, slices=4)
    assert plan.reused_simulations == int(inner.contains(before.unit).sum())
    assert plan.reused_simulations + plan.new_simulations == len(points)
    assert inner.contains(points.unit).all()
    # the first half of the marks was served by the first request
    assert [name is None for name in plan.slices] == [True, True, False, False]


def test_fewer_simulations_make_none_and_use_only_those_with_small_marks():
    pool = Pool()
    pool.request(FULL, 1000)
    plan, points = pool.request(FULL, 400)
    assert plan.new_simulations == 0
    assert (points.mark < 400).all()
    assert 300 < len(points) < 500  # Poisson(400): five standard deviations


def test_purposes_and_seeds_share_nothing(line, line_record, load_record, tmp_path):
    line_record["seed"] = 2
    other = load_record(line_record, "other")
    plans = [plan_request(line, FULL, tmp_path, 100), plan_request(line, FULL, tmp_path, 100, "test")]
    plans.append(plan_request(other, FULL, tmp_path, 100))
    assert len({plan.pool for plan in plans}) == 3
    assert len({plan.new_points(plan.slices[0]).mark.tobytes() for plan in plans}) == 3


def test_every_request_is_an_exact_draw_whatever_came_before():
    """Nested and overlapping requests to 400 seeded stores: Poisson counts, uniform places and marks."""
    orders = [
        [(FULL, 60, 1), (box((0.2, 0.2), (0.6, 0.7)), 50, 2), (box((0.4, 0.1), (0.9, 0.5)), 40, 1)],
        [(box((0.4, 0.1), (0.9, 0.5)), 40, 3), (FULL, 20, 1), (box((0.2, 0.2), (0.6, 0.7)), 50, 1), (FULL, 60, 2)],
    ]
    counts, pvalues = {}, []
    for seed in range(400):
        pool = Pool(seed)
        for step, (where, wanted, slices) in enumerate(orders[seed % 2]):
            _, points = pool.request(where, wanted, slices)
            counts.setdefault((seed % 2, step), []).append((wanted, len(points)))
            scaled = (points.unit - where.lower) / np.subtract(where.upper, where.lower)
            samples = (*scaled.T, points.mark * where.volume / wanted)
            pvalues.append([stats.kstest(values, "uniform").pvalue for values in samples])
    for sizes in counts.values():
        wanted, found = np.transpose(sizes)
        # sums of Poisson counts are Poisson; their dispersion is chi-squared: each at 1e-4 a side
        assert 1e-4 < stats.poisson.cdf(found.sum(), wanted.sum()) < 1 - 1e-4
        assert 1e-4 < stats.chi2.sf(((found - wanted) ** 2 / wanted).sum(), len(found)) < 1 - 1e-4
    # requests of one store share points; the last ones of all stores are independent of each other
    last = np.array(pvalues)[[i for i in range(len(pvalues)) if i % 7 in (2, 6)]]
    assert len(last) == 400
    for column in last.T:
        assert stats.kstest(column, "uniform").pvalue > 1e-3


def test_requests_served_at_the_same_time_are_each_exact_and_later_ones_count_no_point_twice():
    single, later = [], []
    for seed in range(400):
        pool = Pool(seed)
        plans = [pool.plan(where, 60) for where in (box((0, 0), (0.7, 1)), box((0.3, 0), (1, 1)))]
        for plan in plans:  # both were planned before either was made: both hold the middle
            pool.fill(plan)
            single.append(plan.new_simulations)
        _, points = pool.request(FULL, 80)
        assert len(np.unique(points.mark)) == len(points)
        later.append(len(points))
    assert 1e-4 < stats.poisson.cdf(sum(single), 60 * 800) < 1 - 1e-4
    assert 1e-4 < stats.poisson.cdf(sum(later), 80 * 400) < 1 - 1e-4


def test_an_empty_part_of_the_process_is_remembered():
    """Where a draw found nothing, drawing again until something comes would be biased."""
    counts = []
    for seed in range(2000):
        pool = Pool(seed)
        for _ in range(4):
            _, points = pool.request(FULL, 1)
        counts.append(len(points))
    assert 1e-4 < stats.poisson.cdf(sum(counts), 2000) < 1 - 1e-4


def test_shard_whose_foundations_are_gone_is_not_counted_on(line, tmp_path):
    simulate(line, FULL, tmp_path, 200)
    half = box((0.0, 0.0), (0.5, 1.0))
    plan = plan_request(line, half, tmp_path, 200)
    (first,) = plan.reused
    simulate(line, half, tmp_path, 200)
    (tmp_path / plan.pool / f"{first}.zarr" / "zarr.json").unlink()
    again = plan_request(line, FULL, tmp_path, 200)
    assert again.reused == ()
    assert again.reused_simulations == 0


def test_plan_survives_its_file(line, tmp_path):
    simulate(line, FULL, tmp_path, 200)
    plan = plan_request(line, box((0.2, 0.0), (0.7, 1.0)), tmp_path, 300)
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan.to_record()))
    assert Plan.read(path) == plan


@pytest.mark.parametrize("content", ["", "{}", '{"format": 99}', "[1]"])
def test_file_that_is_no_plan_is_one_line(tmp_path, content):
    path = tmp_path / "plan.json"
    path.write_text(content)
    with pytest.raises(DarksieveError, match=r"plan\.json: is no plan") as raised:
        Plan.read(path)
    assert "\n" not in str(raised.value)


def test_simulated_request_holds_the_parameters_of_its_points(line, tmp_path):
    region = box((0.2, 0.5), (0.3, 0.9))
    simulations = simulate(line, region, tmp_path, 500)
    u = line.prior.to_unit(simulations.z)
    assert (u > np.array(region.lower) - 1e-6).all()
    assert (u < np.array(region.upper) + 1e-6).all()
