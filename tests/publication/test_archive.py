"""An archive says what is in it, and is the same for the same files."""

import hashlib
import json
import os
import zipfile

import pytest
from rocrate.rocrate import ROCrate

from darksieve.publication.archive import METADATA, write_archive


@pytest.fixture
def packed(run_folder, provenance):
    path = run_folder / "archive.zip"
    inputs = {"my.yaml": run_folder / "my.yaml"}
    results = {"posterior.h5": run_folder / "results/my/posterior.h5"}
    keywords = {"description": "How steep is the line?", "date": "2026-11-23", "provenance": provenance}
    write_archive(path, inputs, results, **keywords)
    first = path.read_bytes()
    for file in (*inputs.values(), *results.values()):
        os.utime(file, (0, 0))
    write_archive(path, inputs, results, **keywords)
    assert path.read_bytes() == first
    return path


def test_metadata_list_every_file_with_its_checksum(packed):
    with zipfile.ZipFile(packed) as archive:
        graph = {entity["@id"]: entity for entity in json.loads(archive.read(METADATA))["@graph"]}
        names = set(archive.namelist()) - {METADATA}
        assert {part["@id"] for part in graph["./"]["hasPart"]} == names == {"my.yaml", "posterior.h5"}
        for name in names:
            assert graph[name]["sha256"] == hashlib.sha256(archive.read(name)).hexdigest()
            assert int(graph[name]["contentSize"]) == len(archive.read(name))


def test_metadata_are_an_ro_crate_with_the_action_that_made_it(packed, tmp_path):
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(folder)
    crate = ROCrate(folder)
    assert crate.version == "1.1"
    assert crate.metadata.get("about") is crate.root_dataset
    root = crate.root_dataset
    assert (root.type, root.get("datePublished"), root.get("license").get("name")) == (
        "Dataset",
        "2026-11-23",
        "none stated",
    )
    assert crate.description == "How steep is the line?"
    (action,) = crate.get_by_type("CreateAction")
    assert [entity.id for entity in action.get("object")] == ["my.yaml"]
    assert [entity.id for entity in action.get("result")] == ["posterior.h5"]
    assert action.get("instrument").get("softwareVersion") == "0.1.0, commit c0ffee"
    assert "1 of the experiment" in action.get("description")
