"""CPU time an image with thousands of haloes: darksieve's `StrongLens` and caustics in eager PyTorch, on one thread.

Both render an elliptical power law with shear, TNFW haloes from 1e6 to 1e10 solar masses (c = 15, tau = 6) and a Sersic
source: 100 x 100 pixels, 3 x 3 Gauss points a pixel, float32. First darksieve's deflection is compared with the direct
sum at every ray, then the times are taken in turns in one process. Run it as `python benchmarks/halo_field.py`; it
fails below the required ratio or above the allowed errors.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time
from collections.abc import Callable

import caustics
import numpy as np
import torch
from torch import Tensor

from darksieve.simulators.lens import LensPlane, StrongLens, haloes_from_mass, sersic_exponent
from darksieve.simulators.lens.populations import DrawnHaloes
from darksieve.simulators.lens.substructure import Haloes, tnfw_coefficients, tnfw_deflection, tnfw_total

PIXELS, SCALE, POINTS = 100, 0.05, 3
MASSES, SLOPE, CONCENTRATION, TRUNCATION = (1e6, 1e10), -0.9, 15.0, 6.0
REQUIRED, LARGEST_GROWTH = 100.0, 2.0
ACCURACY = {"FFT": 5e-5, "grid": 1e-5}  # arcsec rms
LARGEST_IMAGE_ERROR = 1e-4  # of the peak, for the finer of the two
LENS = {
    "einstein_radius": 1.3, "slope": 2.0, "lens_x": 0.0, "lens_y": 0.0, "lens_e1": 0.09, "lens_e2": 0.06,
    "shear_1": 0.02, "shear_2": -0.01, "source_x": 0.05, "source_y": 0.1, "source_radius": 0.2, "source_index": 1.0,
    "source_e1": 0.09, "source_e2": 0.02, "log10_source_flux": 1.0,
}  # fmt: skip


def make_simulator(accuracy: float) -> StrongLens:
    """The lens, its field of haloes set to this accuracy."""
    subhaloes = {"radius": 3.6, "concentration": CONCENTRATION, "truncation": TRUNCATION}
    return StrongLens(
        pixels=PIXELS, pixel_scale=SCALE, supersampling=POINTS, subhaloes=subhaloes, deflection_accuracy=accuracy,
        fixed=LENS | {"sigma_sub_at_1e8": 0.01, "beta": SLOPE},
    )  # fmt: skip


def draw_haloes(simulator: StrongLens, count: int) -> Haloes:
    """A power law of masses, uniform in the frame, (1, count)."""
    random = np.random.default_rng(1)
    low, high = (mass**SLOPE for mass in MASSES)
    mass = torch.from_numpy((low + random.random((1, count)) * (high - low)) ** (1 / SLOPE))
    x, y = torch.from_numpy(random.uniform(-0.5, 0.5, (2, 1, count)) * PIXELS * SCALE)
    haloes = haloes_from_mass(x, y, mass, CONCENTRATION, TRUNCATION, mass > 0, simulator.plane)
    return Haloes(**{name: t.float() if t.is_floating_point() else t for name, t in vars(haloes).items()})


def renderer(simulator: StrongLens, haloes: Haloes) -> Callable[[], Tensor]:
    """A function that makes the image of given haloes."""
    values = {name: torch.tensor([[value]]) for name, value in LENS.items()}
    source = simulator.source.draw(values, torch.Generator())
    return lambda: simulator.render(values, source, drawn=DrawnHaloes(haloes, ()))[0]


def direct(simulator: StrongLens, haloes: Haloes) -> Tensor:
    """Deflection (2, 1, R) summed at every ray, in tiles."""
    rays = simulator.populations.field.rays.float()
    coefficients = tnfw_coefficients(haloes)
    parts = [torch.stack(tnfw_deflection(*tile, coefficients)) for tile in rays.split(9000, dim=-1)]
    return torch.cat(parts, dim=-1)


def caustics_renderer(haloes: Haloes, plane: LensPlane, kernel: Tensor) -> Callable[[], Tensor]:
    """The same lens in caustics, its frame smaller by the margin of rays that it adds for the kernel."""
    (lens_q, lens_phi), (source_q, source_phi) = (
        axis_ratio(LENS[f"{galaxy}_e1"], LENS[f"{galaxy}_e2"]) for galaxy in ("lens", "source")
    )
    n, radius = LENS["source_index"], LENS["source_radius"]
    b = float(sersic_exponent(torch.tensor(n, dtype=torch.float64)))
    brightness = 10 ** LENS["log10_source_flux"] / (2 * math.pi * n * radius**2 * math.exp(b) * b ** (-2 * n))
    brightness /= math.gamma(2 * n)
    cosmology = caustics.FlatLambdaCDM(name="cosmology")
    epl = caustics.EPL(
        cosmology=cosmology, name="epl", x0=0.0, y0=0.0, q=lens_q, phi=lens_phi, Rein=LENS["einstein_radius"],
        t=LENS["slope"] - 1,
    )  # fmt: skip
    shear = caustics.ExternalShear(
        cosmology=cosmology, name="shear", x0=0.0, y0=0.0, gamma_1=LENS["shear_1"], gamma_2=LENS["shear_2"]
    )
    strength = 4 * haloes.convergence * haloes.scale_radius**2 * tnfw_total(haloes.truncation)
    mass = math.pi * plane.critical_surface_density / plane.arcsec_per_mpc**2 * strength
    tnfw = caustics.TNFW(
        cosmology=cosmology, name="haloes", x0=haloes.x[0], y0=haloes.y[0], mass=mass[0], Rs=haloes.scale_radius[0],
        tau=haloes.truncation[0], interpret_m_total_mass=True,
    )  # fmt: skip
    tnfw.to_dynamic()  # one row a halo
    population = caustics.BatchedPlane(cosmology=cosmology, lens=tnfw, name="population", chunk_size=10)
    lens = caustics.SinglePlane(cosmology=cosmology, lenses=[epl, shear, population], name="lens", z_l=0.5, z_s=2.0)
    source = caustics.Sersic(
        name="source", x0=LENS["source_x"], y0=LENS["source_y"], q=source_q, phi=source_phi, n=n,
        Re=radius / math.sqrt(source_q), Ie=brightness,
    )  # fmt: skip
    simulator = caustics.LensSource(
        lens=lens, source=source, pixelscale=SCALE, pixels_x=PIXELS - 2 * (len(kernel) // 2), quad_level=POINTS,
        psf=kernel.float(),
    )  # fmt: skip
    return lambda: simulator(simulator.get_values())


def axis_ratio(e1: float, e2: float) -> tuple[float, float]:
    """Axis ratio and position angle."""
    modulus = math.hypot(e1, e2)
    return (1 - modulus) / (1 + modulus), math.atan2(e2, e1) / 2


def seconds(render: Callable[[], object]) -> float:
    """CPU time of a call."""
    start = time.process_time()
    render()
    return time.process_time() - start


def main() -> int:
    """Compare, print, and return 1 where a bar is missed."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--blocks", type=int, default=9, help="images of each kind")
    options = arguments.parse_args()
    torch.set_num_threads(1)

    passed = True
    simulators = {name: make_simulator(accuracy) for name, accuracy in ACCURACY.items()}
    exact = make_simulator(0.0)
    few, many = (draw_haloes(exact, count) for count in (1000, 10000))
    exact_image = renderer(exact, few)()
    for name, simulator in simulators.items():
        for haloes in (few, many) if name == "FFT" else (few,):
            wrong = simulator.populations.field.deflection(haloes) - direct(simulator, haloes)
            rms = float(wrong.square().sum(dim=0).mean().sqrt())
            allowed = ACCURACY[name]
            print(f"{name}: {haloes.x.shape[1]} haloes, deflection error {rms:.1e} arcsec rms ({allowed:.0e} allowed)")
            passed &= rms <= allowed
        error = float((renderer(simulator, few)() - exact_image).abs().max() / exact_image.max())
        print(f"{name}: 1000 haloes, image error {error:.1e} of the peak")
        passed &= name == "FFT" or error <= LARGEST_IMAGE_ERROR

    renders = {
        f"{name}, {haloes.x.shape[1]}": renderer(simulator, haloes)
        for name, simulator in simulators.items()
        for haloes in ((few, many) if name == "FFT" else (few,))
    }
    times: dict[str, list[float]] = {name: [] for name in [*renders, "caustics, 1000"]}
    peer = caustics_renderer(few, exact.plane, exact.instrument.psf)
    margin = len(exact.instrument.psf) // 2
    difference = peer() * SCALE**2 - exact_image[margin:-margin, margin:-margin]  # from surface brightness
    print(f"largest difference of the images: {float(difference.abs().max() / exact_image.max()):.1e} of the peak")
    assert difference.abs().max() < 1e-2 * exact_image.max()
    for block in range(options.blocks):
        for name, render in renders.items():
            times[name].append(seconds(render))
        if block < 2:
            times["caustics, 1000"].append(seconds(peer))
    median = {name: statistics.median(values) for name, values in times.items()}
    for name, value in median.items():
        print(f"{name} haloes: {1e3 * value:.1f} ms of CPU time an image")
    growth = median["FFT, 10000"] / median["FFT, 1000"]
    print(f"10000 haloes take {growth:.2f} times as long as 1000 (at most {LARGEST_GROWTH:g})")
    for name in ACCURACY:
        ratio = median["caustics, 1000"] / median[f"{name}, 1000"]
        print(f"{name}: caustics takes {ratio:.0f} times as long (required {REQUIRED:g})")
        passed &= ratio >= REQUIRED
    return 0 if passed and growth <= LARGEST_GROWTH else 1


if __name__ == "__main__":
    sys.exit(main())
