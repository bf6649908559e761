"""The training loop: joint against marginal pairs, fresh noise at every epoch, resumable wherever it is stopped.

References: Miller et al. 2021, NeurIPS (arXiv 2107.01214), equation 4.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from darksieve.inference.estimator import Estimator, build_network
from darksieve.inference.losses import ratio_loss
from darksieve.inference.network import RatioNetwork
from darksieve.inference.symmetry import turn_images
from darksieve.problem.box import Box
from darksieve.problem.config import TrainingConfig
from darksieve.problem.device import choose_device
from darksieve.problem.errors import DarksieveError
from darksieve.problem.experiment import Experiment
from darksieve.problem.interruption import Interruption
from darksieve.problem.observation import apply_masks
from darksieve.problem.provenance import derive_seed
from darksieve.store.reader import MemorySource, Source, StreamedSource

__all__ = ["HISTORY_COLUMNS", "held_out", "train"]

log = logging.getLogger(__name__)
HISTORY_COLUMNS = ("member", "epoch", "train_loss", "validation_loss", "learning_rate", "seconds")
WARM_UP = 0.1
WEIGHT_DECAY = 1e-4
ROWS_TO_PREPARE = 32768
STEPS, FEWEST_EPOCHS, MOST_EPOCHS = 4000, 20, 500

Batch = dict[str, Tensor]


class _Data:
    """Simulations, and the noise that turns them into data; those in memory lie on the device."""

    def __init__(
        self,
        source: Source,
        observe: Callable[[Batch], Batch],
        device: torch.device,
        turn: Callable[[Batch], Batch] | None = None,
    ) -> None:
        self.source, self.observe, self.device, self.turn = source, observe, device, turn
        self.z = torch.from_numpy(source.z).to(device)
        self.resident = self._to_device(source.x) if isinstance(source, MemorySource) else {}

    def signal(self, rows: NDArray[np.int64]) -> Batch:
        """Noise-free data of some rows."""
        if isinstance(self.source, StreamedSource):
            return self._to_device(self.source.read(rows))
        index = torch.from_numpy(rows).to(self.device)
        return {name: array.index_select(0, index) for name, array in self.resident.items()}

    def batches(
        self, rows: NDArray[np.int64], size: int, generator: torch.Generator | None, skip: int = 0
    ) -> Iterator[Batch]:
        """Batches of data with fresh noise, and z; batches of one simulation are left out: there is nothing to pair.

        The first `skip` batches are left out too, as if they had been drawn before.
        """
        if isinstance(self.source, StreamedSource):
            parts = ((part, self._to_device(data)) for part, data in self.source.batches(rows, size, generator))
        else:
            order = rows if generator is None else rows[torch.randperm(len(rows), generator=generator).numpy()]
            cuts = (order[start : start + size] for start in range(0, len(order), size))
            parts = ((part, self.signal(part)) for part in cuts)
        for part, signal in islice(parts, skip, None):
            if len(part) > 1:
                signal = self.turn(signal) if self.turn else signal
                yield {**self.observe(signal), "z": self.z[torch.from_numpy(part)]}

    def _to_device(self, arrays: Mapping[str, NDArray[np.float32]]) -> Batch:
        return {name: torch.from_numpy(array).to(self.device) for name, array in arrays.items()}


def train(
    experiment: Experiment,
    box: Box,
    simulations: Source,
    masks: Mapping[str, NDArray[np.bool_]],
    *,
    round_number: int,
    start: Estimator | None = None,
    checkpoint: Path | None = None,
    interruption: Interruption | None = None,
) -> tuple[Estimator, list[dict[str, float]]]:
    """Train a ratio estimator, or an ensemble of them, on the simulations of one round.

    Parameters
    ----------
    experiment : Experiment
        Which network, how it is trained, and the seed.
    box : Box
        The truncated prior from which the simulations were drawn.
    simulations : Source
        Noise-free simulations; a fixed fraction is kept for validation.
    masks : mapping of str to bool array
        Elements of the data that are used.
    round_number : int
        Enters the seed.
    start : Estimator, optional
        That of the round before, whose weights are where the training starts: what it learned of the data holds in
        the smaller box too.
    checkpoint : Path, optional
        Folder with a file for each network, written after every epoch, from which an interrupted training goes on; the
        caller removes it once the estimator is safe.
    interruption : Interruption, optional
        Asked after every step; what was done is saved in the checkpoint first.

    Returns
    -------
    Estimator
        With the weights of the epoch of least validation loss.
    list of dict
        A row an epoch of each network, keys `HISTORY_COLUMNS`.

    Raises
    ------
    DarksieveError
        If the loss is not finite, or a signal came.
    """
    config = experiment.config.training
    if config.loss == "nre-b":
        log.warning("nre-b: its ratios are right only up to a factor that depends on the data; nre-c has none")
    found = []
    for member in range(config.ensemble):
        begin = start.networks[member % len(start.networks)] if start is not None else None
        path = checkpoint / f"{member}.pt" if checkpoint is not None else None
        found.append(
            _train_network(experiment, box, simulations, masks, round_number, member, begin, path, interruption)
        )
    networks = tuple(network for network, _ in found)
    return Estimator(networks, experiment.prior.names, box), [row for _, history in found for row in history]


def _train_network(
    experiment: Experiment,
    box: Box,
    simulations: Source,
    masks: Mapping[str, NDArray[np.bool_]],
    round_number: int,
    member: int,
    start: nn.Module | None,
    checkpoint: Path | None,
    interruption: Interruption | None,
) -> tuple[nn.Module, list[dict[str, float]]]:
    """Train one network of the ensemble."""
    config = experiment.config.training
    seed = _seed(experiment, round_number) if member == 0 else derive_seed(_seed(experiment, round_number), member)
    torch.manual_seed(seed)
    device = choose_device(config.device)
    noise = torch.Generator(device=device).manual_seed(derive_seed("noise", seed))

    def observe(signal: Batch) -> Batch:
        return apply_masks(experiment.simulator.observe(signal, noise), masks)

    turn = partial(turn_images, generator=noise) if config.turn_images else None
    data = _Data(simulations, observe, device, turn)
    training_rows, validation_rows = _split(experiment, simulations, round_number)
    validation = _Validation(data, validation_rows, max(config.batch, 256), noise)

    network = build_network(experiment, simulations.shapes).to(device)
    if start is not None:
        network.load_state_dict(start.state_dict())
    if isinstance(network, RatioNetwork):
        rows = training_rows[: _rows_to_prepare(simulations, config.memory)]
        signal = data.signal(rows)
        network.prepare(
            box,
            apply_masks(signal, masks),
            data.z[torch.from_numpy(rows)],
            lambda chosen: data.observe({name: array[chosen] for name, array in signal.items()}),
        )
    run = _Run(network, member, config, -(-len(training_rows) // config.batch), noise)
    if checkpoint is not None and checkpoint.is_file():
        run.resume(checkpoint)

    def validate() -> float:
        network.eval()
        with torch.no_grad(), run.precision():
            found = [(float(run.loss(batch)), len(batch["z"])) for batch in validation]
        return float(np.average([loss for loss, _ in found], weights=[n for _, n in found]))

    if not run.history:
        run.best_loss = validate()
    while not run.finished:
        started = time.monotonic()
        for batch in run.rest_of_epoch(data, training_rows):
            run.step(batch)
            if interruption:
                if checkpoint is not None:
                    run.save(checkpoint)
                raise interruption.error(f"training, step {len(run.losses)} of epoch {len(run.history) + 1}")
        run.end_epoch(validate(), time.monotonic() - started)
        if checkpoint is not None:
            run.save(checkpoint)
    network.load_state_dict(run.best_state)
    return network.eval(), run.history


def held_out(
    experiment: Experiment,
    simulations: Source,
    masks: Mapping[str, NDArray[np.bool_]],
    *,
    round_number: int,
    at_most: int,
) -> tuple[Batch, NDArray[np.float32]]:
    """Data x (n, ...), with noise, and parameters z (n, P) of simulations that the training of a round did not see."""
    rows = _split(experiment, simulations, round_number)[1][:at_most]
    if isinstance(simulations, StreamedSource):
        arrays = simulations.read(rows)
    else:
        arrays = {name: array[rows] for name, array in simulations.x.items()}
    signal = {name: torch.from_numpy(array) for name, array in arrays.items()}
    noise = torch.Generator().manual_seed(derive_seed("held out", _seed(experiment, round_number)))
    return apply_masks(experiment.simulator.observe(signal, noise), masks), simulations.z[rows]


def _seed(experiment: Experiment, round_number: int) -> int:
    return derive_seed("train", experiment.config.seed, round_number)


def _split(
    experiment: Experiment, simulations: Source, round_number: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows for training and for validation."""
    generator = torch.Generator().manual_seed(derive_seed("split", _seed(experiment, round_number)))
    return simulations.split(experiment.config.training.validation_fraction, generator)


