"""How many simulations the rounds ask for."""

import pytest

from darksieve.problem.box import Box
from darksieve.problem.budget import Request, first_request, next_request
from darksieve.problem.config import RoundsConfig

NAMES = ("a", "b")


def box(edge):
    return Box(NAMES, (0.0, 0.0), (edge, 1.0))


def spend(rounds, edges, settled_after):
    """Requests of an experiment whose round r is drawn from edges[r]; its box settles after a number of rounds."""
    requests = [Request(box(edges[0]), first_request(rounds))]
    while wanted := next_request(rounds, requests, box(edges[len(requests)]), len(requests) >= settled_after):
        requests.append(Request(box(edges[len(requests)]), wanted))
    return requests


def new_simulations(requests):
    """Expected new simulations of nested requests, from the intensities of a Poisson process in the unit square."""
    total, densest = 0.0, 0.0
    for request in requests:
        density = request.simulations / request.box.volume
        total += request.box.volume * max(0.0, density - densest)
        densest = max(densest, density)
    return total


def test_without_a_budget_each_round_has_its_number():
    rounds = RoundsConfig(maximum=4, simulations=900, early_simulations=[300, 500])
    assert [r.simulations for r in spend(rounds, [1.0] * 5, 9)] == [300, 500, 900, 900]
    assert [r.simulations for r in spend(rounds, [1.0] * 5, 3)] == [300, 500, 900]


@pytest.mark.parametrize("settled_after", [1, 2])
def test_box_that_settles_early_gets_a_whole_round(settled_after):
    rounds = RoundsConfig(maximum=4, simulations=900, early_simulations=[300, 500])
    assert [r.simulations for r in spend(rounds, [1.0] * 5, settled_after)] == [*[300, 500][:settled_after], 900]


@pytest.mark.parametrize("settled_after", [1, 2, 3, 9])
@pytest.mark.parametrize("shrinkage", [1.0, 0.5, 0.01])
def test_budget_is_spent_whole_whenever_the_box_settles(settled_after, shrinkage):
    rounds = RoundsConfig(maximum=5, budget=10000)
    requests = spend(rounds, [shrinkage**r for r in range(6)], settled_after)
    assert requests[0].simulations == 3000
    assert len(requests) == min(settled_after + 1, 5)
    assert new_simulations(requests) == pytest.approx(10000, abs=len(requests))


def test_a_single_round_has_the_whole_budget():
    assert [r.simulations for r in spend(RoundsConfig(maximum=1, budget=700), [1.0, 1.0], 9)] == [700]


def test_a_widened_box_does_not_overspend():
    rounds = RoundsConfig(maximum=4, budget=10000)
    requests = spend(rounds, [1.0, 0.1, 0.3, 0.3, 0.3], 9)
    assert new_simulations(requests[:2]) + requests[2].simulations * (1 - 0.3) < 10000
    assert len(requests) <= 4


def test_requests_survive_json():
    request = Request(box(0.4), 12)
    assert Request.from_record(request.to_record()) == request
