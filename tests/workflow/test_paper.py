"""The paper as rules: it is made of finished results alone, and only what changed is remade."""

import json
import os
import re

import numpy as np
import pytest
import yaml
from matplotlib.figure import Figure

from darksieve.inference.posterior import MarginalSamples, Posterior
from darksieve.problem.observation import Observation
from tests.workflow.conftest import Workspace

SMALL = ("paper", "--configfile", "config/paper-small.yaml", "--rerun-triggers", "mtime")
NAMES = (
    "einstein_radius", "slope", "x_sub", "y_sub", "log10_m_sub", "log10_v200", "log10_c200_excess", "omega_m", "w0",
)  # fmt: skip
BAR = {
    "statistic": 0.5, "expected_range": [1.0, None], "passed": False, "meaning": "a missed bar", "timed": False,
}  # fmt: skip
MARGINAL = {"mean": 1.0, "standard_deviation": 0.1, "interval_95": [0.8, 1.2]}
COST = {"wall_seconds": 60.0, "cpu_seconds": 30.0, "kwh": 1e-3, "method": "estimated"}
RESULTS = {
    "verdict.json": {
        "verdict": "no", "false_alarm": 0.1,
        "diagnostics": [{"name": "ranks", "undecided": False, **BAR}],
    },
    "energy.json": {"posterior": COST, "reference": {"nuts": COST}},
    "round-1/box.json": {"volume": 0.1, "simulations": 0},
    "diagnostics/coverage.json": {"simulations": 100},
    "diagnostics/predictive.json": {
        "reduced_chi_squared_of_best_draw": 1.0, "neighbour_correlation": 0.1, "draws": 50, "statistic": 0.2,
        "neighbour_correlation_of_replicates": [0.0, 0.2],
    },
    "diagnostics/reference.json": {
        "reference": "nuts", "statistic": 0.5, "marginals": {"w0": {"mean_shift": 0.1, "width_ratio": 1.0}},
        "tmnre": {"marginals": {"w0": MARGINAL}},
        "methods": {"nuts": {"likelihood_calls": 1000, "marginals": {"w0": MARGINAL}}},
    },
    "diagnostics/combination.json": {
        "ensembles": 20, "posterior": {size: {"f_sub": MARGINAL, "log10_m_hm": MARGINAL} for size in ("1", "20")},
    },
    "interpret/summary_space.json": {
        "dimension": 3.0, "summaries": 32,
        "probes": {"einstein_radius": {"linear": 0.9}, "log10_m_sub": {"linear": 0.5}},
    },
    "interpret/subhalo.json": {
        "attribution": {"mocks": 50, "rates": {"trained": {"hit_rate": 0.5, "chance": 0.01}}, "bars": {"gain": BAR}},
        "sensitivity": {"noticed": [[9.0, None]], "bars": {"agreement": BAR}},
    },
}  # fmt: skip
RULES = {
    "lens.rounds": "sample", "lens.first_volume": "truncate", "lens.verdict": "judge", "lens.chi_squared": "predict",
    "lens.calibrated_on": "calibrate", "lens.dimension": "probe", "subhalo.hit_rate": "detect",
    "population.all": "combine", "reference.statistic": "compare", "lens.pixels": "(config)",
}  # fmt: skip


@pytest.fixture(scope="module")
def published(tmp_path_factory, repository_module):
    """A workspace with made-up results of all that the small paper tells, and the paper made of them."""
    workspace = Workspace(tmp_path_factory.mktemp("published"), repository_module)
    workspace.experiments = ("lens-tiny",)
    paper = yaml.safe_load((workspace.folder / "config/paper-small.yaml").read_text())["paper"]
    analyses = paper.pop("analyses")
    samples = np.random.default_rng(1).normal(size=(200, len(NAMES)))
    marginals = {(n,): MarginalSamples((n,), samples[:, [i]], np.zeros(200)) for i, n in enumerate(NAMES)}
    posterior = Posterior(marginals, None, {}, {}, {"rounds": 2, "simulations": 1000})
    observation = Observation({"y": np.zeros(3, np.float32)}, truth=dict.fromkeys(NAMES, 0.0))
    for experiment in paper.values():
        folder = workspace.folder / "results" / experiment
        for name, record in RESULTS.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(json.dumps(record))
        posterior.write(folder / "posterior.h5")
        observation.write(folder / "observation.h5")
    for analysis in analyses:
        (workspace.folder / "results/physics_ai" / analysis / "figures").mkdir(parents=True)
        (workspace.folder / "results/physics_ai" / analysis / "result.json").write_text(
            json.dumps({"bars": {"b": BAR, "speed": BAR | {"timed": True}}})
        )
    text = (workspace.folder / "workflow/paper/paper.typ").read_text()
    shown = [name.split("-", 1) for name in re.findall(r'(?:#shown\(|^  )"(\w+-\w+)"', text, flags=re.MULTILINE)]
    figures = [f"{paper[role]}/figures/{figure}.pdf" for role, figure in shown]
    figures += [f"physics_ai/{analysis}/figures/{name}.pdf" for analysis, name in
                zip(analyses, ("capacity", "kernels", "thermodynamics"))]  # fmt: skip
    for figure in figures:
        path = workspace.folder / "results" / figure
        path.parent.mkdir(parents=True, exist_ok=True)
        Figure(figsize=(3.4, 1.0)).savefig(path)
    for path in (workspace.folder / "results").rglob("*.*"):
        os.utime(path, (1e9, 1e9))  # none is newer than another
    workspace.output = workspace.snakemake("--cores", "1", *SMALL)
    return workspace


