import json
import subprocess
import sys
import time

import numpy as np
import pytest
import yaml

from darksieve.cli import VERBS, main
from darksieve.inference.profiles import Marginals


def run(*arguments, **kwargs):
    return subprocess.run(
        [sys.executable, "-m", "darksieve", *map(str, arguments)], capture_output=True, text=True, **kwargs
    )


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb, capsys):
    with pytest.raises(SystemExit) as end:
        main([verb, "--help"])
    assert end.value.code == 0
    shown = capsys.readouterr().out
    assert VERBS[verb][:20].lower() in " ".join(shown.split()).lower()


def test_help_imports_nothing_heavy():
    code = "import sys; from darksieve.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    code += "print(sorted({'torch', 'numpy', 'zarr', 'pydantic', 'swyft', 'matplotlib'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "[]"


def test_simulating_imports_neither_swyft_nor_lightning(repository, tmp_path):
    shared = f"'--experiment', '{repository}/examples/line.yaml'"
    store = f"'--store', '{tmp_path}/s'"
    prior, plan, manifest = (tmp_path / f"{name}.json" for name in ("prior", "plan", "0"))
    code = (
        "import sys; from darksieve.cli import main\n"
        f"main(['declare', {shared}, '--output', '{prior}'])\n"
        f"main(['plan', {shared}, {store}, '--prior', '{prior}', '--draw', 'round-1', '--output', '{plan}'])\n"
        f"main(['simulate', {shared}, {store}, '--plan', '{plan}', '--shard', '0', '--output', '{manifest}'])\n"
        "print(sorted({'swyft', 'pytorch_lightning', 'lightning_fabric', 'matplotlib'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "[]"
    assert manifest.is_file()


def test_planning_and_truncating_import_no_torch(repository, tmp_path):
    experiment, prior = repository / "examples/line.yaml", tmp_path / "prior.json"
    assert run("declare", "--experiment", experiment, "--output", prior).returncode == 0
    Marginals({"slope": -(np.linspace(-30, 30, 256) ** 2)}, {"slope": np.zeros(50)}).write(tmp_path / "profiles.npz")
    shared = f"'--experiment', '{experiment}', '--prior', '{prior}'"
    code = (
        "import sys; from darksieve.cli import main\n"
        f"main(['plan', {shared}, '--store', 's', '--draw', 'round-1', '--output', 'plan.json'])\n"
        f"main(['truncate', {shared}, '--profiles', 'profiles.npz', '--round', '1', '--output', 'box.json'])\n"
        "print('torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert result.stdout == "False\n"
    assert json.loads((tmp_path / "box.json").read_text())["volume"] < 0.5


def test_mistake_is_one_line_and_status_one(tmp_path):
    (tmp_path / "x.yaml").write_text("simulator: {class: line.py:Line}\n")
    result = run("check", tmp_path / "x.yaml")
    assert result.returncode == 1
    assert result.stderr.startswith("darksieve check: error: x.yaml: prior: Field required")
    assert len(result.stderr.splitlines()) == 1


def test_demanding_names_what_failed_in_one_line_and_passes_what_is_only_undecided(tmp_path):
    record = {"statistic": 0.002, "expected_range": [0.01, 1.0], "meaning": "p-value", "passed": False}
    for name, extra in (("ranks", {}), ("balance", {"undecided": True, "reason": "biased"})):
        (tmp_path / f"{name}.json").write_text(json.dumps(record | extra))
    verdicts = {}
    for name, diagnostics in (("a", ("balance",)), ("b", ("balance", "ranks"))):
        (tmp_path / name).mkdir()
        verdicts[name] = tmp_path / name / "verdict.json"
        files = [tmp_path / f"{diagnostic}.json" for diagnostic in diagnostics]
        assert run("judge", "--diagnostics", *files, "--output", verdicts[name]).returncode == 0
    demanded = tmp_path / "demanded.json"
    assert run("demand", "--verdicts", verdicts["a"], "--output", demanded).returncode == 0
    assert json.loads(demanded.read_text()) == {"a": "undecided"}
    result = run("demand", "--verdicts", *verdicts.values(), "--output", tmp_path / "none.json")
    assert result.returncode == 1
    assert "b: ranks (0.002, expected 0.01 to 1);" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "none.json").exists()


def test_wrong_argument_is_status_two():
    assert run("simulate", "--shrd", "1").returncode == 2
    assert run("dance").returncode == 2


def test_reader_of_a_listing_may_leave_early(repository):
    command = f"{sys.executable} -m darksieve check config/experiments/lens-mock.yaml | true; exit ${{PIPESTATUS[0]}}"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=repository)
    assert (result.returncode, result.stderr) == (0, "")


def test_shipped_experiments_are_right(repository, tmp_path):
    files = sorted((repository / "config/experiments").glob("*.yaml"))
    assert {"lens-hst", "lens-mock", "lens-tiny"} <= {path.stem for path in files}
    files = [path for path in files if path.stem != "lens-hst-galaxies"]
    result = run("check", *files, repository / "examples/line.yaml", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.splitlines()) == len(files) + 1


def test_experiment_whose_sources_are_still_to_be_made_says_how(repository, tmp_path):
    result = run("check", repository / "config/experiments/lens-hst-galaxies.yaml", cwd=tmp_path)
    assert result.returncode == 1
    assert "make it first: snakemake --cores all results/physics_ai/diffusion/galaxies.npz" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_registered_data_fit_the_experiment_that_uses_them(repository, mirror, tmp_path):
    for name in ("image", "psf"):
        file = f"{name}_lens_system1_F390W.h5"
        assert run("download", file, "--mirror", mirror, cwd=tmp_path).returncode == 0
    result = run("check", repository / "config/experiments/lens-hst.yaml", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "data image (88, 88)" in result.stdout


def test_kernel_larger_than_the_image_is_one_line(repository, mirror, tmp_path):
    for name in ("image", "psf"):
        run("download", f"{name}_lens_system1_F390W.h5", "--mirror", mirror, cwd=tmp_path)
    record = yaml.safe_load((repository / "config/experiments/lens-hst.yaml").read_text())
    record["simulator"]["options"]["pixels"] = record["observation"]["crop"] = 40
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(record))
    result = run("check", "small.yaml", cwd=tmp_path)
    assert result.returncode == 1
    assert "larger than the image" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.slow
def test_light_verbs_start_in_under_a_third_of_a_second():
    times = []
    for _ in range(7):
        started = time.perf_counter()
        run("--help")
        times.append(time.perf_counter() - started)
    assert sorted(times)[3] < 0.3
