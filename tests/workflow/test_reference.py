"""An experiment that asks for reference methods, from start to end."""

import json
import re

import pytest
import yaml

from darksieve.reference.result import load_reference


@pytest.fixture
def gaussian(workspace):
    """A workspace whose experiment has a known posterior, and methods to compare with."""
    file = workspace.folder / "examples/line.yaml"
    record = yaml.safe_load((workspace.folder / "examples/gaussian.yaml").read_text())
    record["rounds"] = {"maximum": 2, "simulations": 2048}
    record["diagnostics"] = {"simulations": 60, "predictive_draws": 20}
    record["posterior_samples"] = 2000
    record["training"] = {"ensemble": 2}
    record["reference"] = {"methods": ["exact", "nuts"], "chains": 2, "samples": 300}
    file.write_text(yaml.safe_dump(record))
    return workspace


def test_methods_are_planned_only_where_they_are_asked_for(gaussian):
    assert {"refer", "compare"} <= gaussian.planned()
    file = gaussian.folder / "examples/line.yaml"
    record = yaml.safe_load(file.read_text())
    del record["reference"]
    file.write_text(yaml.safe_dump(record))
    assert not {"refer", "compare"} & gaussian.planned()


@pytest.mark.slow
def test_comparison_is_made_and_shown(gaussian):
    output = gaussian.snakemake("--cores", "2")
    record = json.loads(gaussian.result("diagnostics/reference.json").read_text())
    assert set(record["methods"]) == {"exact", "nuts"}
    assert record["methods"]["nuts"]["likelihood_calls"] > 600
    assert set(record["methods"]["exact"]["c2st"]) == {"z0", "z1", "z2", "z0,z1", "joint"}
    assert load_reference(gaussian.result("reference/nuts.h5")).draws.z.shape == (600, 3)
    assert re.search(r"nuts: \d+ likelihoods .* kWh", output.stderr)
    assert json.loads(gaussian.result("diagnostics/spread.json").read_text())["networks"] == 2
    for figure in ("comparison", "chains", "spread"):
        assert gaussian.result(f"figures/{figure}.pdf").stat().st_size > 1000
    assert "largest deviation of a marginal from exact" in output.stderr
    assert gaussian.planned() == set()
    file = gaussian.folder / "examples/line.yaml"
    file.write_text(file.read_text().replace("samples: 300", "samples: 200"))
    assert gaussian.planned() == {"refer", "compare", "judge", "account", "plot", "summarise", "attest", "report"}


def test_models_are_ranked_where_they_are_named(gaussian):
    """A dry run: the group's table needs the evidence of each model, and no training."""
    file = gaussian.folder / "examples/line.yaml"
    record = yaml.safe_load(file.read_text())
    record["reference"] = {"methods": ["nested"]}
    for name in ("line", "other"):
        (gaussian.folder / f"examples/{name}.yaml").write_text(yaml.safe_dump(record))
    both = ("experiments=[examples/line.yaml, examples/other.yaml]", "alternatives={both: [line, other]}")
    output = gaussian.snakemake("-n", "--cores", "2", "results/alternatives/both.txt", extra=both).stdout
    assert set(re.findall(r"^(\w+) +(\d+)$", output, flags=re.MULTILINE)) == {
        ("observe", "2"), ("refer", "2"), ("rank", "1"), ("total", "5"),
    }  # fmt: skip
