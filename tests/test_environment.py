"""The same dependencies wherever they are written down."""

import re
import tomllib

import yaml


def test_environment_yml_has_the_dependencies_of_pyproject(repository):
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    environment = yaml.safe_load((repository / "environment.yml").read_text())
    (pip,) = (entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    assert pip == [*project["dependencies"], *project["optional-dependencies"]["dev"], "--editable ."]
    assert "python=3.11" in environment["dependencies"]


def test_lock_pins_every_dependency_within_its_range_and_names_no_address(repository):
    from packaging.requirements import Requirement

    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    lock = (repository / "requirements.lock").read_text()
    pinned = {
        name.lower(): version for name, version in re.findall(r"^([\w.-]+)==([^\s\\]+)", lock, flags=re.MULTILINE)
    }
    for text in [*project["dependencies"], *project["optional-dependencies"]["dev"]]:
        requirement = Requirement(text)
        if requirement.name != "torch":
            assert pinned[requirement.name.lower()] in requirement.specifier, text
    assert "torch" not in pinned
    assert "://" not in lock
    assert lock.count("--hash=sha256:") > len(pinned)


def test_version_is_written_once_the_same(repository):
    from darksieve import __version__

    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    citation = yaml.safe_load((repository / "CITATION.cff").read_text())
    assert project["version"] == citation["version"] == __version__


def test_readme_shows_the_example_as_it_is(repository):
    readme = (repository / "README.md").read_text()
    for file in ("line.py", "line.yaml"):
        assert (repository / "examples" / file).read_text().rstrip() in readme
