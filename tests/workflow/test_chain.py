"""The whole chain on a simulator that is no part of darksieve, and what Snakemake makes of changes."""

import base64
import csv
import hashlib
import json
import re
import shutil
import subprocess
import sys
import time
import zipfile

import h5py
import numpy as np
import pytest
import yaml
import zarr
from markupsafe import escape

from darksieve import load_posterior
from darksieve.figures.captions import CAPTIONS
from tests.workflow.conftest import Workspace

ENDS = ("results/line/posterior.h5", "results/line/test/shard-0.json")  # with all simulations behind them
PUBLISHED = ("attest", "report")
SHOWN = ("account", "plot", "judge", "summarise", *PUBLISHED)
FIGURES = (
    "observation", "posterior", "rounds", "shrinking", "training", "truncation", "coverage", "ranks", "average",
    "misspecification", "joint", "residuals", "energy",
)  # fmt: skip
DIAGNOSTICS = (
    "truncation", "coverage", "ranks", "dependence", "average", "normalisation", "balance", "effective",
    "misspecification", "joint", "local", "predictive",
)  # fmt: skip


def stored(workspace):
    """Every array of every simulation in the store, by name."""
    arrays = {}
    for path in sorted((workspace.folder / "data/simulations").rglob("*.zarr")):
        group = zarr.open_group(path, mode="r")
        for name in ("z", "index", "point", "status", *(f"x/{n}" for n in group.attrs["data"])):
            arrays[f"{path.relative_to(workspace.folder)}/{name}"] = np.asarray(group[name])
    return arrays


def assert_same_simulations(a, b):
    first, second = stored(a), stored(b)
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


def posterior_samples(workspace):
    with h5py.File(workspace.result("posterior.h5")) as file:
        return {f"{group}/{name}": item[()] for group in file for name, item in file[group].items()}


def test_chain_makes_everything_and_shows_the_summary(finished):
    posterior = load_posterior(finished.result("posterior.h5"))
    assert posterior.names == ("intercept", "slope")
    assert ("intercept", "slope") in posterior.marginals
    assert posterior.joint.samples.shape == (500, 2)
    plans = [json.loads(path.read_text()) for path in finished.folder.glob("results/line/round-*/plan.json")]
    assert len(plans) == posterior.attributes["rounds"]
    used = sum(plan["reused_simulations"] + plan["new_simulations"] for plan in plans)
    assert posterior.attributes["simulations"] == used
    assert abs(used - 512 * len(plans)) < 5 * np.sqrt(512 * len(plans))  # Poisson
    for figure in FIGURES:
        assert finished.result(f"figures/{figure}.pdf").stat().st_size > 1000
        assert finished.result(f"figures/{figure}.png").stat().st_size > 1000
    for diagnostic in DIAGNOSTICS:
        record = json.loads(finished.result(f"diagnostics/{diagnostic}.json").read_text())
        assert isinstance(record["passed"], bool)
        low, high = record["expected_range"]
        in_range = low <= record["statistic"] <= high
        assert record["passed"] == (in_range and not record.get("undecided", False))
    verdict = json.loads(finished.result("verdict.json").read_text())
    assert [entry["name"] for entry in verdict["diagnostics"]] == list(DIAGNOSTICS)
    summary = finished.result("summary.txt").read_text()
    assert f"verdict: {verdict['verdict']} " in summary
    assert summary in finished.output.stderr
    assert "95% interval" in summary
    assert re.search(r"^\d+ of them came from the store, \d+ were made$", summary, flags=re.MULTILINE)


