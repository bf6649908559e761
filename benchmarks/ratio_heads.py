"""A training step of swyft's ratio estimators as swyft does it, against the same step in darksieve.

The same networks, weights, data and noise; both take their steps in turn in one process and must arrive at the same
losses. Run it as `python benchmarks/ratio_heads.py`; it fails below the required ratios of samples per second.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import swyft
import torch
from swyft.networks.channelized import LinearWithChannel
from torch import Tensor

SWYFTS_FORWARD = LinearWithChannel.forward

from darksieve.inference.embeddings import ConvolutionalNetwork  # noqa: E402
from darksieve.inference.losses import ratio_loss  # noqa: E402
from darksieve.inference.network import RatioNetwork  # noqa: E402, F401  (it makes swyft's layers fast)

FAST_FORWARD = LinearWithChannel.forward
CASES = {  # parameters, batch, image, required ratio
    "2 parameters, batch 64": (2, 64, False, 4.0),
    "15 parameters, batch 128": (15, 128, False, 20.0),
    "CNN of 64 x 64 pixels, 15 parameters, batch 128": (15, 128, True, 1.5),
}
WARM_UP, BLOCKS, STEPS = 10, 5, 10
LEARNING_RATE = 1e-4  # small: rounding errors grow with the steps
TOLERANCE = 1e-3  # of the losses, relative


class Network(swyft.SwyftModule):
    """One-dimensional ratios from an image's or a vector's features."""

    def __init__(self, parameters: int, image: bool) -> None:
        super().__init__()
        features = 32 if image else parameters
        self.embed = ConvolutionalNetwork((64, 64), features) if image else torch.nn.Identity()
        names = [f"z{i}" for i in range(parameters)]
        self.ratios = swyft.LogRatioEstimator_1dim(features, parameters, names, dropout=0.0)

    def forward(self, A: dict[str, Tensor], B: dict[str, Tensor]) -> swyft.LogRatioSamples:
        return self.ratios(self.embed(A["x"]), B["z"])


class Training:
    """A network with its optimiser, and the steps it took."""

    def __init__(
        self, network: Network, forward: Callable, loss: Callable[[Network, dict], Tensor], *, fused: bool
    ) -> None:
        self.network, self.forward, self.loss = network.train(), forward, loss
        self.optimiser = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, fused=fused)
        self.losses: list[float] = []

    def run(self, batches: list[dict[str, Tensor]]) -> float:
        """Take a step a batch; returns the CPU seconds, which other work on the machine changes least."""
        LinearWithChannel.forward = self.forward
        start = time.process_time()
        for batch in batches:
            loss = self.loss(self.network, batch)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            self.optimiser.step()
            self.losses.append(float(loss.detach()))
        return time.process_time() - start


def compare(parameters: int, batch: int, image: bool) -> tuple[float, float, float]:
    """Samples per CPU second of swyft and of darksieve, and how far apart the mean losses of their last blocks are."""
    generator = torch.Generator().manual_seed(1)

    def draw() -> dict[str, Tensor]:
        z = torch.randn(batch, parameters, generator=generator)
        if not image:
            return {"z": z, "x": z + 0.3 * torch.randn(z.shape, generator=generator)}
        pattern = torch.nn.functional.pad(z, (0, 64 - parameters))[:, :, None].expand(-1, -1, 64)
        return {"z": z, "x": pattern + torch.randn(batch, 64, 64, generator=generator)}

    torch.manual_seed(1)
    first, second = Network(parameters, image), Network(parameters, image)
    second.load_state_dict(first.state_dict())
    swyfts = Training(first, SWYFTS_FORWARD, lambda network, data: network._calc_loss(data), fused=False)
    ours = Training(second, FAST_FORWARD, ratio_loss, fused=True)
    seconds: dict[Training, list[float]] = {swyfts: [], ours: []}
    for block in range(1 + BLOCKS):
        batches = [draw() for _ in range(STEPS if block else WARM_UP)]
        for training in (swyfts, ours):
            seconds[training].append(training.run(batches))
    mean = [statistics.mean(training.losses[-STEPS:]) for training in (swyfts, ours)]
    rates = [STEPS * batch / statistics.median(seconds[training][1:]) for training in (swyfts, ours)]
    return rates[0], rates[1], abs(mean[1] / mean[0] - 1)


def main() -> int:
    """Print the comparison of every case, and return 1 where one falls short."""
    torch.set_num_threads(1)
    passed = True
    for name, (parameters, batch, image, required) in CASES.items():
        swyfts, ours, difference = compare(parameters, batch, image)
        good = ours / swyfts >= required and difference <= TOLERANCE
        passed &= good
        print(f"{name}: swyft {swyfts:.0f}, darksieve {ours:.0f} samples/s of CPU, ratio {ours / swyfts:.1f} (required "
              f"{required:g}), losses differ by {difference:.1e}{'' if good else '  FAILED'}")  # fmt: skip
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
