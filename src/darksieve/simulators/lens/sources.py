"""The galaxies that are lensed: Sersic components, or real galaxies out of images of the sky."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator
from torch import Tensor

from darksieve.problem.errors import DarksieveError
from darksieve.problem.files import read_array, read_folder
from darksieve.problem.section import Section, read_config
from darksieve.problem.simulator import Description
from darksieve.simulators.lens.light import sersic_brightness, sersic_coefficients

__all__ = ["DrawnGalaxy", "RealGalaxies", "SersicComponents", "Source", "read_source"]

WHERE = "option source"


class GalaxyFiles(Section):
    """Images of real galaxies: an array (G, H, W) in a file, or a folder of FITS images."""

    file: str | None = Field(None, description="HDF5, FITS or npz file")
    dataset: str | None = Field(None, description="array in that file")
    folder: str | None = Field(None, description="folder whose FITS files hold an image each, in the first extension")

    @model_validator(mode="after")
    def _one_place(self) -> GalaxyFiles:
        if (self.folder is None) == (self.file is None) or (self.file is None) != (self.dataset is None):
            raise ValueError("give {file, dataset} or {folder}")
        return self


class SourceOptions(Section):
    """The option `source`."""

    sersic: int = Field(1, ge=1, le=5, description="Sersic components; parameters of the second begin with source_2")
    galaxies: GalaxyFiles | None = Field(
        None, description="in place of these, a real galaxy, turned at random: another one for each image"
    )

    @model_validator(mode="after")
    def _one_kind(self) -> SourceOptions:
        if self.galaxies is not None and "sersic" in self.model_fields_set:
            raise ValueError("give sersic or galaxies, not both")
        return self


class DrawnGalaxy(Protocol):
    """The galaxies of a batch of B lenses."""

    def brightness(self, rows: slice, x: Tensor, y: Tensor, workspace: Tensor) -> Tensor:
        """Surface brightness (b, R) [electron / s / arcsec^2] of some of them at places x, y (b or 1, R) [arcsec].

        `workspace` (2, b, R) may be overwritten, and the brightness may lie in its first row.
        """


class Source(Protocol):
    """What all sources offer.

    Attributes
    ----------
    random : bool
        Whether an image depends on more than its parameters.
    descriptions : dict of str to Description
        Its parameters.
    """

    random: bool
    descriptions: dict[str, Description]

    def draw(self, values: Mapping[str, Tensor], generator: torch.Generator) -> DrawnGalaxy:
        """The sources of lenses with parameters (B, 1)."""


def read_source(option: Mapping[str, Any] | None) -> Source:
    """The source that the option `source` describes.

    Raises
    ------
    DarksieveError
        If the option is not what it should be, or the files hold no galaxies.
    """
    if not isinstance(option, Mapping | None):
        raise DarksieveError(f"{option!r}", where=WHERE, mend="write {sersic: 1} or {galaxies: {file, dataset}}")
    options = read_config(SourceOptions, option or {}, where=WHERE)
    if options.galaxies is None:
        return SersicComponents(options.sersic)
    try:
        return RealGalaxies(_read_galaxies(options.galaxies))
    except DarksieveError as error:
        raise DarksieveError(str(error), where=WHERE) from error


def _sersic_descriptions(name: str, short: str) -> dict[str, Description]:
    """Parameters of a galaxy with a Sersic profile."""
    return {
        f"{name}_x": Description("arcsec", rf"x_\mathrm{{{short}}}"),
        f"{name}_y": Description("arcsec", rf"y_\mathrm{{{short}}}"),
        f"{name}_radius": Description("arcsec", rf"R_\mathrm{{{short}}}"),
        f"{name}_index": Description("", rf"n_\mathrm{{{short}}}"),
        f"{name}_e1": Description("", rf"e_{{1,\mathrm{{{short}}}}}"),
        f"{name}_e2": Description("", rf"e_{{2,\mathrm{{{short}}}}}"),
        f"log10_{name}_flux": Description("", rf"\log_{{10}} F_\mathrm{{{short}}} / (e^-\,\mathrm{{s}}^{{-1}})"),
    }


class SersicComponents:
    """One or several galaxies, or parts of one, with Sersic profiles."""

    random = False

    def __init__(self, number: int = 1, name: str = "source", short: str = "src") -> None:
        self.names = [name, *(f"{name}_{component}" for component in range(2, number + 1))]
        shorts = [short, *(f"{short},{component}" for component in range(2, number + 1))]
        self.descriptions: dict[str, Description] = {}
        for each, label in zip(self.names, shorts, strict=True):
            self.descriptions |= _sersic_descriptions(each, label)

    def draw(self, values: Mapping[str, Tensor], generator: torch.Generator) -> DrawnGalaxy:
        """The components of each lens; nothing about them is random."""
        keys = ("radius", "index", "e1", "e2", "x", "y")
        return _DrawnSersic(
            [
                sersic_coefficients(10 ** values[f"log10_{name}_flux"], *(values[f"{name}_{key}"] for key in keys))
                for name in self.names
            ]
        )


@dataclass(frozen=True)
class _DrawnSersic:
    """Coefficients (K, B, 1) of each component."""

    coefficients: list[Tensor]

    def brightness(self, rows: slice, x: Tensor, y: Tensor, workspace: Tensor) -> Tensor:
        first, *others = self.coefficients
        brightness = sersic_brightness(x, y, first[:, rows], workspace)
        for component in others:
            brightness = brightness + sersic_brightness(x, y, component[:, rows])
        return brightness


class RealGalaxies:
    """Galaxies of the sky as sources: which one it is, how it is turned and whether it is mirrored is drawn anew.

    Parameters
    ----------
    images : array (G, H, W)
        Background-subtracted images of G galaxies, each in any unit of flux.

    Raises
    ------
    DarksieveError
        If an image is not finite or its flux is not above zero.
    """

    random = True

    def __init__(self, images: NDArray[np.float64]) -> None:
        if images.ndim != 3 or min(images.shape[1:]) < 8:
            raise DarksieveError(f"images of shape {images.shape}", mend="give (galaxies, height, width), 8 or larger")
        flux = images.sum(axis=(1, 2))
        if not np.isfinite(flux).all() or not (flux > 0).all():
            raise DarksieveError(f"image {int(np.argmin(flux > 0))} is not finite or holds no flux")
        self.images = torch.from_numpy(images / flux[:, None, None])
        self.centres, self.radii = map(torch.from_numpy, _centres_and_radii(images))
        self.descriptions = {
            "source_x": Description("arcsec", r"x_\mathrm{src}"),
            "source_y": Description("arcsec", r"y_\mathrm{src}"),
            "source_radius": Description("arcsec", r"R_\mathrm{src}"),
            "log10_source_flux": Description("", r"\log_{10} F_\mathrm{src} / (e^-\,\mathrm{s}^{-1})"),
        }

    def draw(self, values: Mapping[str, Tensor], generator: torch.Generator) -> DrawnGalaxy:
        """A galaxy, a direction and a mirror image for each lens."""
        like = values["source_x"]
        number, device = len(like), like.device
        chosen = torch.randint(len(self.images), (number,), generator=generator, device=device)
        angle = 2 * math.pi * torch.rand(number, 1, generator=generator, device=device).to(like.dtype)
        mirror = 1 - 2.0 * torch.randint(2, (number, 1), generator=generator, device=device).to(like.dtype)
        return _DrawnGalaxies(
            self.images.to(like)[chosen],
            self.centres.to(like)[chosen],
            self.radii.to(like)[chosen, None] / values["source_radius"],
            10 ** values["log10_source_flux"],
            torch.stack([values["source_x"], values["source_y"]]),
            torch.stack([angle.cos(), angle.sin(), mirror]),
        )


@dataclass(frozen=True)
class _DrawnGalaxies:
    """Images (B, H, W) of unit flux with their centres (B, 2) [pixels], pixels an arcsec, fluxes, places and turns."""

    images: Tensor
    centres: Tensor
    scale: Tensor
    flux: Tensor
    place: Tensor
    turn: Tensor

    def brightness(self, rows: slice, x: Tensor, y: Tensor, workspace: Tensor) -> Tensor:
        images, scale, (cosine, sine, mirror) = self.images[rows], self.scale[rows], self.turn[:, rows]
        x, y = x - self.place[0, rows], y - self.place[1, rows]
        across, along = scale * mirror * (cosine * x + sine * y), scale * (cosine * y - sine * x)
        height, width = images.shape[1:]
        across = (across + self.centres[rows, :1]) * (2 / (width - 1)) - 1
        along = (along + self.centres[rows, 1:]) * (2 / (height - 1)) - 1
        grid = torch.stack([across, along], dim=-1)[:, None]
        found = torch.nn.functional.grid_sample(images[:, None], grid, mode="bicubic", align_corners=True)
        return found[:, 0, 0] * (self.flux[rows] * scale**2)


def _read_galaxies(files: GalaxyFiles) -> NDArray[np.float64]:
    if files.folder is None:
        return read_array(Path(str(files.file)), str(files.dataset))
    images = [read_array(path, "0") for path in read_folder(Path(files.folder))]
    if any(image.ndim != 2 for image in images):
        raise DarksieveError("a FITS file there holds no image in its first extension", where=files.folder)
    height, width = (max(image.shape[axis] for image in images) for axis in (0, 1))
    return np.stack([np.pad(i, ((0, height - i.shape[0]), (0, width - i.shape[1]))) for i in images])


def _centres_and_radii(images: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centre of light (G, 2), x and y, and the radius (G,) around it that holds half of the flux, in pixels."""
    rows, columns = np.indices(images.shape[1:])
    bright = images.clip(min=0)  # the noise of an empty background has no centre
    total = bright.sum(axis=(1, 2))
    centres = np.stack([(bright * axis).sum(axis=(1, 2)) / total for axis in (columns, rows)], axis=1)
    radii = []
    for image, (x, y) in zip(images, centres, strict=True):
        distance = np.hypot(columns - x, rows - y).ravel()
        order = np.argsort(distance)
        inside = np.cumsum(image.ravel()[order]) / image.sum()
        radii.append(distance[order][np.argmax(inside >= 0.5)])
    return centres, np.array(radii)
