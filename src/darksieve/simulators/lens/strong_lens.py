"""The simulator of a galaxy-galaxy strong lens: parameters to noise-free image, and image to noisy data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from darksieve.problem.errors import DarksieveError
from darksieve.problem.simulator import Description, Simulator
from darksieve.simulators.lens.cosmology import LensPlane, check_redshifts, lens_plane
from darksieve.simulators.lens.instrument import (
    Instrument,
    convolve,
    ray_grid,
    read_map,
    read_psf,
)
from darksieve.simulators.lens.mass import (
    EPL_WORKSPACE,
    FIRST_TERM,
    epl_coefficients,
    epl_deflection,
    epl_terms,
    shear_deflection,
)
from darksieve.simulators.lens.noise import Noise, read_model_error
from darksieve.simulators.lens.populations import DrawnHaloes, Populations
from darksieve.simulators.lens.sources import DrawnGalaxy, SersicComponents, read_source
from darksieve.simulators.lens.substructure import (
    TNFW_WORKSPACE,
    Haloes,
    haloes_from_mass,
    tnfw_coefficients,
    tnfw_deflection,
)
from darksieve.simulators.options import check_fixed

__all__ = ["StrongLens"]

RAYS_PER_TILE, RAYS_PER_ACCELERATOR_TILE = 2**16, 2**24  # on a CPU the workspace of a tile has to fit the L2 cache

MASS = {
    "einstein_radius": Description("arcsec", r"\theta_\mathrm{E}"),
    "slope": Description("", r"\gamma"),
    "lens_x": Description("arcsec", r"x_\mathrm{lens}"),
    "lens_y": Description("arcsec", r"y_\mathrm{lens}"),
    "lens_e1": Description("", r"e_{1,\mathrm{lens}}"),
    "lens_e2": Description("", r"e_{2,\mathrm{lens}}"),
    "shear_1": Description("", r"\gamma_1"),
    "shear_2": Description("", r"\gamma_2"),
}
SUBHALO = {
    "x_sub": Description("arcsec", r"x_\mathrm{sub}"),
    "y_sub": Description("arcsec", r"y_\mathrm{sub}"),
    "log10_m_sub": Description("", r"\log_{10} m_\mathrm{sub} / \mathrm{M}_\odot"),
}


class StrongLens(Simulator):
    """An elliptical power-law galaxy with external shear lenses another galaxy.

    Parameters
    ----------
    pixels : int
        Pixels a side.
    pixel_scale : float
        Side of a pixel [arcsec].
    supersampling : int
        Gauss points a side of each pixel.
    psf : mapping
        `{gaussian: FWHM in arcsec}` or a kernel `{file, dataset}`; it is normalised.
    exposure_time, background_rms : float or mapping
        A number or a map `{file, dataset}`, whose centre is used: seconds, and the standard deviation of sky and
        read-out in electron / s per pixel.
    noise_correlation : float
        Correlation of the noise of neighbouring pixels, 0 to 0.5, as drizzling leaves it; see `Noise`.
    model_error : float or mapping
        Standard deviation of what the model does not know of a pixel, such as a source's knots, as a fraction of the
        pixel's light: it is drawn with the noise, 0 to 1. `{fraction, fwhm, image: {file, dataset}}` correlates it by
        a Gaussian of this full width at half maximum [arcsec], and light is that of the image, whatever the parameters.
    redshift_lens, redshift_source : float
        They set the physical scale of the subhalo (Planck 2018 cosmology).
    concentration, truncation : float
        c = r200 / r_s and tau = r_t / r_s of the subhalo.
    source : mapping
        `{sersic: number of components}`, by default one; or `{galaxies: {file, dataset}}` or `{galaxies: {folder}}`:
        real galaxies, see `darksieve.simulators.lens.sources`.
    lens_light, subhalo : bool
        Whether the lens galaxy shines (a Sersic profile) and holds a truncated NFW subhalo.
    subhaloes, line_of_sight : mapping
        Populations of haloes, see `darksieve.simulators.lens.halo_options`; drawn anew for each image.
    warm_dark_matter : str
        `half_mode_mass` or `particle_mass`: dark matter of these populations is warm, and this a parameter.
    deflection_accuracy : float
        Root-mean-square error that is allowed of the populations' deflection [arcsec]; 0 sums each halo at each ray.
    fixed : mapping of str to float
        Parameters that are held at a value and leave `parameters`.

    Raises
    ------
    DarksieveError
        If an option is out of its range, a file is not what it should be, or `fixed` names an unknown parameter.
    """

    def __init__(
        self,
        *,
        pixels: int = 64,
        pixel_scale: float = 0.05,
        supersampling: int = 3,
        psf: Mapping[str, Any] | None = None,
        exposure_time: float | Mapping[str, Any] = 2000.0,
        background_rms: float | Mapping[str, Any] = 0.01,
        noise_correlation: float = 0.0,
        model_error: float | Mapping[str, Any] = 0.0,
        redshift_lens: float = 0.5,
        redshift_source: float = 2.0,
        concentration: float = 15.0,
        truncation: float = 6.0,
        source: Mapping[str, Any] | None = None,
        lens_light: bool = False,
        subhalo: bool = False,
        subhaloes: Mapping[str, Any] | None = None,
        line_of_sight: Mapping[str, Any] | None = None,
        warm_dark_matter: str | None = None,
        deflection_accuracy: float = 2e-5,
        fixed: Mapping[str, float] | None = None,
    ) -> None:
        _check_whole("pixels", pixels, 2, 1024)
        _check_whole("supersampling", supersampling, 1, 20)
        for name, value in {
            "pixel_scale": pixel_scale, "redshift_lens": redshift_lens, "redshift_source": redshift_source,
            "concentration": concentration, "truncation": truncation,
        }.items():  # fmt: skip
            _check_positive(name, value)
        for name, flag in {"lens_light": lens_light, "subhalo": subhalo}.items():
            if not isinstance(flag, bool):
                raise DarksieveError(f"{flag!r}", where=f"option {name}", mend="write true or false")
        self.pixels = pixels
        self.concentration, self.truncation = float(concentration), float(truncation)
        self.source = read_source(source)
        self.light = SersicComponents(name="light", short="light") if lens_light else None
        self.subhalo = subhalo
        check_redshifts(redshift_lens, redshift_source)
        self._redshifts = redshift_lens, redshift_source
        self.populations = Populations(
            subhaloes, line_of_sight, warm_dark_matter, self._redshifts, pixels, pixel_scale, supersampling,
            _check_accuracy(deflection_accuracy),
        )  # fmt: skip
        x, y, weights = ray_grid(pixels, pixel_scale, supersampling)
        self.instrument = Instrument(
            x=x, y=y, weights=weights, psf=read_psf(psf or {"gaussian": 0.1}, pixels, pixel_scale),
        )  # fmt: skip
        self.noise = Noise(
            read_map("exposure_time", exposure_time, pixels),
            read_map("background_rms", background_rms, pixels, zero=True),
            _check_fraction("noise_correlation", noise_correlation, 0.5),
            read_model_error(model_error, pixels, pixel_scale),
        )
        self._instruments: dict[tuple[torch.device, torch.dtype], Instrument] = {}
        self._noises: dict[tuple[torch.device, torch.dtype], Noise] = {}

        everything = MASS | self.source.descriptions
        if self.light is not None:
            everything |= self.light.descriptions
        if subhalo:
            everything |= SUBHALO
        everything |= self.populations.descriptions
        self.fixed = check_fixed(fixed or {}, everything)
        self.parameters = tuple(name for name in everything if name not in self.fixed)
        self.descriptions = {name: everything[name] for name in self.parameters} | {
            "image": Description("electron / s", "d", pixel_scale=float(pixel_scale))
        }

    @cached_property
    def plane(self) -> LensPlane:
        """Distances and critical densities, computed when a subhalo asks for them: astropy takes a second to load."""
        return lens_plane(*self._redshifts)

    def simulate(self, z: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Noise-free images of the lenses z.

        Parameters
        ----------
        z : Tensor
            (n, P), columns as in `parameters`, float32 or float64, on any device.
        generator : torch.Generator
            Draws populations of haloes and real galaxies, on the device of z; a signal without these is not random.

        Returns
        -------
        dict of str to Tensor
            `image`, (n, pixels, pixels) [electron / s per pixel], of the dtype and on the device of z.
        """
        if z.ndim != 2 or z.shape[1] != len(self.parameters):
            raise DarksieveError(
                f"parameters of shape {tuple(z.shape)}", where="StrongLens",
                mend=f"give a column each of {', '.join(self.parameters)}",
            )  # fmt: skip
        values = self.named(z)
        haloes = self._haloes(values)
        drawn = self.populations.draw(values, generator) if self.populations else None
        source = self.source.draw(values, generator)
        light = self.light.draw(values, generator) if self.light is not None else None
        return {"image": self.render(values, source, light, haloes, drawn)}

    def observe(self, signal: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """Images (n, pixels, pixels) with the Poisson noise of the exposure and the background's Gaussian noise."""
        return {"image": self._noise_like(signal["image"]).add(signal["image"], generator)}

    def log_likelihood(
        self, x: dict[str, Tensor], signal: dict[str, Tensor], masks: dict[str, Tensor] | None = None
    ) -> Tensor:
        """ln p(x | signal), (n,), of one image (pixels, pixels) for n noise-free ones; see `Noise`."""
        if self.populations or self.source.random:
            raise DarksieveError(
                "haloes or galaxies are drawn anew for each image: no likelihood is known",
                where="StrongLens.log_likelihood",
                mend="leave out reference.methods, or subhaloes, line_of_sight and source.galaxies",
            )
        image = signal["image"]
        used = None if masks is None else masks["image"]
        return self._noise_like(image).log_likelihood(x["image"].to(image), image, used)

    def render(
        self,
        values: Mapping[str, Tensor],
        source: DrawnGalaxy,
        light: DrawnGalaxy | None = None,
        haloes: Haloes | None = None,
        drawn: DrawnHaloes | None = None,
    ) -> Tensor:
        """Noise-free images (B, pixels, pixels) [electron / s per pixel] of given haloes.

        Parameters
        ----------
        values : mapping of str to Tensor
            Parameters of the lens, (B, 1).
        source, light : DrawnGalaxy
            What is lensed, and how the lens itself shines, if it does.
        haloes : Haloes, optional
            Padded haloes at the redshift of the lens, (B, H), each summed at each ray.
        drawn : DrawnHaloes, optional
            Populations, from `populations.draw`.
        """
        lens, shear, halo = _coefficients(values, haloes)
        terms = epl_terms(values["lens_e1"], values["lens_e2"]).flatten().tolist()
        instrument = self._instrument_like(lens)
        x, y = instrument.x, instrument.y
        images = lens.new_empty(lens.shape[1], self.pixels, self.pixels)
        rays = RAYS_PER_TILE if lens.device.type == "cpu" else RAYS_PER_ACCELERATOR_TILE
        step = min(max(1, rays // x.numel()), len(images))
        memory = lens.new_empty(_workspace_rows(halo), step, x.numel())
        for start in range(0, len(images), step):
            rows = slice(start, start + step)
            workspace, tile_lens = memory[:, : len(images[rows])], lens[: FIRST_TERM + max(terms[rows]), rows]
            tile_halo = None if halo is None else halo[:, rows]
            source_x, source_y = _trace(x, y, tile_lens, shear[:, rows], tile_halo, workspace)
            if drawn is not None:
                halo_x, halo_y = self.populations.deflection(drawn.rows(rows), x, y)
                source_x -= halo_x
                source_y -= halo_y
            brightness = source.brightness(rows, source_x, source_y, workspace[2:4])
            if light is not None:
                brightness += light.brightness(rows, x, y, workspace[4:6])
            images[rows] = instrument.integrate(brightness)
        return convolve(images, instrument.psf)

    def named(self, z: Tensor) -> dict[str, Tensor]:
        """Parameters z (n, P) by name, each (n, 1), with those that are fixed."""
        values = dict(zip(self.parameters, z.split(1, dim=1)))
        return values | {name: z.new_full((len(z), 1), value) for name, value in self.fixed.items()}

    def trace(self, values: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Where the instrument's rays (B, R) come from in the source plane [arcsec], by the lens without populations.

        Parameters
        ----------
        values : mapping of str to Tensor
            Parameters of the lens, (B, 1).
        """
        lens, shear, halo = _coefficients(values, self._haloes(values))
        instrument = self._instrument_like(lens)
        memory = lens.new_empty(_workspace_rows(halo), lens.shape[1], instrument.x.numel())
        return _trace(instrument.x, instrument.y, lens, shear, halo, memory)

    def _haloes(self, values: Mapping[str, Tensor]) -> Haloes | None:
        """The subhalo of each lens, if there is one."""
        if not self.subhalo:
            return None
        mass = 10 ** values["log10_m_sub"]
        return haloes_from_mass(
            values["x_sub"], values["y_sub"], mass, self.concentration, self.truncation,
            torch.ones_like(mass, dtype=torch.bool), self.plane,
        )  # fmt: skip

    def _instrument_like(self, tensor: Tensor) -> Instrument:
        key = (tensor.device, tensor.dtype)
        if key not in self._instruments:
            self._instruments[key] = self.instrument.to(*key)
        return self._instruments[key]

    def _noise_like(self, tensor: Tensor) -> Noise:
        key = (tensor.device, tensor.dtype)
        if key not in self._noises:
            self._noises[key] = self.noise.to(*key)
        return self._noises[key]


def _coefficients(values: Mapping[str, Tensor], haloes: Haloes | None) -> tuple[Tensor, Tensor, Tensor | None]:
    """What `_trace` needs of the lenses, their shear and their haloes."""
    shape = (values["einstein_radius"], values["slope"], values["lens_e1"], values["lens_e2"])
    lens = epl_coefficients(*shape, values["lens_x"], values["lens_y"])
    shear = torch.stack([values["shear_1"], values["shear_2"]])
    return lens, shear, None if haloes is None else tnfw_coefficients(haloes)


def _workspace_rows(halo: Tensor | None) -> int:
    return EPL_WORKSPACE if halo is None else 2 + TNFW_WORKSPACE


def _trace(
    x: Tensor, y: Tensor, lens: Tensor, shear: Tensor, halo: Tensor | None, workspace: Tensor
) -> tuple[Tensor, Tensor]:
    """Where rays x, y (1, R) come from in the source plane, (B, R): the first two rows of the workspace."""
    source_x, source_y = epl_deflection(x, y, lens, workspace[:EPL_WORKSPACE])
    torch.sub(x, source_x, out=source_x)
    torch.sub(y, source_y, out=source_y)
    shear_x, shear_y = shear_deflection(x, y, shear[0], shear[1], workspace[2:4])
    source_x -= shear_x
    source_y -= shear_y
    if halo is not None:
        halo_x, halo_y = tnfw_deflection(x, y, halo, workspace[2:])
        source_x -= halo_x
        source_y -= halo_y
    return source_x, source_y


def _check_whole(name: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise DarksieveError(f"{value!r}", where=f"option {name}", mend=f"give a whole number, {low} to {high}")


def _check_positive(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise DarksieveError(f"{value!r}", where=f"option {name}", mend="give a number above zero")


def _check_accuracy(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1e-3:
        raise DarksieveError(f"{value!r}", where="option deflection_accuracy", mend="give arcsec from 0 to 1e-3")
    return float(value)


def _check_fraction(name: str, value: object, largest: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= largest:
        raise DarksieveError(f"{value!r}", where=f"option {name}", mend=f"give a number from 0 to {largest:g}")
    return float(value)
