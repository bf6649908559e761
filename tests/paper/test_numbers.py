"""Numbers are what the files say, written as a reader expects, with their place and rule."""

import json

import numpy as np
import pytest
import yaml

from darksieve.inference.posterior import MarginalSamples, Posterior
from darksieve.paper.labels import typst_label, typst_number
from darksieve.paper.numbers import quote, with_error
from darksieve.paper.quotations import Files, Quotation
from darksieve.problem.errors import DarksieveError
from darksieve.problem.observation import Observation


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        (r"\theta_\mathrm{E}", '$theta_ upright("E")$'),
        (r"\log_{10} m_\mathrm{sub} / \mathrm{M}_\odot", '$log_(10) m_ upright("sub") \\/ upright("M")_ dot.o$'),
        (r"V / (\mathrm{km\,s^{-1}})", '$V \\/ ( upright("km") thin upright("s")^(-1))$'),
        ("", "x sub"),
    ],
)
def test_labels_become_typst(label, expected):
    assert typst_label(label, "x_sub") == expected


@pytest.mark.parametrize(
    ("value", "form", "expected"),
    [
        (40904, ",", "$40 thin 904$"),
        (1e-5, "power", "$10^(-5)$"),
        (2e-3 / 1.2, "power", "$10^(-2.78)$"),
        (7.8e-5, ".2g", "$7.8 times 10^(-5)$"),
        (0.96, ".1f", "$1.0$"),
    ],
)
def test_numbers_become_typst(value, form, expected):
    assert typst_number(value, form) == expected


def test_errors_have_two_digits():
    assert with_error(1.149961, 0.000602) == "$1.14996 plus.minus 0.00060$"
    assert with_error(-13.92, 1.31) == "$-13.9 plus.minus 1.3$"


@pytest.fixture
def files(tmp_path, monkeypatch, repository):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results/x"
    folder.mkdir(parents=True)
    samples = np.array([[-2.0], [-1.0], [0.0], [1.0]])
    marginal = MarginalSamples(("w",), samples, np.log([1.0, 1.0, 1.0, 1.0]))
    Posterior({("w",): marginal}, None, {"w": "Mpc"}, {}, {"simulations": 1234}).write(folder / "posterior.h5")
    Observation({"y": np.zeros(2, np.float32)}, truth={"w": 1.5}).write(folder / "observation.h5")
    (folder / "a.json").write_text(json.dumps({"sizes": {"1": {"m": 3.0}, "20": {"m": [1.0, None, 0.25]}}, "v": "yes"}))
    record = yaml.safe_load((repository / "examples/line.yaml").read_text())
    (tmp_path / "x.yaml").write_text(yaml.safe_dump(record))
    return Files({"lens": "x"}, {"x": "x.yaml"}, [], {"results/x/a.json": "combine"})


@pytest.mark.parametrize(
    ("quotation", "text"),
    [
        ({"file": "a.json", "key": "sizes/first/m", "format": ".1f"}, "$3.0$"),
        ({"file": "a.json", "key": "sizes/last", "take": "name"}, "20"),
        ({"file": "a.json", "key": "sizes/last/m/0", "unit": "dex"}, "$1$ dex"),
        ({"file": "a.json", "key": "sizes/last/m", "take": "smallest"}, "$0.25$"),
        ({"file": "a.json", "key": "sizes", "take": "count", "format": "d"}, "$2$"),
        ({"file": "a.json", "key": "v", "format": "text"}, "yes"),
        ({"file": "posterior.h5", "key": "w", "take": "mean"}, "$-0.5 plus.minus 1.1$ Mpc"),
        ({"file": "posterior.h5", "key": "simulations", "take": "attribute", "format": ","}, "$1 thin 234$"),
        ({"file": "posterior.h5", "key": "w", "take": "above", "above": -1.5}, "$0.75$"),
        ({"file": "posterior.h5", "take": "farthest", "format": ".2f"}, "$1.79$"),
    ],
)
def test_every_kind_of_number(files, quotation, text):
    path = quotation["file"]
    found = quote(Quotation(**{**quotation, "file": f"results/{{lens}}/{path}"}), files)
    assert found["text"] == text
    assert found["file"] == f"results/x/{path}"
    assert found["rule"] == ("combine" if path == "a.json" else "(config)")


def test_settings_come_from_the_experiment_file_with_their_defaults(files):
    found = quote(Quotation(file="{lens}.yaml", key="rounds/threshold", format="power"), files)
    assert found == {"text": "$10^(-6)$", "file": "x.yaml", "place": "rounds/threshold", "rule": "(config)"}


@pytest.mark.parametrize(("file", "key"), [("a.json", "sizes/7"), ("b.json", "sizes"), ("posterior.h5", "v")])
def test_a_number_that_is_not_there_is_an_error_of_one_line(files, file, key):
    take = "mean" if file == "posterior.h5" else "value"
    with pytest.raises(DarksieveError, match=file):
        quote(Quotation(file=f"results/{{lens}}/{file}", key=key, take=take), files)
