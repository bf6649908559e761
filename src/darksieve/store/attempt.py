"""Running a simulator so that nothing it does goes unnoticed: exceptions, values that are not finite, time."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from darksieve.problem.errors import DarksieveError
from darksieve.problem.experiment import Experiment
from darksieve.problem.interruption import ignore_signals
from darksieve.problem.provenance import derive_seed
from darksieve.problem.simulator import check_signal
from darksieve.store.shard import Status

if TYPE_CHECKING:
    import torch

__all__ = ["BLOCK", "Block", "simulate_block", "simulator_call"]

BLOCK = 64
"""Simulations that share a generator; they are always simulated together."""

Signal = dict[str, NDArray[np.float32]]
Call = Callable[[NDArray[np.float32], int, float | None], Signal]


@dataclass
class Block:
    """Simulations of one block: data (n, ...), states (n,), and messages of those that are not ok, by row."""

    x: Signal
    status: NDArray[np.uint8]
    messages: dict[int, str] = field(default_factory=dict)


class _TimedOut(Exception):
    pass


def simulate_block(call: Call, z: NDArray[np.float32], stream: str, block: int, experiment: Experiment) -> Block:
    """Simulate the rows of a block together, and those that went wrong alone and again.

    Parameters
    ----------
    call : callable
        What `simulator_call` gives.
    z : array (n, P)
        Parameters in physical units.
    stream, block : str, int
        Name the random numbers.
    experiment : Experiment
        Says how long a simulation may take, and how often one that went wrong is tried again.

    Raises
    ------
    DarksieveError
        If the simulator does not follow its contract.
    """
    config = experiment.config.simulator
    timeout = config.timeout
    first = 1  # attempt of the rows that went wrong together
    try:
        signal = call(z, derive_seed("simulator", stream, block), timeout and timeout * BLOCK)
    except DarksieveError:
        raise
    except Exception:  # one row spoils its block: all are simulated alone
        found, first = Block({}, np.full(len(z), Status.FAILED, np.uint8)), 0
    else:
        found = _judge(signal, len(z))
    for row in np.flatnonzero(found.status).tolist():
        for attempt in range(first, config.retries + 1):
            seed = derive_seed("simulator", stream, block, row, attempt)
            alone = _simulate_alone(call, z[row : row + 1], seed, timeout)
            found.status[row] = alone.status[0]
            found.messages[row] = alone.messages.get(0, "")
            if alone.status[0] == Status.OK:
                _put(found.x, alone.x, row, len(z))
                del found.messages[row]
                break
    for array in found.x.values():
        array[found.status != Status.OK] = 0
    return found


def _simulate_alone(call: Call, z: NDArray[np.float32], seed: int, timeout: float | None) -> Block:
    try:
        return _judge(call(z, seed, timeout), 1)
    except DarksieveError:
        raise
    except _TimedOut:
        return Block({}, np.full(1, Status.TIMED_OUT, np.uint8), {0: f"took more than {timeout:g} s"})
    except Exception as error:
        return Block({}, np.full(1, Status.FAILED, np.uint8), {0: str(error)})


def _judge(signal: Signal, rows: int) -> Block:
    """Mark the simulations that are not finite."""
    status = np.zeros(rows, np.uint8)
    messages: dict[int, str] = {}
    for name, array in signal.items():
        finite = np.isfinite(array.reshape(rows, -1)).all(axis=1)
        status[~finite] = Status.NOT_FINITE
        messages |= {row: f"{name} is not finite" for row in np.flatnonzero(~finite).tolist()}
    return Block(signal, status, messages)


def _put(x: Signal, alone: Signal, row: int, rows: int) -> None:
    for name, array in alone.items():
        if name not in x:
            x[name] = np.zeros((rows, *array.shape[1:]), np.float32)
        x[name][row] = array[0]


@contextmanager
def simulator_call(experiment: Experiment) -> Iterator[Call]:
    """A function of parameters (n, P), seed and seconds allowed that simulates; in a process of its own where there is
    a timeout, since nothing else stops a simulator that hangs."""
    if experiment.config.simulator.timeout is None:
        device = _device(experiment)
        yield lambda z, seed, _: _call(experiment, z, seed, device)
        return
    worker = _Worker(experiment)
    try:
        yield worker
    finally:
        worker.stop()


def _device(experiment: Experiment) -> torch.device:
    from darksieve.problem.device import choose_device

    return choose_device(experiment.config.simulator.device, "simulator.device")


def _call(experiment: Experiment, z: NDArray[np.float32], seed: int, device: torch.device) -> Signal:
    import torch

    try:
        with torch.no_grad():
            generator = torch.Generator(device).manual_seed(seed)
            signal = experiment.simulator.simulate(torch.from_numpy(z).to(device), generator)
    except DarksieveError:
        raise
    except Exception as error:
        raise RuntimeError(f"{type(error).__name__}: {error}") from error
    check_signal(experiment.simulator, signal, len(z))
    return {name: array.cpu().numpy().astype(np.float32) for name, array in signal.items()}


class _Worker:
    """A process that simulates, killed and started anew when it takes too long."""

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self.process: multiprocessing.process.BaseProcess | None = None
        self.pipe: Connection | None = None

    def __call__(self, z: NDArray[np.float32], seed: int, timeout: float | None) -> Signal:
        if self.process is None or self.pipe is None:
            context = multiprocessing.get_context("spawn")
            self.pipe, end = context.Pipe()
            self.process = context.Process(
                target=_serve, args=(end, self.experiment.path, self.experiment.root), daemon=True
            )
            self.process.start()
            end.close()
            self._receive(None)  # it is ready
        self.pipe.send((z, seed))
        answer = self._receive(timeout)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _receive(self, timeout: float | None) -> Any:
        assert self.pipe is not None
        if not self.pipe.poll(timeout):
            self.stop()
            raise _TimedOut
        try:
            return self.pipe.recv()
        except EOFError:
            self.stop()
            raise RuntimeError("the simulator's process died") from None

    def stop(self) -> None:
        """Kill the process."""
        if self.process is not None:
            self.process.kill()
            self.process.join()
        self.process = self.pipe = None


def _serve(pipe: Connection, path: Path, root: Path) -> None:
    ignore_signals()
    experiment = Experiment.load(path, root)
    device = _device(experiment)
    pipe.send(list(experiment.simulator.parameters))
    while True:
        z, seed = pipe.recv()
        try:
            answer: Any = _call(experiment, z, seed, device)
        except Exception as error:
            answer = error
        pipe.send(answer)
