import numpy as np
import pytest
from scipy import stats

from darksieve.problem.box import Box
from darksieve.store.region import Points, Region, draw_points, is_covered


def box(*edges):
    return Box(tuple("abcdef"[: len(edges)]), tuple(e[0] for e in edges), tuple(e[1] for e in edges))


def test_points_are_poisson_in_number_and_uniform_in_place_and_mark():
    region = Region(box((0.2, 0.4), (0.5, 1.0)), 100.0, 900.0)
    draws = [draw_points(region, f"stream {i}") for i in range(400)]
    counts = np.array([len(points) for points in draws])
    # the dispersion index of Poisson counts follows chi-squared with n - 1 degrees of freedom; both tails at 0.1%
    dispersion = ((counts - region.mean) ** 2).sum() / region.mean
    assert 0.001 < stats.chi2.sf(dispersion, len(counts)) < 0.999
    unit, mark = np.concatenate([p.unit for p in draws]), np.concatenate([p.mark for p in draws])
    for values, low, high in ((unit[:, 0], 0.2, 0.4), (unit[:, 1], 0.5, 1.0), (mark, 100.0, 900.0)):
        assert values.min() >= low
        assert values.max() < high
        assert stats.kstest((values - low) / (high - low), "uniform").pvalue > 0.001


def test_points_depend_on_stream_and_region_and_nothing_else():
    region = Region(box((0.0, 1.0)), 0.0, 50.0)
    again, other = draw_points(region, "a"), draw_points(region, "b")
    assert np.array_equal(draw_points(region, "a").unit, again.unit)
    assert not np.array_equal(again.unit[:5], other.unit[:5])
    assert not np.array_equal(again.unit[:5], draw_points(Region(region.box, 0.0, 51.0), "a").unit[:5])


def test_upper_mark_is_outside_and_lower_inside():
    region = Region(box((0.0, 1.0)), 1.0, 2.0)
    points = Points(np.full((3, 1), 0.5), np.array([1.0, 1.5, 2.0]), np.arange(3, dtype=np.uint64))
    assert region.contains(points).tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (Region(box((0.5, 0.7)), 0.0, 10.0), True),
        (Region(box((0.6, 0.7)), 0.0, 10.0), False),  # they share an edge
        (Region(box((0.5, 0.7)), 10.0, 20.0), False),
    ],
)
def test_regions_that_share_only_an_edge_do_not_overlap(other, expected):
    region = Region(box((0.4, 0.6)), 0.0, 10.0)
    assert region.overlaps(other) is expected
    assert other.overlaps(region) is expected


def test_a_region_is_covered_by_larger_boxes_whose_marks_join():
    region = Region(box((0.4, 0.6)), 2.0, 9.0)
    whole = box((0.0, 1.0))
    assert is_covered(region, [Region(whole, 0.0, 5.0), Region(box((0.4, 0.8)), 5.0, 10.0)])
    assert not is_covered(region, [Region(whole, 0.0, 5.0), Region(whole, 6.0, 10.0)])
    assert not is_covered(region, [Region(box((0.5, 1.0)), 0.0, 10.0)])
    assert not is_covered(region, [])


def test_record_gives_the_same_region():
    region = Region(box((0.1, 0.3), (1 / 3, 2 / 3)), 0.1, 1 / 7)
    assert Region.from_record(region.to_record()) == region
