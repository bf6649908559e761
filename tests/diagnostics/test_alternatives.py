import json

import numpy as np
import pytest

from darksieve.cli import main
from darksieve.diagnostics.alternatives import check_same_observation, rank
from darksieve.problem.errors import DarksieveError
from darksieve.problem.observation import Observation
from darksieve.reference.result import Draws, Reference


def reference(log_evidence, error=0.03, method="nested"):
    findings = {"log_evidence": log_evidence, "log_evidence_error": error, "largest_log_likelihood": log_evidence + 5}
    draws = Draws(np.zeros((4, 2)), findings=findings if method == "nested" else {})
    return Reference(method, ("a", "b"), draws, 10, 1.0, 1.0, 1)


def test_models_are_ordered_by_their_evidence():
    record = rank({"poor": reference(-20.0, 0.04), "good": reference(-18.0)})["models"]
    assert list(record) == ["good", "poor"]
    assert record["poor"]["log_bayes_factor"] == -2.0
    assert record["poor"]["log_bayes_factor_error"] == pytest.approx(0.05)
    assert record["good"]["probability"] == pytest.approx(1 / (1 + np.exp(-2)))


def test_methods_without_evidence_are_refused():
    with pytest.raises(DarksieveError, match=r"b: nuts gives no evidence"):
        rank({"a": reference(-1.0), "b": reference(-1.0, method="nuts")})


def test_models_of_different_data_are_refused():
    one, other = (Observation({"x": np.arange(3, dtype=np.float32) + shift}) for shift in (0, 1))
    assert check_same_observation({"a": one, "b": one}) == 3
    with pytest.raises(DarksieveError, match="b: is of another observation than a"):
        check_same_observation({"a": one, "b": other})
    masked = Observation(one.x, {"x": np.array([True, True, False])})
    assert check_same_observation({"a": masked, "b": masked}) == 2
    with pytest.raises(DarksieveError, match="another observation"):
        check_same_observation({"a": one, "b": masked})


def test_verb_writes_the_table(tmp_path):
    for name, evidence in (("a", -20.0), ("b", -18.0)):
        reference(evidence).write(tmp_path / f"{name}.h5")
        Observation({"x": np.zeros(3, np.float32)}).write(tmp_path / f"{name}-x.h5")
    files = [str(tmp_path / name) for name in ("a.h5", "b.h5", "a-x.h5", "b-x.h5", "out.json", "out.txt")]
    arguments = ["--experiments", "a", "b", "--references", *files[:2], "--observations", *files[2:4]]
    assert main(["rank", *arguments, "--output", files[4], "--table", files[5]]) == 0
    assert json.loads((tmp_path / "out.json").read_text())["elements"] == 3
    lines = (tmp_path / "out.txt").read_text().splitlines()
    assert lines[0].endswith("-2 ln L of the best fit to 3 elements")
    assert lines[1].split() == ["b", "2", "-18.00", "+-", "0.03", "0.00", "+-", "0.00", "0.88", "26.0"]
