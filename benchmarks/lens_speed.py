"""Lens images per CPU-second of darksieve's `StrongLens` and of caustics in eager PyTorch, on one thread.

Both render the same elliptical power law with shear and a Sersic source: 64 x 64 pixels, 3 x 3 Gauss points a
pixel, the same point-spread function, float32. Blocks of both alternate in one process, caustics with the batch
size that suits it best. Run it as `python benchmarks/lens_speed.py`; it fails below the required ratio.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time
from collections.abc import Callable

import caustics
import torch
from torch import Tensor

from darksieve.simulators.lens import StrongLens, sersic_exponent

PIXELS, SCALE, POINTS = 64, 0.05, 3
REQUIRED = 8.0
CAUSTICS_BATCHES = (2, 4, 8, 16, 32)


def draw_parameters(simulator: StrongLens, count: int) -> Tensor:
    """Lenses with axis ratios from 0.6 to 0.9."""
    low = {
        "einstein_radius": 1.0, "slope": 1.8, "lens_x": -0.1, "lens_y": -0.1, "lens_e1": 0.03, "lens_e2": 0.03,
        "shear_1": -0.05, "shear_2": -0.05, "source_x": -0.15, "source_y": -0.15, "source_radius": 0.15,
        "source_index": 0.8, "source_e1": 0.03, "source_e2": 0.03, "log10_source_flux": 0.5,
    }  # fmt: skip
    high = {
        "einstein_radius": 1.4, "slope": 2.2, "lens_x": 0.1, "lens_y": 0.1, "lens_e1": 0.17, "lens_e2": 0.17,
        "shear_1": 0.05, "shear_2": 0.05, "source_x": 0.15, "source_y": 0.15, "source_radius": 0.3,
        "source_index": 2.0, "source_e1": 0.17, "source_e2": 0.17, "log10_source_flux": 1.5,
    }  # fmt: skip
    uniform = torch.rand(count, len(simulator.parameters), generator=torch.Generator().manual_seed(1))
    lowest, highest = (torch.tensor([side[name] for name in simulator.parameters]) for side in (low, high))
    return lowest + (highest - lowest) * uniform


def caustics_renderer(kernel: Tensor) -> Callable[[Tensor], Tensor]:
    """A caustics simulator of a batch of its own parameter vectors (B, 17).

    It traces rays for half a kernel beyond the frame, so its frame is made smaller by that: both trace as many rays.
    """
    margin = len(kernel) // 2
    cosmology = caustics.FlatLambdaCDM(name="cosmology")
    epl = caustics.EPL(cosmology=cosmology, name="epl", x0=0.0, y0=0.0, q=0.8, phi=0.3, Rein=1.3, t=1.0)
    shear = caustics.ExternalShear(cosmology=cosmology, name="shear", x0=0.0, y0=0.0, gamma_1=0.02, gamma_2=-0.01)
    lens = caustics.SinglePlane(cosmology=cosmology, lenses=[epl, shear], name="lens", z_l=0.5, z_s=2.0)
    source = caustics.Sersic(name="source", x0=0.05, y0=0.1, q=0.8, phi=0.1, n=1.0, Re=0.2, Ie=1.0)
    simulator = caustics.LensSource(
        lens=lens, source=source, pixelscale=SCALE, pixels_x=PIXELS - 2 * margin, quad_level=POINTS, psf=kernel.float()
    )
    simulator.to_dynamic(False)
    cosmology.to_static()
    for parameter in (simulator.psf, simulator.x0, simulator.y0, lens.z_l, lens.z_s):
        parameter.to_static()
    return torch.vmap(simulator)


def caustics_parameters(simulator: StrongLens, z: Tensor) -> Tensor:
    """The same lenses as caustics counts them: axis ratio and angle, semi-major axis, effective brightness."""
    v = dict(zip(simulator.parameters, z.double().unbind(dim=1)))
    lens_q, lens_phi = axis_ratio(v["lens_e1"], v["lens_e2"])
    source_q, source_phi = axis_ratio(v["source_e1"], v["source_e2"])
    radius, n = v["source_radius"], v["source_index"]
    b = sersic_exponent(n)
    effective = 10 ** v["log10_source_flux"] / (
        2 * math.pi * n * radius**2 * torch.exp(b - 2 * n * torch.log(b) + torch.lgamma(2 * n))
    )
    zero = torch.zeros_like(n)
    columns = [
        v["lens_x"], v["lens_y"], lens_q, lens_phi, v["einstein_radius"], v["slope"] - 1,
        zero, zero, v["shear_1"], v["shear_2"],
        v["source_x"], v["source_y"], source_q, source_phi, n, radius / source_q.sqrt(), effective,
    ]  # fmt: skip
    return torch.stack(columns, dim=1).float()


def axis_ratio(e1: Tensor, e2: Tensor) -> tuple[Tensor, Tensor]:
    """Axis ratio and position angle."""
    modulus = torch.hypot(e1, e2)
    return (1 - modulus) / (1 + modulus), torch.atan2(e2, e1) / 2


def rate(render: Callable[[], object], count: int) -> float:
    """Images per second of CPU time."""
    start = time.process_time()
    render()
    return count / (time.process_time() - start)


def main() -> int:
    """Compare, print, and return 1 below the required ratio."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--images", type=int, default=96, help="images a block")
    arguments.add_argument("--blocks", type=int, default=7, help="blocks of each code")
    options = arguments.parse_args()
    torch.set_num_threads(1)

    simulator, generator = StrongLens(pixels=PIXELS, pixel_scale=SCALE, supersampling=POINTS), torch.Generator()
    z = draw_parameters(simulator, options.images)
    peer, x = caustics_renderer(simulator.instrument.psf), caustics_parameters(simulator, z)
    margin = len(simulator.instrument.psf) // 2
    ours = simulator.simulate(z, generator)["image"][:, margin:-margin, margin:-margin]
    theirs = torch.cat([peer(part) for part in x.split(4)]) * SCALE**2  # from surface brightness
    difference = ((ours - theirs).abs().amax((1, 2)) / theirs.amax((1, 2))).max()
    print(f"largest difference of the images: {difference:.1e} of the peak")
    assert difference < 1e-3

    def run_peer(batch: int) -> Callable[[], object]:
        return lambda: [peer(part) for part in x.split(batch)]

    best = max(CAUSTICS_BATCHES, key=lambda batch: rate(run_peer(batch), len(z)))
    rates: dict[str, list[float]] = {"darksieve": [], "caustics": []}
    for _ in range(options.blocks):
        rates["darksieve"].append(rate(lambda: simulator.simulate(z, generator), len(z)))
        rates["caustics"].append(rate(run_peer(best), len(z)))
    ours_rate, peer_rate = (statistics.median(values) for values in rates.values())
    print(f"darksieve {ours_rate:.0f} images per CPU-second, caustics {peer_rate:.0f} (batches of {best})")
    print(f"ratio {ours_rate / peer_rate:.1f} (required {REQUIRED:g})")
    return 0 if ours_rate >= REQUIRED * peer_rate else 1


if __name__ == "__main__":
    sys.exit(main())
