"""The lens experiments from start to end, against what they must show."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from darksieve import load_posterior

REPOSITORY = Path(__file__).resolve().parents[2]


def run(experiment, folder, mirror=None):
    for part in ("Snakefile", "workflow", "config", "profiles"):
        source = REPOSITORY / part
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / part)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path} | ({"DARKSIEVE_DATA_MIRROR": str(mirror)} if mirror else {})
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--config", f"experiments=[{experiment}]"]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    results = folder / "results" / experiment
    diagnostics = {path.stem: json.loads(path.read_text()) for path in results.glob("diagnostics/*.json")}
    return load_posterior(results / "posterior.h5"), diagnostics


def intervals_with_the_truth(posterior, truth, levels):
    tails = [0.5 * (1 - level) for level in levels]
    found = []
    for name, value in truth.items():
        edges = [posterior.quantiles(name, [tail, 1 - tail]) for tail in tails]
        found.append([low <= value <= high for low, high in edges])
    return [sum(column) for column in zip(*found)]


def mock_truth(experiment):
    import yaml

    record = yaml.safe_load((REPOSITORY / f"config/experiments/{experiment}.yaml").read_text())
    return record["observation"]["mock"]["parameters"]


@pytest.mark.slow
def test_tiny_lens_is_found(tmp_path):
    posterior, _ = run("lens-tiny", tmp_path)
    truth = mock_truth("lens-tiny")
    assert posterior.mean("einstein_radius") == pytest.approx(truth["einstein_radius"], rel=0.03)
    (inside,) = intervals_with_the_truth(posterior, truth, [0.997])
    assert inside == len(truth)


@pytest.mark.slow
def test_mock_lens_and_its_subhalo_are_found(tmp_path):
    posterior, diagnostics = run("lens-mock", tmp_path)
    truth = mock_truth("lens-mock")
    assert posterior.mean("einstein_radius") == pytest.approx(truth["einstein_radius"], rel=0.01)
    inside_997, inside_68 = intervals_with_the_truth(posterior, truth, [0.997, 0.68])
    assert inside_997 == len(truth)
    assert inside_68 >= 0.6 * len(truth)
    assert diagnostics["coverage"]["passed"]


@pytest.mark.slow
def test_real_ring_has_the_einstein_radius_of_its_image(tmp_path, mirror):
    posterior, diagnostics = run("lens-hst", tmp_path, mirror)
    assert 1.21 < posterior.mean("einstein_radius") < 1.28
    assert posterior.standard_deviation("einstein_radius") <= 0.01
    # one smooth Sersic source cannot fit this arc; a check that passes would be broken
    assert not diagnostics["predictive"]["passed"]
