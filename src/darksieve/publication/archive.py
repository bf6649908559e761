"""Archives of analyses: a zip file that says what is in it and how it was made (RO-Crate 1.1).

Equal files make equal archives: no time is in them but the day on which the results were made.

References
----------
Soiland-Reyes et al. 2022, Packaging research artefacts with RO-Crate, Data Science 5, 97, doi:10.3233/DS-210053;
https://w3id.org/ro/crate/1.1
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rocrate.model import ContextEntity
from rocrate.rocrate import ROCrate

from darksieve.problem.provenance import file_digest

__all__ = ["METADATA", "write_archive"]

METADATA = "ro-crate-metadata.json"
TERMS = {"sha256": "http://schema.org/sha256"}  # which the context of RO-Crate 1.1 lacks
EARLIEST = (1980, 1, 1, 0, 0, 0)  # time that a zip file can hold
TYPES = {
    ".cff": "application/yaml",
    ".csv": "text/csv",
    ".h5": "application/x-hdf5",
    ".html": "text/html",
    ".json": "application/json",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".py": "text/x-python",
    ".txt": "text/plain",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}
LICENCE = {
    "@type": "CreativeWork",
    "name": "none stated",
    "description": "Who publishes this archive says how it may be used. The software behind it is under BSD-3-Clause.",
}


def write_archive(
    path: Path,
    inputs: Mapping[str, Path],
    results: Mapping[str, Path],
    *,
    description: str,
    date: str,
    provenance: Mapping[str, Any],
) -> None:
    """Write a zip file of an analysis, with the metadata of an RO-Crate.

    Parameters
    ----------
    path : Path
        The zip file.
    inputs, results : mapping of str to Path
        What went into the run and what came out of it, by the path that each file gets in the archive.
    description : str
        What the analysis asks, in words.
    date : str
        Day on which the results were made, as in 2026-11-23.
    provenance : mapping
        What `provenance.json` holds.
    """
    crate = ROCrate(version="1.1")
    crate.metadata.extra_terms.update(TERMS)
    crate.name = f"darksieve: {provenance['experiment']}"
    crate.description = description
    crate.root_dataset["datePublished"] = date
    crate.license = crate.add(ContextEntity(crate, "#licence", LICENCE))
    action = ContextEntity(crate, "#run", _action(date, provenance))
    action["instrument"] = crate.add(ContextEntity(crate, "#darksieve", _software(provenance)))
    for role, files in (("object", inputs), ("result", results)):
        action[role] = [
            crate.add_file(files[name], name, properties=_file(name, files[name])) for name in sorted(files)
        ]
    crate.root_dataset["mentions"] = crate.add(action)
    files = {**inputs, **results}
    with zipfile.ZipFile(path, "w") as archive:
        _add(archive, METADATA, json.dumps(crate.metadata.generate(), indent=1).encode())
        for name in sorted(files):
            _add(archive, name, files[name].read_bytes())


def _file(name: str, source: Path) -> dict[str, str]:
    return {
        "name": name,
        "encodingFormat": TYPES.get(source.suffix, "application/octet-stream"),
        "contentSize": str(source.stat().st_size),
        "sha256": file_digest(source),
    }


def _action(date: str, provenance: Mapping[str, Any]) -> dict[str, str]:
    seeds = ", ".join(f"{seed} of the {what}" for what, seed in provenance["seeds"].items())
    return {
        "@type": "CreateAction",
        "name": f"Inference of {provenance['experiment']}",
        "description": f"Seeds: {seeds}. Every job and the checksum of every file are in provenance.json.",
        "endTime": date,
    }


def _software(provenance: Mapping[str, Any]) -> dict[str, str]:
    revision, version = provenance["revision"], provenance["versions"]["darksieve"]
    commit = f", commit {revision['commit']}" if revision else ""
    return {"@type": "SoftwareApplication", "name": "darksieve", "softwareVersion": version + commit}


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, EARLIEST)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content)
