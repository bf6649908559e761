import copy
import json

import h5py
import numpy as np
import pytest
import torch
from tests.conftest import simulate

from darksieve.cli import main
from darksieve.problem.box import Box
from darksieve.problem.errors import DarksieveError
from darksieve.store.plan import make_plan
from darksieve.store.simulate import read_simulations
from darksieve.store.transfer import export_simulations, import_simulations

ROWS = 2000


@pytest.fixture
def drawn(line):
    """Parameters from the prior of the line, and noisy data."""
    generator = np.random.default_rng(1)
    z = line.prior.from_unit(generator.random((ROWS, 2))).astype(np.float32)
    noise = torch.Generator().manual_seed(1)
    signal = line.simulator.simulate(torch.from_numpy(z), noise)
    return z, line.simulator.observe(signal, noise)["brightness"].numpy()


def write(path, z, y):
    if path.suffix == ".npz":
        np.savez(path, theta=z, y=y)
    else:
        with h5py.File(path, "w") as file:
            file["theta"], file["y"] = z, y


@pytest.fixture
def record(line_record):
    line_record = copy.deepcopy(line_record)
    line_record["simulator"] = {
        "class": "darksieve.simulators.imported:Imported",
        "options": {
            "file": "drawn.npz",
            "parameters": ["intercept", "slope"],
            "z": "theta",
            "data": {"brightness": "y"},
        },
    }
    line_record["observation"] = {"file": "drawn.h5", "arrays": {"brightness": "observed"}}
    line_record["diagnostics"] = {"simulations": 200}
    return line_record


@pytest.fixture
def imported(record, load_record, drawn, tmp_path):
    write(tmp_path / "drawn.npz", *drawn)
    with h5py.File(tmp_path / "drawn.h5", "w") as file:
        file["observed"] = drawn[1][0]
    return load_record(record, "imported")


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_imported_simulations_take_the_place_of_a_simulator(record, load_record, drawn, tmp_path, suffix):
    z, y = drawn
    write(tmp_path / f"sims{suffix}", z, y)
    with h5py.File(tmp_path / "drawn.h5", "w") as file:
        file["observed"] = y[0]
    record["simulator"]["options"]["file"] = f"sims{suffix}"
    experiment, store = load_record(record, "imported"), tmp_path / "store"
    assert import_simulations(experiment, store) == (ROWS - 200, 200)
    assert import_simulations(experiment, store) == (ROWS - 200, 200)  # they are there
    full = Box.full(experiment.prior.names)
    plan = make_plan(experiment, full, "round-1", experiment.config.rounds.simulations, store)
    assert plan.new_simulations == 0
    assert plan.reused_simulations == ROWS - 200
    found = read_simulations(experiment, plan, [], store)
    np.testing.assert_array_equal(found.z, z[found.index.astype(int)])
    np.testing.assert_array_equal(found.x["brightness"], y[found.index.astype(int)])
    tests = read_simulations(
        experiment, make_plan(experiment, full, "test", experiment.config.diagnostics.simulations, store), [], store
    )
    assert not set(tests.index) & set(found.index)


def test_truncated_box_takes_what_lies_in_it(imported, drawn, tmp_path):
    import_simulations(imported, tmp_path / "store")
    box = Box(imported.prior.names, (0.2, 0.3), (0.6, 0.8))
    plan = make_plan(imported, box, "round-2", imported.config.rounds.simulations, tmp_path / "store")
    inside = box.contains(imported.prior.to_unit(drawn[0])).sum()
    assert 0.8 * inside < plan.reused_simulations <= inside  # a tenth is kept for the calibration
    assert plan.new_simulations == 0


def test_row_that_is_not_finite_is_never_read(imported, drawn, tmp_path):
    z, y = drawn
    y = y.copy()
    y[::100, 3] = np.nan
    write(tmp_path / "drawn.npz", z, y)
    import_simulations(imported, tmp_path / "store")
    full = Box.full(imported.prior.names)
    plan = make_plan(imported, full, "round-1", imported.config.rounds.simulations, tmp_path / "store")
    found = read_simulations(imported, plan, [], tmp_path / "store")
    assert np.isfinite(found.x["brightness"]).all()
    assert not set(found.index) & set(range(0, ROWS, 100))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda z, y: (z + 10, y), "rows lie outside the prior, first intercept="),
        (lambda z, y: (z[:, :1], y), r"has shape \(2000, 1\), not \(n, 2\)"),
        (lambda z, y: (z, y[:100]), "has 100 rows, z has 2000"),
        (lambda z, y: (z[:300], y[:300]), "300 rows, of which 200 are kept"),
    ],
)
def test_rows_that_do_not_fit_are_one_line(imported, drawn, tmp_path, change, message):
    write(tmp_path / "drawn.npz", *change(*drawn))
    with pytest.raises(DarksieveError, match=message) as told:
        import_simulations(imported, tmp_path / "store")
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(("key", "value"), [("z", "zz"), ("data", {"brightness": "w"})])
def test_array_that_is_not_in_the_file_is_one_line(record, load_record, imported, tmp_path, key, value):
    record["simulator"]["options"][key] = value
    with pytest.raises(DarksieveError, match=r"drawn\.npz: no array '(zz|w)'; it holds theta, y"):
        import_simulations(load_record(record, "other"), tmp_path / "store")


def test_simulator_of_the_usual_kind_is_not_imported(line, tmp_path):
    with pytest.raises(DarksieveError, match="none of imported simulations"):
        import_simulations(line, tmp_path)


def test_export_holds_what_went_well_and_says_what_made_it(line, tmp_path):
    full = Box.full(line.prior.names)
    first = simulate(line, full, tmp_path / "store", 300)
    simulate(line, full, tmp_path / "store", 100, "test")
    simulate(line, full, tmp_path / "store", 600)
    everything = simulate(line, full, tmp_path / "store", 600)
    number = export_simulations(tmp_path / "store", line.fingerprint, tmp_path / "out.h5")
    with h5py.File(tmp_path / "out.h5") as file:
        group = file["train-1"]
        assert len(group["z"]) == len(everything) > len(first)
        assert group["x/brightness"].shape == (len(everything), 20)
        assert json.loads(group.attrs["parameters"]) == ["intercept", "slope"]
        assert number == len(group["z"]) + len(file["test-1/z"])
        rows = np.lexsort(group["z"][:].T)
        np.testing.assert_array_equal(group["z"][:][rows], everything.z[np.lexsort(everything.z.T)])


def test_command_line_imports_and_exports(imported, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["store", "import", "store", str(imported.path)]) == 0
    assert "1800 simulations for training and 200 for the calibration" in capsys.readouterr().out
    assert main(["store", "export", "store", imported.fingerprint, "out.h5"]) == 0
    assert "2000 simulations are in out.h5" in capsys.readouterr().out
    assert main(["store", "export", "store", "0000", "out.h5"]) == 1
