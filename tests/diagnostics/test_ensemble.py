"""Networks that agree and networks that do not: Gaussian marginals on a grid."""

import json

import numpy as np
import pytest

from darksieve.cli import main
from darksieve.diagnostics.audit import audit_round
from darksieve.diagnostics.ensemble import ensemble_spread
from darksieve.inference.profiles import Marginals
from darksieve.problem.box import Box

CELLS = 2048
POSITION = (np.arange(CELLS) + 0.5) / CELLS
WIDTH = 0.05


def gaussian(mean, width=WIDTH):
    return -0.5 * ((POSITION - mean) / width) ** 2


def mean_of(members):
    return {"a": np.log(np.mean([np.exp(member["a"]) for member in members], axis=0))}


def test_networks_that_agree_pass():
    members = [{"a": gaussian(0.5 + shift * WIDTH)} for shift in (-0.1, 0.0, 0.1)]
    record = ensemble_spread(mean_of(members), members)
    assert record["passed"]
    assert record["marginals"]["a"]["mean_shifts"] == pytest.approx([-0.1, 0, 0.1], abs=0.002)
    assert len(record["marginals"]["a"]["members"]) == 3


@pytest.mark.parametrize("other", [gaussian(0.5 + WIDTH), gaussian(0.5, 2 * WIDTH)])
def test_networks_that_differ_in_mean_or_width_are_told(other):
    members = [{"a": gaussian(0.5), "b": gaussian(0.4)}, {"a": other, "b": gaussian(0.4)}]
    record = ensemble_spread({**mean_of(members), "b": gaussian(0.4)}, members)
    assert not record["passed"]
    assert record["marginals"]["a"]["statistic"] == record["statistic"] > 1
    assert record["marginals"]["b"]["statistic"] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("shift", "stable"), [(0.2, True), (3.0, False)])
def test_box_that_depends_on_the_start_is_told(shift, stable):
    """Edges of two networks whose means differ by d standard deviations scatter by d / sqrt(2) of these."""
    members = ({"a": gaussian(0.5)}, {"a": gaussian(0.5 + shift * WIDTH)})
    audit = audit_round(Box.full(["a"]), Marginals(mean_of(members), {"a": np.zeros(100)}, members), 1e-6)
    assert audit.record["stability"]["passed"] is stable
    width = (2 * np.sqrt(-2 * np.log(1e-6)) + shift) * WIDTH
    assert audit.record["stability"]["statistic"] == pytest.approx(shift * WIDTH / np.sqrt(2) / width, rel=0.1)


def test_verb_reads_the_marginals_of_an_ensemble(tmp_path):
    members = ({"a": gaussian(0.5)}, {"a": gaussian(0.51)})
    Marginals(mean_of(members), {"a": np.zeros(5)}, members).write(tmp_path / "profiles.npz")
    assert main(["spread", "--profiles", f"{tmp_path}/profiles.npz", "--output", f"{tmp_path}/spread.json"]) == 0
    assert json.loads((tmp_path / "spread.json").read_text())["networks"] == 2


def test_one_network_has_no_stability(tmp_path):
    audit = audit_round(Box.full(["a"]), Marginals({"a": gaussian(0.5)}, {"a": np.zeros(5)}), 1e-6)
    assert "stability" not in audit.record
