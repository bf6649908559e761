"""The analyses of the physics of AI as rules: planned by name, made with settings of the config, and not made again."""

import json

import yaml


def test_each_analysis_is_a_target_of_its_own(workspace):
    planned = workspace.planned("ising", "hopfield", "boltzmann")
    assert planned == {"analyse", "illustrate", "ising", "hopfield", "boltzmann"}
    theories = ("interacting_theory", "lattice_field", "learned_dynamics", "wide_networks", "convergence_theory")
    assert workspace.planned(*theories) == {"analyse", "illustrate", *theories}
    assert {"download", "learn_galaxies", "analyse", "analyse_images", "sample", "diffusion"} <= workspace.planned(
        "diffusion"
    )
    assert {"analyse_images", "illustrate", "train", "simulate"} <= workspace.planned("memory")
    assert {"analyse_images", "train", "summary_theory"} <= workspace.planned("summary_theory")
    assert workspace.planned("embedding_width") >= {"analyse_images", "simulate"}
    assert {"analyse", "analyse_images", "download", "simulate", "scinet"} <= workspace.planned("scinet")
    assert {"survey", "attest", "physics_ai"} <= workspace.planned("physics_ai")
    assert not {"analyse", "analyse_images"} & workspace.planned()


def test_settings_reach_the_analysis_and_a_change_makes_it_again(workspace):
    file = workspace.folder / "config/config.yaml"
    original = file.read_text()
    section = {"lattices": [4, 8], "measurements": 200, "sweeps": 200}
    file.write_text(original + yaml.safe_dump({"analyses": {"ising": section}}))
    output = workspace.snakemake("--cores", "1", "ising")
    folder = workspace.folder / "results/physics_ai/ising"
    assert json.loads((folder / "result.json").read_text())["lattices"] == [4, 8]
    assert (folder / "figures/binder.pdf").stat().st_size > 1000
    assert "enumeration passed" in output.stdout + output.stderr
    assert workspace.planned("ising") == set()
    file.write_text(original + yaml.safe_dump({"analyses": {"ising": section | {"seed": 2}}}))
    assert workspace.planned("ising") == {"analyse", "illustrate", "ising"}
