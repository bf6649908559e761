"""With what results are made: the commit of the workflow and the versions of the packages."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import distributions
from pathlib import Path

__all__ = ["Revision", "describe_revision", "git_revision", "versions"]

Revision = dict[str, str | bool]


def git_revision(folder: Path) -> Revision | None:
    """The commit that is checked out in a folder, and whether tracked files differ from it; None without git there."""
    try:
        commit, changes = (
            subprocess.run(["git", "-C", str(folder), *command], capture_output=True, text=True, check=True).stdout
            for command in (("rev-parse", "HEAD"), ("status", "--porcelain", "--untracked-files=no"))
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return {"commit": commit.strip(), "dirty": bool(changes)}


def describe_revision(revision: Revision | None) -> str:
    """A revision in words."""
    if revision is None:
        return "none: the folder is under no version control"
    return f"{revision['commit']}{', with changes that are not committed' if revision['dirty'] else ''}"


def versions() -> dict[str, str]:
    """Versions of Python and of every package that is installed, by name."""
    installed = {found.metadata["Name"]: found.version for found in distributions()}
    return {"python": platform.python_version(), **dict(sorted(installed.items(), key=lambda item: item[0].lower()))}
