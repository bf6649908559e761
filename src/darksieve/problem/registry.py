"""Registered observations: where each file comes from, what it must contain, and how to cite it.

The project carries no copies. A file is downloaded from its public origin with pooch, or taken from a mirror
folder, and verified by its sha256 either way.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from darksieve.problem.errors import DarksieveError
from darksieve.problem.provenance import file_digest

__all__ = ["MIRROR_VARIABLE", "REGISTRY", "DataFile", "fetch"]

MIRROR_VARIABLE = "DARKSIEVE_DATA_MIRROR"


@dataclass(frozen=True)
class DataFile:
    """One registered file.

    `origin` is the public address, `sha256` the digest of the bytes, `units` says what the arrays hold.
    """

    origin: str
    sha256: str
    licence: str
    citation: str
    units: str


_DOLPHIN = (
    "https://raw.githubusercontent.com/ajshajib/dolphin/4c2cbf2d7dbdc2afa2b9a8c95c290b38dc4d0822/"
    "io_directory_example/data/lens_system1/"
)

REGISTRY: dict[str, DataFile] = {
    "image_lens_system1_F390W.h5": DataFile(
        origin=_DOLPHIN + "image_lens_system1_F390W.h5",
        sha256="3f7be6deb81129d54778e859f521398ed982b6f1f11dd51e0babb426f054dd40",
        licence="BSD-3-Clause",
        citation="Shajib et al. 2021, MNRAS 503, 2380 (dolphin); HST WFC3/UVIS F390W, system anonymised there",
        units="image_data, background_rms: electron / s per pixel of 0.04 arcsec; exposure_time: s",
    ),
    "psf_lens_system1_F390W.h5": DataFile(
        origin=_DOLPHIN + "psf_lens_system1_F390W.h5",
        sha256="4aa519d97398005cd9245a8431a3947e4913192b3db57586989f2c5c624a2054",
        licence="BSD-3-Clause",
        citation="Shajib et al. 2021, MNRAS 503, 2380 (dolphin)",
        units="kernel_point_source: fraction of the flux per pixel of 0.04 arcsec",
    ),
}


def fetch(name: str, destination: Path, mirror: Path | None = None) -> Path:
    """Bring a registered file to `destination`, verified.

    Parameters
    ----------
    name : str
        Key of `REGISTRY`.
    destination : Path
        Where the file goes; written under another name first, so that it is whole or not there.
    mirror : Path, optional
        A folder that holds the file at any depth; used in place of the network.

    Raises
    ------
    DarksieveError
        If the name is not registered, the mirror lacks the file, the origin cannot be reached, or the checksum
        does not match.
    """
    if name not in REGISTRY:
        raise DarksieveError(f"no registered data file {name!r}", mend=f"known are {', '.join(REGISTRY)}")
    destination = Path(destination)
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=destination.parent) as folder:
        part = Path(folder) / name
        if mirror is not None:
            _copy_from_mirror(name, Path(mirror), part)
        else:
            _download(name, part)
        found, wanted = file_digest(part), REGISTRY[name].sha256
        if found != wanted:
            raise DarksieveError(
                f"checksum {found[:12]}... is not the registered {wanted[:12]}...", where=name,
                mend="the file was changed or cut short: get it again",
            )  # fmt: skip
        part.replace(destination)
    return destination


def _copy_from_mirror(name: str, mirror: Path, part: Path) -> None:
    if not mirror.is_dir():
        raise DarksieveError(f"data mirror {mirror} is no folder", where=name, mend=f"correct {MIRROR_VARIABLE}")
    found = sorted(mirror.rglob(name))
    if not found:
        raise DarksieveError(f"not in the data mirror {mirror}", where=name, mend=f"correct {MIRROR_VARIABLE}")
    shutil.copyfile(found[0], part)


def _download(name: str, part: Path) -> None:
    import pooch

    pooch.get_logger().setLevel("WARNING")
    try:
        pooch.retrieve(REGISTRY[name].origin, known_hash=None, fname=part.name, path=part.parent)
    except Exception as error:
        raise DarksieveError(
            f"cannot be downloaded from {REGISTRY[name].origin} ({type(error).__name__})", where=name,
            mend=f"check the network, or name a folder that holds the file in {MIRROR_VARIABLE}",
        ) from error  # fmt: skip
