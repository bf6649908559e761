import pytest

from darksieve.diagnostics.records import record_p_values, undecided
from darksieve.diagnostics.verdict import describe_failures, judge

RIGHT = record_p_values({"a": 0.3, "b": 0.02}, "smallest")
WRONG = record_p_values({"a": 0.3, "b": 0.002}, "smallest")


def test_smallest_p_value_counts_as_often_as_there_are_tests():
    assert RIGHT["statistic"] == pytest.approx(0.04)
    assert RIGHT["passed"]
    assert not WRONG["passed"]


@pytest.mark.parametrize(
    ("records", "verdict"),
    [
        ({"x": RIGHT, "y": RIGHT}, "yes"),
        ({"x": RIGHT, "y": undecided(RIGHT, "no data")}, "undecided"),
        ({"x": WRONG, "y": undecided(RIGHT, "no data")}, "no"),
    ],
)
def test_verdict_is_no_where_any_says_no_and_undecided_where_one_cannot_say(records, verdict):
    assert judge(records)["verdict"] == verdict


def test_failures_are_named_with_what_was_expected():
    verdict = judge({"ranks": WRONG, "joint": RIGHT, "balance": undecided(WRONG, "biased")})
    assert describe_failures(verdict) == "ranks (0.004, expected 0.01 to 1)"
    assert verdict["false_alarm"] == pytest.approx(0.03)
