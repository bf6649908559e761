"""Arrays out of users' files (HDF5, FITS, CSV, npz), with one clear line for whatever is wrong with them."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from darksieve.problem.errors import DarksieveError

__all__ = ["crop_centre", "read_array", "read_folder", "resolve_array"]

HDF5_SUFFIXES = (".h5", ".hdf5", ".hdf")
FITS_SUFFIXES = (".fits", ".fit", ".fits.gz")


def read_array(path: Path, name: str) -> NDArray[np.float64]:
    """Read one numeric array.

    Parameters
    ----------
    path : Path
        An HDF5, FITS, CSV or npz file, told apart by its suffix.
    name : str
        The dataset of an HDF5 file, the array of an npz file, the extension (name or number) of a FITS file, or the
        column of a CSV file.

    Raises
    ------
    DarksieveError
        If the file is missing, cannot be read as its suffix says, lacks the array, or holds no numbers.
    """
    path = Path(path)
    if not path.is_file():
        raise DarksieveError("no such file", where=path, mend="check the path or run `darksieve download`")
    suffix = "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix
    try:
        if suffix in HDF5_SUFFIXES:
            values = _read_hdf5(path, name)
        elif suffix in FITS_SUFFIXES:
            values = _read_fits(path, name)
        elif suffix == ".csv":
            values = _read_csv(path, name)
        elif suffix == ".npz":
            values = _read_npz(path, name)
        else:
            raise DarksieveError(f"unknown file type {suffix!r}", where=path, mend="use .h5, .fits, .csv or .npz")
    except DarksieveError:
        raise
    except Exception as error:
        raise DarksieveError(
            f"cannot be read as {suffix}: {error}", where=path, mend="is the file complete and of that type?"
        ) from error
    if values.size == 0 or values.dtype.kind not in "biuf":
        raise DarksieveError(f"{name!r} holds no numbers (shape {values.shape}, {values.dtype})", where=path)
    return values.astype(np.float64)


def read_folder(folder: Path) -> list[Path]:
    """The FITS files of a folder, by name.

    Raises
    ------
    DarksieveError
        If there are none.
    """
    found = sorted(path for path in Path(folder).glob("*") if path.name.endswith(FITS_SUFFIXES))
    if not found:
        raise DarksieveError("no FITS files there", where=folder, mend=f"their names end with {FITS_SUFFIXES[0]}")
    return found


def resolve_array(value: float | Mapping[str, Any]) -> NDArray[np.float64]:
    """A number, or `{file: path, dataset: name}`, as an array.

    Raises
    ------
    DarksieveError
        If the mapping lacks a key or the file cannot be read.
    """
    if isinstance(value, Mapping):
        if set(value) != {"file", "dataset"}:
            raise DarksieveError(f"an array is given as {{file, dataset}}, not {dict(value)}")
        return read_array(Path(value["file"]), str(value["dataset"]))
    return np.asarray(value, dtype=np.float64)


def crop_centre(image: NDArray[np.float64], pixels: int) -> NDArray[np.float64]:
    """Cut the central `pixels` x `pixels` out of an image (..., H, W).

    Raises
    ------
    DarksieveError
        If the image is smaller, or its margin is odd so that the centre would move by half a pixel.
    """
    height, width = image.shape[-2:]
    if height < pixels or width < pixels:
        raise DarksieveError(f"image of {height} x {width} pixels is smaller than the {pixels} wanted")
    if (height - pixels) % 2 or (width - pixels) % 2:
        raise DarksieveError(
            f"cutting {height} x {width} pixels to {pixels} would move the centre by half a pixel",
            mend=f"ask for {pixels + 1}",
        )
    top, left = (height - pixels) // 2, (width - pixels) // 2
    return image[..., top : top + pixels, left : left + pixels]


def _read_hdf5(path: Path, name: str) -> NDArray[Any]:
    import h5py

    with h5py.File(path, "r") as file:
        if name not in file or not isinstance(file[name], h5py.Dataset):
            known: list[str] = []
            file.visititems(lambda key, item: known.append(key) if isinstance(item, h5py.Dataset) else None)
            raise DarksieveError(f"no dataset {name!r}", where=path, mend=f"it holds {', '.join(known) or 'none'}")
        return np.asarray(file[name])


def _read_fits(path: Path, name: str) -> NDArray[Any]:
    from astropy.io import fits

    with fits.open(path) as units:
        key: int | str = int(name) if name.isdigit() else name
        if (isinstance(key, int) and key >= len(units)) or (isinstance(key, str) and key not in units):
            known = ", ".join(f"{i} {unit.name}" for i, unit in enumerate(units))
            raise DarksieveError(f"no extension {name!r}", where=path, mend=f"it holds {known}")
        if units[key].data is None:
            raise DarksieveError(f"extension {name!r} holds no data", where=path)
        return np.asarray(units[key].data)


def _read_csv(path: Path, name: str) -> NDArray[Any]:
    with open(path, newline="") as stream:
        rows = list(csv.DictReader(stream))
    known = list(rows[0]) if rows else []
    if name not in known:
        raise DarksieveError(f"no column {name!r}", where=path, mend=f"it holds {', '.join(known) or 'none'}")
    return np.array([float(row[name]) for row in rows])


def _read_npz(path: Path, name: str) -> NDArray[Any]:
    with np.load(path) as arrays:
        if name not in arrays:
            raise DarksieveError(f"no array {name!r}", where=path, mend=f"it holds {', '.join(arrays)}")
        return np.asarray(arrays[name])
