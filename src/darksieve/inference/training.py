"""The training loop: joint against marginal pairs, fresh noise at every epoch, resumable after every epoch.

The loss is swyft's: binary cross-entropy of telling pairs (x, z) that belong together from pairs whose z was
rolled to the next row, summed over ratios, minus its value for an untrained network.

References: Hermans, Begy & Louppe 2020, ICML (arXiv 1903.04057), algorithm 1; Miller et al. 2021, NeurIPS
(arXiv 2107.01214), equation 4.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from darksieve.inference.estimator import Estimator, build_network, choose_device, iterate_ratios
from darksieve.inference.network import RatioNetwork
from darksieve.problem.box import Box
from darksieve.problem.errors import DarksieveError
from darksieve.problem.experiment import Experiment
from darksieve.problem.observation import apply_masks
from darksieve.problem.provenance import derive_seed
from darksieve.store.shard import Simulations

__all__ = ["HISTORY_COLUMNS", "ratio_loss", "train"]

log = logging.getLogger(__name__)
HISTORY_COLUMNS = ("epoch", "train_loss", "validation_loss", "learning_rate", "seconds")
WARM_UP = 0.1
WEIGHT_DECAY = 1e-4

Batch = dict[str, Tensor]


def ratio_loss(network: nn.Module, batch: Batch) -> Tensor:
    """Cross-entropy of joint against marginal pairs; zero for an untrained network.

    Parameters
    ----------
    network : nn.Module
        Follows swyft's protocol; other losses in its output (`AuxLoss`) are added.
    batch : dict of Tensor (n, ...)
        Data arrays and `z`, which belong together row by row.
    """
    paired = {**batch, "z": torch.cat([batch["z"], torch.roll(batch["z"], 1, dims=0)])}
    output = network(batch, paired)
    n = len(batch["z"])
    log_ratios = torch.cat([s.logratios.reshape(2 * n, -1) for s in iterate_ratios(output)], dim=1)
    joint = torch.nn.functional.softplus(-log_ratios[:n].float()).sum()
    marginal = torch.nn.functional.softplus(log_ratios[n:].float()).sum()
    loss = (joint + marginal) / n - 2 * math.log(2) * log_ratios.shape[1]
    values = output.values() if isinstance(output, Mapping) else output if isinstance(output, list | tuple) else ()
    return sum((value.loss.sum() for value in values if type(value).__name__ == "AuxLoss"), start=loss)


@dataclass
class _Data:
    """Simulations on the device, and the noise that turns them into data."""

    signal: Batch
    z: Tensor
    observe: Callable[[Batch], Batch]

    def batch(self, rows: Tensor) -> Batch:
        """Data with fresh noise, and z, for the given rows."""
        return {**self.observe({name: array[rows] for name, array in self.signal.items()}), "z": self.z[rows]}


def train(
    experiment: Experiment,
    box: Box,
    simulations: Simulations,
    masks: Mapping[str, NDArray[np.bool_]],
    *,
    round_number: int,
    start: Estimator | None = None,
    checkpoint: Path | None = None,
) -> tuple[Estimator, list[dict[str, float]]]:
    """Train a ratio estimator on the simulations of one round.

    Parameters
    ----------
    experiment : Experiment
        Which network, how it is trained, and the seed.
    box : Box
        The truncated prior from which the simulations were drawn.
    simulations : Simulations
        Noise-free simulations; a fixed fraction is kept for validation.
    masks : mapping of str to bool array
        Elements of the data that are used.
    round_number : int
        Enters the seed.
    start : Estimator, optional
        That of the round before, whose weights are where the training starts: what it learned of the data holds in
        the smaller box too.
    checkpoint : Path, optional
        File written after every epoch, from which an interrupted training goes on; the caller removes it
        once the estimator is safe.

    Returns
    -------
    Estimator
        With the weights of the epoch of least validation loss.
    list of dict
        A row an epoch, keys `HISTORY_COLUMNS`.

    Raises
    ------
    DarksieveError
        If the loss is not finite.
    """
    config = experiment.config.training
    seed = derive_seed("train", experiment.config.seed, round_number)
    torch.manual_seed(seed)
    device = choose_device(config.device)
    noise = torch.Generator(device=device).manual_seed(derive_seed("noise", seed))
    data = _Data(
        {name: torch.from_numpy(array).to(device) for name, array in simulations.x.items()},
        torch.from_numpy(simulations.z).to(device),
        lambda signal: apply_masks(experiment.simulator.observe(signal, noise), masks),
    )
    split = torch.randperm(len(simulations), generator=torch.Generator().manual_seed(derive_seed("split", seed)))
    held_out = max(2, round(config.validation_fraction * len(split)))
    training_rows, validation_rows = split[held_out:], split[:held_out]
    validation = _fixed_batches(data, validation_rows, config.batch)

    network = build_network(experiment, {name: array.shape[1:] for name, array in simulations.x.items()}).to(device)
    if start is not None:
        network.load_state_dict(start.network.state_dict())
    if isinstance(network, RatioNetwork):
        signal = {name: array[training_rows] for name, array in data.signal.items()}
        network.prepare(
            apply_masks(signal, masks),
            data.z[training_rows],
            lambda rows: data.observe({name: array[rows] for name, array in signal.items()}),
        )
    run = _Run(
        network, config.learning_rate, config.epochs, -(-len(training_rows) // config.batch), noise, config.patience
    )
    if checkpoint is not None and checkpoint.is_file():
        run.resume(checkpoint)
    while not run.finished:
        started = time.monotonic()
        order = training_rows[torch.randperm(len(training_rows), generator=run.shuffle)]
        losses = [run.step(data.batch(rows)) for rows in order.split(config.batch) if len(rows) > 1]
        network.eval()
        with torch.no_grad(), run.precision():
            sizes = [len(batch["z"]) for batch in validation]
            validation_loss = float(np.average([float(ratio_loss(network, b)) for b in validation], weights=sizes))
        run.end_epoch(float(np.mean(losses)), validation_loss, time.monotonic() - started)
        if checkpoint is not None:
            run.save(checkpoint)
    network.load_state_dict(run.best_state)
    return Estimator(network.eval(), experiment.prior.names, box), run.history


def _fixed_batches(data: _Data, rows: Tensor, size: int) -> list[Batch]:
    """Validation batches with noise drawn once, so that epochs compare."""
    return [data.batch(part) for part in rows.split(max(size, 256)) if len(part) > 1]


class _Run:
    """One training run's moving parts: optimiser, schedule, early stopping, and their checkpoint."""

    def __init__(
        self, network: nn.Module, rate: float, epochs: int, steps: int, noise: torch.Generator, patience: int
    ) -> None:
        self.network, self.epochs, self.patience, self.noise = network, epochs, patience, noise
        self.device = next(network.parameters()).device
        self.optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=WEIGHT_DECAY, fused=True)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, max_lr=rate, total_steps=epochs * steps + 1, pct_start=WARM_UP, cycle_momentum=False
        )
        self.shuffle = torch.Generator().manual_seed(torch.initial_seed())
        self.history: list[dict[str, float]] = []
        self.best_state = _copy(network)
        self.best_loss, self.best_epoch = math.inf, 0

    @property
    def finished(self) -> bool:
        """Whether all epochs are done, or none of the last ones brought an improvement."""
        done = len(self.history)
        return done >= self.epochs or done - self.best_epoch >= self.patience

    def precision(self) -> torch.autocast:
        """bfloat16 on a GPU, full precision elsewhere."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.device.type == "cuda")

    def step(self, batch: Batch) -> float:
        """One step of gradient descent; returns the loss."""
        self.network.train()
        with self.precision():
            loss = ratio_loss(self.network, batch)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 10.0)
        self.optimiser.step()
        self.schedule.step()
        return float(loss.detach())

    def end_epoch(self, train_loss: float, validation_loss: float, seconds: float) -> None:
        """Note the losses, keep the best weights."""
        epoch = len(self.history) + 1
        if not (math.isfinite(train_loss) and math.isfinite(validation_loss)):
            raise DarksieveError(
                f"the loss is not finite in epoch {epoch}", where="training", mend="lower training.learning_rate"
            )
        rate = self.optimiser.param_groups[0]["lr"]
        self.history.append(
            dict(zip(HISTORY_COLUMNS, (epoch, train_loss, validation_loss, rate, seconds), strict=True))
        )
        if validation_loss < self.best_loss:
            self.best_loss, self.best_epoch, self.best_state = validation_loss, epoch, _copy(self.network)
        log.info(
            "epoch %d of %d: loss %.4f, validation %.4f%s, %.1f s",
            epoch, self.epochs, train_loss, validation_loss, " (best)" if self.best_epoch == epoch else "", seconds,
        )  # fmt: skip

    def save(self, path: Path) -> None:
        """Write the checkpoint in one rename."""
        part = path.with_suffix(".part")
        torch.save(
            {
                "network": self.network.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "schedule": self.schedule.state_dict(),
                "generators": [g.get_state() for g in (self.shuffle, self.noise)] + [torch.get_rng_state()],
                "history": self.history,
                "best": (self.best_state, self.best_loss, self.best_epoch),
            },
            part,
        )
        os.replace(part, path)

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint; one that cannot be read is ignored."""
        try:
            record: dict[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
            self.network.load_state_dict(record["network"])
        except Exception as error:
            log.warning("checkpoint %s is not used: %s", path.name, str(error).splitlines()[0])
            return
        self.optimiser.load_state_dict(record["optimiser"])
        self.schedule.load_state_dict(record["schedule"])
        for generator, state in zip((self.shuffle, self.noise), record["generators"], strict=False):
            generator.set_state(state.cpu())
        torch.set_rng_state(record["generators"][-1].cpu())
        self.history = record["history"]
        self.best_state, self.best_loss, self.best_epoch = record["best"]
        log.info("resumed after epoch %d", len(self.history))


def _copy(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}