def test_paper_needs_its_own_experiments(workspace):
    assert workspace.planned("paper") >= {"simulate", "refer", "combine", "detect", "analyse", "quote", "typeset"}
    assert "quote" not in workspace.planned()


def test_paper_is_made_of_finished_results_alone(published):
    folder = published.folder / "results/paper"
    assert (folder / "paper.pdf").read_bytes().startswith(b"%PDF")
    assert (folder / "pages/page-1.png").stat().st_size > 1000
    assert set(re.findall(r"^rule (\w+):", published.output.stderr, flags=re.MULTILINE)) <= {"paper"}
    assert published.planned(*SMALL) == set()


def test_every_number_tells_its_file_and_the_rule_that_makes_it(published):
    numbers = json.loads((published.folder / "results/paper/numbers.json").read_text())["numbers"]
    assert {name: numbers[name]["rule"] for name in RULES} == RULES
    assert numbers["lens.rounds"]["file"] == "results/lens-mock/posterior.h5"
    assert numbers["lens.rounds"]["text"] == "$2$"
    assert numbers["lens.farthest"]["place"] == "farthest"
    assert not {number["rule"] for number in numbers.values()} - {*RULES.values(), "observe"}


def test_what_was_not_reached_is_in_the_record_and_times_are_not(published):
    record = json.loads((published.folder / "results/paper/numbers.json").read_text())
    assert {row[0] for row in record["not_reached"]} >= {"lens-mock", "lens-tiny", "Ising magnet"}
    assert all(row[5] == "no" for row in record["not_reached"])
    assert "wall_seconds" not in json.dumps(record)
    assert "speed" not in {row[1] for row in record["not_reached"]}
    costs = json.loads((published.folder / "results/paper/costs.json").read_text())
    assert ["lens-mock", "NUTS", "$1 thin 000$", "$1.0$", "$0.5$", "$1$", "estimated"] in costs["posteriors"]
    assert ["Ising magnet", "speed"] in [row[:2] for row in costs["bars"]]


@pytest.mark.parametrize(
    ("deleted", "remade"),
    [
        ("paper/numbers.json", {"quote", "typeset", "paper"}),
        ("paper/paper.pdf", {"typeset", "paper"}),
        ("lens-mock/figures/energy.pdf", {"plot", "typeset", "paper"}),
        ("physics_ai/ising/figures/thermodynamics.pdf", {"illustrate", "typeset", "paper"}),
        ("physics_ai/ising/result.json", {"analyse", "illustrate", "quote", "typeset", "paper"}),
    ],
)
def test_deleting_one_result_remakes_only_what_depends_on_it(published, deleted, remade):
    path = published.folder / "results" / deleted
    kept = path.read_bytes()
    times = path.stat()
    path.unlink()
    try:
        assert published.planned(*SMALL) == remade
    finally:
        path.write_bytes(kept)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_mistakes_in_the_papers_config_are_one_line(workspace):
    for change, message in (
        ({"lens": "lens-nowhere"}, "no experiment 'lens-nowhere'"),
        ({"warm": "lens-mock"}, "combines no observations"),
        ({"rotation": "lens-mock"}, "has no reference"),
        ({"analyses": ["isin"]}, "did you mean 'ising'?"),
    ):
        result = workspace.snakemake("-n", "paper", check=False, extra=(f"paper={json.dumps(change)}",))
        assert result.returncode != 0
        assert message in result.stderr + result.stdout
        assert "Traceback" not in result.stderr