def test_every_job_on_which_the_results_rest_is_in_the_ledger_once(finished):
    with open(finished.result("energy.csv"), newline="") as stream:
        rows = list(csv.DictReader(stream))
    logs = [path.relative_to(finished.result("logs")) for path in finished.result("logs").glob("*/*.log")]
    jobs = {(path.parts[0], path.stem.replace("-shard-", " shard ")) for path in logs if path.parts[0] not in SHOWN}
    assert {(row["rule"], row["what"]) for row in rows} == jobs
    assert len(rows) == len(jobs)
    for row in rows:
        assert 0 < float(row["cpu_seconds"]) < 600
        assert float(row["kwh"]) > 0
    assert all(float(row["wall_seconds"]) > 1 for row in rows if row["rule"] == "train")  # torch alone takes longer
    sums = json.loads(finished.result("energy.json").read_text())
    assert sums["total"]["jobs"] == len(rows)
    assert sums["total"]["kwh"] == pytest.approx(sum(float(row["kwh"]) for row in rows), rel=1e-4)
    *_, last, overhead = finished.result("summary.txt").read_text().splitlines()
    assert re.match(r"overhead: \d+% of \d+ s from the first job to the last", overhead)
    assert 0 < sums["overhead"]["share"] < 1
    assert re.fullmatch(
        r"cost of the posterior: \d+ simulations, [\d.e-]+ CPU hours(, [\d.e-]+ GPU hours)?, [\d.e-]+ kWh "
        r"\((estimated|partly estimated|measured)\), [\d.]+ GB of memory at most; of its diagnostics: [\d.e-]+ kWh",
        last,
    )


def test_power_of_a_core_changes_nothing_but_the_account(finished):
    file = finished.folder / "config/config.yaml"
    original = file.read_text()
    file.write_text(original + "energy: {watts_per_core: 7}\n")
    try:
        assert finished.planned() == {"account", "plot", "summarise", *PUBLISHED}
    finally:
        file.write_text(original)


def test_progress_lines_say_rounds_epochs_and_rates(finished):
    log = finished.output.stdout + finished.output.stderr
    assert "simulations, " in log
    assert "a second" in log
    assert "epoch 4 of 4: loss" in log
    assert "prior volume" in log


def test_second_run_has_nothing_to_do(finished):
    assert finished.planned() == set()


def test_report_holds_every_figure_with_its_caption_and_the_verdict(finished):
    page = finished.result("report.html").read_text()
    verdict = json.loads(finished.result("verdict.json").read_text())["verdict"]
    assert f"Verdict: <strong>{verdict}</strong>" in page
    for figure in FIGURES:
        assert str(escape(CAPTIONS[figure])) in page
        assert base64.b64encode(finished.result(f"figures/{figure}.png").read_bytes()).decode() in page
    assert finished.result("summary.txt").read_text().splitlines()[0].split(";")[0].removeprefix("line: ") in page


def test_every_figure_leads_back_to_the_experiment_file(finished):
    record = json.loads(finished.result("provenance.json").read_text())
    for name, sha256 in record["files"].items():
        assert hashlib.sha256((finished.folder / name).read_bytes()).hexdigest() == sha256
    assert {job["rule"] for job in record["jobs"]} >= {"observe", "simulate", "train", "truncate", "sample", "plot"}
    made = {output for job in record["jobs"] for output in job["outputs"]}
    assert set(record["files"]) - made == {"examples/line.yaml"}
    used = load_posterior(finished.result("posterior.h5")).attributes
    added = sum(part["simulations"] for draw, part in record["store"].items() if not draw.endswith("test"))
    assert added == used["simulations"] - used["simulations_reused"]
    for figure in FIGURES:
        command = [sys.executable, "-m", "darksieve", "trace", f"results/line/figures/{figure}.pdf"]
        lines = subprocess.run(command, cwd=finished.folder, capture_output=True, text=True, check=True).stdout
        assert "examples/line.yaml" in lines
        assert "CHANGED" not in lines
        assert "gone" not in lines


