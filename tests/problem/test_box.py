import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darksieve.problem.box import Box
from darksieve.problem.errors import DarksieveError
from darksieve.problem.prior import Parameter, Prior, Uniform

PRIOR = Prior((Parameter("a", Uniform(0, 10), "km"), Parameter("b", Uniform(-1, 1))))


def test_volume_is_the_prior_mass_inside():
    assert Box(("a", "b"), (0.1, 0.0), (0.6, 0.5)).volume == pytest.approx(0.25)
    assert Box.full(["a", "b"]).volume == 1.0


@given(st.lists(st.floats(0, 1), min_size=2, max_size=2))
def test_scaled_points_lie_in_the_box(u):
    box = Box(("a", "b"), (0.1, 0.2), (0.6, 0.5))
    assert box.contains(box.scale(u))


def test_record_round_trip_keeps_every_digit():
    box = Box(("a", "b"), (0.1, 1 / 3), (0.7, 2 / 3))
    record = box.to_record(PRIOR)
    assert Box.from_record(record) == box
    assert Box.from_record(record).digest == box.digest
    assert record["bounds"]["a"] == {"low": pytest.approx(1.0), "high": pytest.approx(7.0), "unit": "km"}


def test_different_boxes_have_different_digests():
    assert Box(("a",), (0.0,), (0.5,)).digest != Box(("a",), (0.0,), (np.nextafter(0.5, 1),)).digest


@pytest.mark.parametrize(("low", "high"), [(-0.1, 0.5), (0.5, 1.1), (0.5, 0.5), (0.7, 0.2)])
def test_edges_outside_the_cube_or_swapped_are_refused(low, high):
    with pytest.raises(DarksieveError, match="not an interval"):
        Box(("a",), (low,), (high,))