def _rows_to_prepare(simulations: Source, memory: float) -> int:
    """Simulations from which a network takes its scales: it needs some ten times their memory."""
    if isinstance(simulations, MemorySource):
        return ROWS_TO_PREPARE
    row_bytes = 4 * sum(int(np.prod(shape)) for shape in simulations.shapes.values())
    return min(ROWS_TO_PREPARE, max(256, int(1e9 * memory / (10 * row_bytes))))


class _Validation:
    """Validation batches with noise that is the same every time, so that epochs compare; kept where they fit."""

    def __init__(self, data: _Data, rows: NDArray[np.int64], size: int, noise: torch.Generator) -> None:
        self.data, self.rows, self.size, self.noise, self.state = data, rows, size, noise, noise.get_state()
        self.kept = list(self._draw()) if data.resident else None

    def __iter__(self) -> Iterator[Batch]:
        if self.kept is not None:
            yield from self.kept
            return
        now = self.noise.get_state()
        self.noise.set_state(self.state)
        yield from self._draw()
        self.noise.set_state(now)

    def _draw(self) -> Iterator[Batch]:
        return self.data.batches(self.rows, self.size, None)


class _Run:
    """One training run's moving parts: optimiser, schedule, early stopping, and their checkpoint."""

    def __init__(
        self, network: nn.Module, member: int, config: TrainingConfig, steps: int, noise: torch.Generator
    ) -> None:
        self.network, self.member, self.config, self.noise = network, member, config, noise
        rate = config.learning_rate
        self.epochs = config.epochs or min(max(STEPS // steps, FEWEST_EPOCHS), MOST_EPOCHS)
        self.patience = config.patience or -(-self.epochs // 2)
        self.device = next(network.parameters()).device
        self.optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=WEIGHT_DECAY, fused=True)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, max_lr=rate, total_steps=self.epochs * steps + 1, pct_start=WARM_UP, cycle_momentum=False
        )
        self.shuffle = torch.Generator().manual_seed(torch.initial_seed())
        self.epoch_start = self.shuffle.get_state()
        self.losses: list[float] = []  # of the steps of this epoch
        self.history: list[dict[str, float]] = []
        self.best_state = _copy(network)
        self.best_loss, self.best_epoch = math.inf, 0

    @property
    def finished(self) -> bool:
        """Whether all epochs are done, or too many since the best one only learned the simulations by heart.

        An epoch without improvement may just be one of a high learning rate, unless the training loss is below the best
        validation loss: then there is something to overfit.
        """
        by_heart = [row for row in self.history[self.best_epoch :] if row["train_loss"] < self.best_loss]
        return len(self.history) >= self.epochs or len(by_heart) >= self.patience

    def precision(self) -> torch.autocast:
        """bfloat16 on a GPU, full precision elsewhere."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.device.type == "cuda")

    def loss(self, batch: Batch) -> Tensor:
        """Loss of a batch."""
        return ratio_loss(self.network, batch, self.config.loss, self.config.contrasts)

    def rest_of_epoch(self, data: _Data, rows: NDArray[np.int64]) -> Iterator[Batch]:
        """The batches of this epoch that are still to be learned from, in an order that its beginning decides."""
        self.shuffle.set_state(self.epoch_start)
        return data.batches(rows, self.config.batch, self.shuffle, skip=len(self.losses))

    def step(self, batch: Batch) -> None:
        """One step of gradient descent."""
        self.network.train()
        with self.precision():
            loss = self.loss(batch)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 10.0)
        self.optimiser.step()
        self.schedule.step()
        self.losses.append(float(loss.detach()))

    def end_epoch(self, validation_loss: float, seconds: float) -> None:
        """Note the losses, keep the best weights."""
        epoch, train_loss = len(self.history) + 1, float(np.mean(self.losses))
        self.epoch_start, self.losses = self.shuffle.get_state(), []
        if not (math.isfinite(train_loss) and math.isfinite(validation_loss)):
            raise DarksieveError(
                f"the loss is not finite in epoch {epoch}", where="training", mend="lower training.learning_rate"
            )
        rate = self.optimiser.param_groups[0]["lr"]
        self.history.append(
            dict(zip(HISTORY_COLUMNS, (self.member, epoch, train_loss, validation_loss, rate, seconds), strict=True))
        )
        if validation_loss < self.best_loss:
            self.best_loss, self.best_epoch, self.best_state = validation_loss, epoch, _copy(self.network)
        log.info(
            "epoch %d of %d: loss %.4f, validation %.4f%s, %.1f s", epoch, self.epochs, train_loss,
            validation_loss, " (best)" if self.best_epoch == epoch else "", seconds,
        )  # fmt: skip

    def save(self, path: Path) -> None:
        """Write the checkpoint in one rename."""
        path.parent.mkdir(exist_ok=True)
        part = path.with_suffix(".part")
        torch.save(
            {
                "network": self.network.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "schedule": self.schedule.state_dict(),
                "generators": [self.noise.get_state(), torch.get_rng_state()],
                "epoch": (self.epoch_start, self.losses),
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
        noise, everything_else = (state.cpu() for state in record["generators"])
        self.noise.set_state(noise)
        torch.set_rng_state(everything_else)
        self.epoch_start, self.losses = record["epoch"][0].cpu(), record["epoch"][1]
        self.history = record["history"]
        self.best_state, self.best_loss, self.best_epoch = record["best"]
        log.info("resumed after epoch %d and %d steps", len(self.history), len(self.losses))


def _copy(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}