def test_archive_can_be_used_without_the_workflow(finished, tmp_path):
    finished.snakemake("--cores", "2", "archive")
    with zipfile.ZipFile(finished.result("archive.zip")) as archive:
        archive.extractall(tmp_path)
        names = set(archive.namelist())
    posterior = load_posterior(tmp_path / "posterior.h5")
    assert posterior.mean("slope") == load_posterior(finished.result("posterior.h5")).mean("slope")
    assert {"line.yaml", "line.py", "config.yaml", "requirements.lock", "report.html", "provenance.json"} <= names
    assert {f"figures/{figure}.{suffix}" for figure in FIGURES for suffix in ("pdf", "png")} <= names
    assert {f"diagnostics/{diagnostic}.json" for diagnostic in DIAGNOSTICS} <= names
    assert any(name.endswith("estimator.pt") for name in names)
    assert not any("zarr" in name for name in names)
    graph = json.loads((tmp_path / "ro-crate-metadata.json").read_text())["@graph"]
    files = {entity["@id"]: entity["sha256"] for entity in graph if entity["@type"] == "File"}
    assert set(files) == names - {"ro-crate-metadata.json"}
    for name, sha256 in files.items():
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == sha256
    first = finished.result("archive.zip").read_bytes()
    finished.snakemake("--cores", "2", "archive", "--forcerun", "pack")
    assert finished.result("archive.zip").read_bytes() == first
    assert finished.planned("archive") == set()


def test_touching_files_and_checking_out_equal_content_reruns_nothing(finished):
    for part in ("src", "workflow", "config", "examples", "Snakefile"):
        subprocess.run(["find", str(finished.folder / part), "-exec", "touch", "{}", "+"], check=True)
    for name in ("observation.h5", "round-1/shard-0.json", "round-1/box.json"):
        finished.result(name).touch()
    assert finished.planned() == set()


@pytest.mark.parametrize(
    ("module", "old", "new", "expected"),
    [
        ("figures/calibration.py", "FAINTEST = 1e-6", "FAINTEST = 1e-7", {"plot", *PUBLISHED}),
        ("diagnostics/predictive.py", "NOISE_DRAWS = 100", "NOISE_DRAWS = 90", {"predict", *SHOWN}),
        ("diagnostics/misspecification.py", "(0.5, 1.0, 2.0)", "(1.0, 2.0)", {"calibrate", *SHOWN}),
        (
            "diagnostics/calibration.py",
            "CELLS = 512",
            "CELLS = 256",
            {"calibrate", "calibrate_joint", *SHOWN},
        ),
        (
            "inference/sampling.py",
            "ROWS_AT_ONCE = 65536",
            "ROWS_AT_ONCE = 32768",
            {"sample", "calibrate_joint", "predict", *SHOWN},
        ),
        ("figures/captions.py", "masked elements at zero", "hidden elements at zero", {"report"}),
        ("simulators/lens/light.py", "import math", "import math, cmath", set()),
        ("inference/truncation.py", '"""The next box', '"""The box that is next', set()),
    ],
)
def test_edit_of_a_module_reruns_only_what_uses_it(finished, module, old, new, expected):
    file = finished.folder / "src/darksieve" / module
    original = file.read_text()
    assert old in original
    file.write_text(original.replace(old, new, 1))
    try:
        assert finished.planned() == expected
    finally:
        file.write_text(original)


def test_edit_of_the_users_simulator_simulates_again(finished):
    file = finished.folder / "examples/line.py"
    original = file.read_text()
    file.write_text(original.replace("noise=0.1", "noise=0.2"))
    try:
        assert {"observe", "simulate", "train"} <= finished.planned()
    finally:
        file.write_text(original)


@pytest.mark.parametrize(
    ("old", "new", "absent", "present"),
    [
        ("epochs: 4", "epochs: 5", {"observe"}, {"train"}),
        ("posterior_samples: 500", "posterior_samples: 600", {"simulate", "train", "calibrate"}, {"sample"}),
        ("predictive_draws: 20", "predictive_draws: 30", {"simulate", "train", "sample"}, {"predict"}),
    ],
)
def test_change_of_a_key_reruns_only_what_reads_it(finished, old, new, absent, present):
    file = finished.folder / "examples/line.yaml"
    original = file.read_text()
    assert old in original
    file.write_text(original.replace(old, new))
    try:
        planned = finished.planned()
        assert present <= planned
        assert not absent & planned
    finally:
        file.write_text(original)


def test_one_core_gives_the_same_simulations_and_posterior(finished, workspace):
    workspace.snakemake("--cores", "1", *ENDS)
    assert_same_simulations(finished, workspace)
    first, second = posterior_samples(finished), posterior_samples(workspace)
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


