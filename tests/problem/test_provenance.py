import subprocess
import sys
from pathlib import Path

from darksieve.problem.provenance import derive_seed, digest, imported_modules

EDIT = """
import darksieve.problem.provenance as p
print(p.code_digest("darksieve.cli.truncate"))
"""


def test_digest_ignores_the_order_of_keys():
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})


def test_seeds_depend_on_every_part():
    seeds = {derive_seed("x", i, j) for i in range(20) for j in range(20)}
    assert len(seeds) == 400
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_code_of_a_step_holds_what_it_imports_at_any_depth_and_nothing_else():
    modules = imported_modules("darksieve.cli.train")
    assert {"darksieve.inference.training", "darksieve.inference.network", "darksieve.problem.box"} <= set(modules)
    assert not any(name.startswith(("darksieve.figures", "darksieve.diagnostics")) for name in modules)


def test_simulating_needs_neither_inference_nor_swyft():
    assert not any(name.startswith("darksieve.inference") for name in imported_modules("darksieve.cli.simulate"))


def test_the_lens_simulator_depends_on_the_lens_and_the_contract_alone():
    modules = set(imported_modules("darksieve.simulators.lens"))
    others = {name for name in modules if not name.startswith("darksieve.simulators.lens")}
    assert others <= {
        "darksieve", "darksieve.inference.posterior", "darksieve.problem.block_factor", "darksieve.problem.errors",
        "darksieve.problem.files", "darksieve.problem.section", "darksieve.problem.simulator",
        "darksieve.problem.swyft_adapter", "darksieve.simulators.options",
    }  # fmt: skip


def test_comments_and_docstrings_change_no_digest_and_code_does(tmp_path, repository):
    copy = tmp_path / "src"
    subprocess.run(["cp", "-r", str(repository / "src"), str(copy)], check=True)
    file = copy / "darksieve/inference/truncation.py"
    original = file.read_text()

    def code_digest():
        run = subprocess.run(
            [sys.executable, "-c", EDIT], capture_output=True, text=True, check=True, env={"PYTHONPATH": str(copy)}
        )
        return run.stdout

    before = code_digest()
    file.write_text("# a comment\n" + original.replace("Truncation:", "The truncation:", 1))
    assert code_digest() == before
    file.write_text(original.replace("GUARD_CELLS = 4", "GUARD_CELLS = 5"))
    assert code_digest() != before
    assert Path(file).is_file()
