"""Two experiments at once on one workstation; a file of its own, so that it runs beside the chain."""

import json

import pytest
import yaml


@pytest.mark.slow
def test_trainings_of_two_experiments_take_turns_on_a_workstation(workspace):
    """Cores are left for both; the one GPU of profiles/default is not."""
    record = yaml.safe_load((workspace.folder / "examples/line.yaml").read_text())
    record["training"]["epochs"] = 40
    for name, seed in (("line", 1), ("other", 2)):
        (workspace.folder / f"examples/{name}.yaml").write_text(yaml.safe_dump(record | {"seed": seed}))
    workspace.experiments = ("examples/line.yaml", "examples/other.yaml")
    workspace.snakemake("results/line/round-1/estimator.pt", "results/other/round-1/estimator.pt", "--cores", "4")
    costs = [
        json.loads((workspace.folder / f"results/{name}/costs/train/round-1.json").read_text())
        for name in ("line", "other")
    ]
    first, second = sorted((cost["ended"] - cost["wall_seconds"], cost["ended"]) for cost in costs)
    assert first[1] <= second[0] + 0.5  # a job's start is known to the clock ticks of its first second