def test_killed_run_goes_on_and_ends_with_the_same_numbers(finished, workspace):
    process = workspace.start("--cores", "2")
    deadline = time.monotonic() + 120
    while not workspace.result("round-1/estimator.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    workspace.kill(process)
    kept = workspace.result("round-1/shard-0.json").stat().st_mtime_ns
    workspace.snakemake("--unlock")
    workspace.snakemake("--cores", "2", *ENDS)
    assert workspace.result("round-1/shard-0.json").stat().st_mtime_ns == kept
    assert_same_simulations(finished, workspace)
    first, second = posterior_samples(finished), posterior_samples(workspace)
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


def test_second_analysis_of_the_same_simulator_simulates_nothing(finished, tmp_path, repository_module):
    """Another network and another observation: the first round's box is the same, so all is reused, and said."""
    copy = Workspace(tmp_path / "copy", repository_module)
    shutil.copytree(finished.folder / "data", copy.folder / "data")
    file = copy.folder / "examples/line.yaml"
    record = yaml.safe_load(file.read_text())
    record["network"] = {"features": 8}
    record["observation"]["mock"]["seed"] = 7
    file.write_text(yaml.safe_dump(record))
    output = copy.snakemake("--cores", "2", "results/line/round-1/shard-0.json")
    plan = json.loads(copy.result("round-1/plan.json").read_text())
    assert plan["new_simulations"] == 0
    assert f"{plan['reused_simulations']} simulations reused, 0 new" in output.stdout + output.stderr
    assert "all simulations are in the store" in output.stdout + output.stderr


def test_what_no_experiment_needs_is_listed_and_removed_only_when_asked(finished, tmp_path, repository_module):
    copy = Workspace(tmp_path / "copy", repository_module)
    shutil.copytree(finished.folder / "data", copy.folder / "data")
    store = copy.folder / "data/simulations"
    (needed,) = store.iterdir()
    shutil.copytree(needed, store / "0123456789abcdef")
    assert "would be removed" in copy.snakemake("--cores", "1", "clean_store").stdout
    assert len(list(store.iterdir())) == 2
    copy.snakemake("--cores", "1", "clean_store", extra=("remove=true",))
    assert list(store.iterdir()) == [needed]


def test_strict_run_fails_at_its_end_with_a_line_that_names_what_failed(finished, tmp_path, repository_module):
    """The verdict is rewritten by hand, once to yes and once to no, since what a short training gives may change."""
    copy = Workspace(tmp_path / "copy", repository_module)
    for part in ("data", "results", ".snakemake"):
        shutil.copytree(finished.folder / part, copy.folder / part)
    path = copy.result("verdict.json")
    for verdict, failed in (("yes", []), ("no", ["ranks", "local"])):
        record = json.loads(path.read_text()) | {"verdict": verdict}
        for entry in record["diagnostics"]:
            entry |= {"passed": entry["name"] not in failed, "undecided": False}
        path.write_text(json.dumps(record))
        result = copy.snakemake("--cores", "2", check=False, extra=("strict=true",))
        assert (result.returncode == 0) == (verdict == "yes"), result.stdout + result.stderr
        assert copy.result("summary.txt").exists()
    (line,) = {line for line in (result.stdout + result.stderr).splitlines() if "demand: error:" in line}
    assert "line: ranks (" in line
    assert "local (" in line
    assert "coverage" not in line
    assert copy.snakemake("--cores", "2", check=False, extra=("strict=true",)).returncode != 0


def test_mistake_in_the_config_stops_before_the_first_job_with_one_line(workspace):
    file = workspace.folder / "examples/line.yaml"
    file.write_text(file.read_text().replace("slope:", "slop:", 1))
    result = workspace.snakemake("--cores", "2", check=False)
    assert result.returncode != 0
    assert not workspace.result("observation.h5").exists()
    output = result.stdout + result.stderr
    assert "Traceback" not in output
    lines = [line for line in output.splitlines() if "darksieve: error:" in line]
    assert len(lines) == 1
    assert "slop" in lines[0]
