import pytest
from tests.conftest import simulate

from darksieve.cli import main
from darksieve.problem.box import Box
from darksieve.problem.errors import DarksieveError
from darksieve.store.inventory import list_simulators, remove_simulators, verify


@pytest.fixture
def two(line, line_record, load_record, tmp_path):
    """A store with the simulations of two simulators, and their experiments."""
    line_record["simulator"]["options"]["points"] = 25
    other = load_record(line_record, "other")
    store = tmp_path / "store"
    simulate(line, Box.full(line.prior.names), store, 300)
    simulate(other, Box.full(line.prior.names), store, 100)
    return store, line, other


def damage(store, fingerprint):
    (shard,) = (store / fingerprint).rglob("*.zarr")
    (data,) = [path for path in (shard / "z").rglob("*") if path.is_file() and path.name != "zarr.json"]
    content = bytearray(data.read_bytes())
    content[50] ^= 1
    data.write_bytes(content)
    return shard


def test_inventory_says_what_made_the_simulations_and_how_large_they_are(two):
    store, line, other = two
    entries = {entry.fingerprint: entry for entry in list_simulators(store)}
    assert set(entries) == {line.fingerprint, other.fingerprint}
    entry = entries[line.fingerprint]
    assert entry.simulator == "line.py:Line"
    assert entry.parameters == ("intercept", "slope")
    assert entry.shards == 1
    assert 200 < entry.simulations < 400
    assert entry.size == sum(p.stat().st_size for p in (store / line.fingerprint).rglob("*") if p.is_file())


def test_verification_names_the_damaged_shard_alone(two):
    store, line, _ = two
    shard = damage(store, line.fingerprint)
    wrong = {path: message for path, message in verify(store) if message}
    assert set(wrong) == {shard}
    assert "is damaged" in wrong[shard]


def test_only_what_no_experiment_needs_is_removed_and_only_when_asked(two):
    store, line, other = two
    assert [e.fingerprint for e in remove_simulators(store, {line.fingerprint}, really=False)] == [other.fingerprint]
    assert (store / other.fingerprint).is_dir()
    remove_simulators(store, {line.fingerprint}, really=True)
    assert not (store / other.fingerprint).exists()
    assert (store / line.fingerprint).is_dir()


def test_folder_that_is_no_store_is_one_line(tmp_path):
    with pytest.raises(DarksieveError, match="no such folder"):
        list_simulators(tmp_path / "nothing")


def test_command_line_lists_verifies_and_cleans(two, capsys):
    store, line, other = two
    assert main(["store", "info", str(store)]) == 0
    assert "line.py:Line" in capsys.readouterr().out
    assert main(["store", "verify", str(store)]) == 0
    assert "2 shards are sound, 0 damaged" in capsys.readouterr().out
    shard = damage(store, other.fingerprint)
    assert main(["store", "verify", str(store)]) == 1
    assert main(["store", "verify", str(store), "--remove"]) == 0
    assert not shard.exists()
    capsys.readouterr()
    assert main(["store", "clean", str(store), "--experiments", str(line.path)]) == 0
    assert "would be removed" in capsys.readouterr().out
    assert main(["store", "clean", str(store), "--experiments", str(line.path), "--really"]) == 0
    assert [path.name for path in store.iterdir()] == [line.fingerprint]
