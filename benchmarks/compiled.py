"""CPU time of the deflection of power laws, eager and by `torch.compile`, on one thread.

Shapes are fixed, and a graph that cannot be compiled whole is an error, never a fall-back to eager. Blocks of both
alternate in one process. Run it as `python benchmarks/compiled.py`; it needs a C++ compiler. The simulators are eager:
it fails once compiled code is so much faster that this ought to change.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor

from darksieve.simulators.lens.instrument import ray_grid
from darksieve.simulators.lens.mass import epl_coefficients, epl_deflection

WORTH_IT = 1.5
LENSES, PIXELS, SCALE, POINTS = 4, 64, 0.05, 3
BLOCKS = 9


def main() -> None:
    """Print the ratio."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(1)
    x, y, _ = (tensor.float() for tensor in ray_grid(PIXELS, SCALE, POINTS))

    def uniform(columns: int, low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(LENSES, columns, generator=generator)

    lens = epl_coefficients(
        uniform(1, 1.0, 1.4), uniform(1, 1.8, 2.2), uniform(1, 0.0, 0.1), uniform(1, 0.0, 0.1),
        uniform(1, -0.1, 0.1), uniform(1, -0.1, 0.1), terms=12,
    )  # fmt: skip
    ratio = compare(lambda: epl_deflection(x, y, lens))
    sys.exit(0 if ratio < WORTH_IT else f"compiled code is at least {WORTH_IT} times as fast")


def compare(deflect: Callable[[], tuple[Tensor, Tensor]]) -> float:
    """Print and return how many times as fast compiled code is."""
    start = time.perf_counter()
    compiled = torch.compile(deflect, fullgraph=True, dynamic=False)
    difference = max(float((a - b).abs().max()) for a, b in zip(compiled(), deflect()))
    compilation = time.perf_counter() - start
    times = [(seconds(deflect), seconds(compiled)) for _ in range(BLOCKS)]
    eager, fast = (statistics.median(column) for column in zip(*times))
    print(
        f"eager {1e3 * eager:.2f} ms, compiled {1e3 * fast:.2f} ms CPU: {eager / fast:.2f} times as fast, after"
        f" {compilation:.0f} s of compilation; largest difference {difference:.1e} arcsec"
    )
    return eager / fast


def seconds(call: Callable[[], object]) -> float:
    """CPU time of one call."""
    start = time.process_time()
    call()
    return time.process_time() - start


if __name__ == "__main__":
    main()
