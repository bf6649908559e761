"""A denoiser that is learned: the Wiener filter of the data's covariance, and a network that corrects it.

D(x_t) = m + Q L / (L + sigma^2) Q^T (x_t - m) + sigma f, where m and Q L Q^T are mean and covariance of the data, and
the network gives f for x_t and sigma. For a Gaussian f is zero. Karras et al. 2022 (arXiv 2206.00364), eq. 7, is the
same with a covariance of one number.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from azula.denoise import Denoiser, DiracPosterior
from azula.noise import VESchedule
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from darksieve.physics_ai.diffusion.layers import Shape, View
from darksieve.physics_ai.diffusion.process import Noise
from darksieve.problem.interruption import Interruption

__all__ = ["LearnedDenoiser", "denoising_error", "train"]

log = logging.getLogger(__name__)

FREQUENCIES = 16  # of the features of ln sigma
WARM_UP = 0.05  # of the training
DECAY = 0.999  # of the average of weights, a step; at first less, so that the start is soon forgotten
LARGEST_GRADIENT = 1.0  # its norm
SAVE_EVERY = 250  # steps


class LearnedDenoiser(Denoiser):
    """E[x | x_t] of x with this mean (d,) and covariance (d, d); the Wiener filter, before it is trained.

    Parameters
    ----------
    shape : Layers or Convolutions
        What kind of network it is.
    """

    mean: Tensor
    axes: Tensor
    power: Tensor
    frequency: Tensor

    def __init__(self, mean: Tensor, covariance: Tensor, shape: Shape, schedule: VESchedule) -> None:
        super().__init__()
        self.shape, self.schedule = shape, schedule
        power, axes = torch.linalg.eigh(covariance)
        self.register_buffer("mean", mean.float())
        self.register_buffer("axes", axes.float())
        self.register_buffer("power", power.clamp(min=1e-3 * schedule.sigma_min**2).float())
        self.register_buffer("frequency", torch.exp(torch.linspace(math.log(0.2), math.log(8.0), FREQUENCIES)))
        self.network = shape.build(len(power), 2 * FREQUENCIES)

    @classmethod
    def of(cls, sample: Tensor, shape: Shape, schedule: VESchedule) -> LearnedDenoiser:
        """With mean and covariance of a sample (n, d)."""
        return cls(sample.double().mean(dim=0), torch.cov(sample.double().T), shape, schedule)

    def forward(self, x_t: Tensor, t: Tensor) -> DiracPosterior:
        """Of x_t (n, d) at one time, or at times (n,)."""
        x = (x_t - self.mean).float()
        sigma = self.schedule.sigma(t.float()).reshape(-1, 1)
        square = sigma**2
        gain, average = self.power / (self.power + square), self.power.mean()
        phase = torch.log(sigma) * self.frequency
        time = torch.cat([phase.sin(), phase.cos()], dim=1)
        along = x @ self.axes
        filtered = self.mean + (gain * along) @ self.axes.T
        view = View(
            seen=x / torch.sqrt(average + square), white=along / torch.sqrt(self.power + square),
            noisy=x_t.float() / sigma, filtered=filtered / sigma,
            gain=gain, mean_gain=average / (average + square), axes=self.axes, time=time,
        )  # fmt: skip
        return DiracPosterior((filtered + sigma * self.network(view)).to(x_t))


def denoising_error(denoiser: Denoiser, x: Tensor, t: Tensor, z: Tensor) -> Tensor:
    """Mean square error (n,) of an element of denoised x + sigma z (n, d), at one time or at times (n,)."""
    sigma = denoiser.schedule(t)[1].reshape(-1, 1)
    return (denoiser(x + sigma * z, t).mean - x).square().mean(dim=1)


def train(
    denoiser: LearnedDenoiser,
    draw: Callable[[int, torch.Generator], Tensor],
    steps: int,
    batch: int,
    seed: int,
    noise: Noise | None = None,
    learning_rate: float = 1e-3,
    crowding: float = 1.0,
    checkpoint: Path | None = None,
    interruption: Interruption | None = None,
) -> tuple[LearnedDenoiser, list[float], float]:
    """The denoiser after training, with weights averaged over steps; mean loss of every 100 steps; and CPU seconds.

    Errors count with the weight 1 / sigma^2 + 1 / variance (AdamW).

    Parameters
    ----------
    draw : callable
        Gives so many x (n, d).
    crowding : float
        One for times that are uniform in ln sigma; they are uniform numbers to this power, so that more of them have
        little noise where it is larger.
    checkpoint : Path, optional
        Written every 250 steps; training goes on from it, with the same numbers, where it is there.
    interruption : Interruption, optional
        Once it is noted, the checkpoint is written and training ends.

    Raises
    ------
    DarksieveError
        If it was interrupted.
    """
    run = _Run(denoiser, steps, seed, learning_rate, crowding)
    if checkpoint is not None and checkpoint.is_file():
        run.resume(checkpoint)
    noise, begin = noise or Noise(), time.process_time() - run.seconds
    while run.step < steps:
        run.learn(draw(batch, run.generator), noise)
        run.seconds = time.process_time() - begin
        if checkpoint is not None and (interruption or run.step % SAVE_EVERY == 0):
            run.save(checkpoint)
            log.info("step %d of %d: loss %.4f, %.0f CPU s", run.step, steps, run.losses[-1], run.seconds)
            if interruption:
                raise interruption.error("training")
    trained, blocks = run.average.module, torch.tensor(run.losses).split(100)
    assert isinstance(trained, LearnedDenoiser)
    return trained.eval(), [float(block.mean()) for block in blocks], run.seconds


def _average(averages: Sequence[Tensor], weights: Sequence[Tensor], number: Tensor | int) -> None:
    """Move averages towards the weights after so many steps."""
    share = 1.0 - min(DECAY, (1.0 + float(number)) / (10.0 + float(number)))
    for average, weight in zip(averages, weights):
        average.lerp_(weight, share)


class _Run:
    """Everything that changes in the course of a training."""

    def __init__(self, denoiser: LearnedDenoiser, steps: int, seed: int, learning_rate: float, crowding: float) -> None:
        self.denoiser = denoiser.train()
        self.average = AveragedModel(denoiser, multi_avg_fn=_average)
        self.optimiser = torch.optim.AdamW(denoiser.parameters(), lr=learning_rate, betas=(0.9, 0.99))
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, learning_rate, total_steps=steps + 1, pct_start=WARM_UP, cycle_momentum=False
        )
        self.generator = torch.Generator().manual_seed(seed)
        self.crowding, self.step, self.seconds = crowding, 0, 0.0
        self.losses: list[float] = []

    def learn(self, x: Tensor, noise: Noise) -> None:
        """One step of gradient descent."""
        t = torch.rand(len(x), generator=self.generator) ** self.crowding
        z = noise.draw(len(x), x.shape[1], self.generator)
        weight = self.denoiser.schedule.sigma(t) ** -2 + 1.0 / self.denoiser.power.mean()
        loss = (weight * denoising_error(self.denoiser, x.float(), t, z)).mean()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.denoiser.parameters(), LARGEST_GRADIENT)
        self.optimiser.step()
        self.schedule.step()
        self.average.update_parameters(self.denoiser)
        self.losses.append(float(loss.detach()))
        self.step += 1

    def save(self, path: Path) -> None:
        """Write the checkpoint in one rename."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        states = {name: getattr(self, name).state_dict() for name in ("denoiser", "average", "optimiser", "schedule")}
        torch.save(
            {**states, "generator": self.generator.get_state(), "seconds": self.seconds, "losses": self.losses}, part
        )
        os.replace(part, path)

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint; one that cannot be read is ignored."""
        try:
            record: dict[str, Any] = torch.load(path, weights_only=True)
            self.denoiser.load_state_dict(record["denoiser"])
        except Exception as error:
            log.warning("checkpoint %s is not used: %s", path.name, str(error).splitlines()[0])
            return
        for name in ("average", "optimiser", "schedule"):
            getattr(self, name).load_state_dict(record[name])
        self.generator.set_state(record["generator"])
        self.seconds, self.losses = record["seconds"], record["losses"]
        self.step = len(self.losses)
        log.info("resumed after %d steps", self.step)
