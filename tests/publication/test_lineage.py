"""From a result back to the data, with checksums."""

import hashlib

import pytest

from darksieve.problem.errors import DarksieveError
from darksieve.publication.lineage import expand_ranges, file_digests, find_record, lineage, read_jobs

POSTERIOR = "results/my/posterior.h5"


def test_tree_leads_from_the_posterior_to_raw_data(run_folder, provenance):
    lines = list(lineage(provenance, POSTERIOR, run_folder))
    trees = [line.lstrip("│├└─ ").split("  ")[0] for line in lines]
    assert trees == [
        POSTERIOR, "results/my/round-1/shard-0.json", "results/my/round-1/shard-1.json", "results/my/observation.h5",
        "data.csv", "my.yaml",
    ]  # fmt: skip
    sha256 = hashlib.sha256(b"1,2").hexdigest()[:16]
    assert lines[4].endswith(f"data.csv  {sha256}  given")
    assert lines[0].endswith("sample config 11 code 22")
    assert not any("CHANGED" in line or "gone" in line for line in lines)


def test_tree_says_which_files_are_others_now(run_folder, provenance):
    (run_folder / "data.csv").write_text("1,3")
    (run_folder / "results/my/observation.h5").unlink()
    lines = list(lineage(provenance, POSTERIOR, run_folder))
    assert [line.split()[-1] for line in lines if "(CHANGED since)" in line] == ["given"]
    assert sum("(gone)" in line for line in lines) == 1


def test_ranges_of_the_shell_are_written_out():
    assert expand_ranges(["a", "s-{0..2}.json"]) == ("a", "s-0.json", "s-1.json", "s-2.json")


def test_simulations_are_counted_by_draw(provenance):
    record = provenance["store"]["results/my/round-1"]
    assert (record["pool"], record["shards"], record["simulations"]) == ("aa/train-1", 2, 7)


def test_missing_files_and_unknown_results_are_named(run_folder, job_records, provenance):
    (run_folder / "data.csv").unlink()
    with pytest.raises(DarksieveError, match=r"data\.csv: is missing"):
        file_digests(read_jobs(job_records), run_folder)
    with pytest.raises(DarksieveError, match="no result of these jobs"):
        list(lineage(provenance, "results/my/other.png", run_folder))
    with pytest.raises(DarksieveError, match=r"no provenance\.json"):
        find_record(run_folder / POSTERIOR)
