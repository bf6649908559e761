"""What a long job does when its scheduler asks it to end: save where it is, and end.

Schedulers send SIGTERM or SIGUSR1 some time before they kill: at a wall limit, or when a node is wanted for others.
"""

from __future__ import annotations

import signal
from types import FrameType, TracebackType

from darksieve.problem.errors import DarksieveError

__all__ = ["Interruption", "ignore_signals"]

SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


class Interruption:
    """Notes, as long as it is entered, that SIGTERM or SIGUSR1 came, which then do not end the process.

    Python hands signals to the main thread, so that it must be entered there.
    """

    def __init__(self) -> None:
        self._name: str | None = None
        self._before: dict[signal.Signals, signal._HANDLER] = {}

    def __bool__(self) -> bool:
        """Whether a signal came."""
        return self._name is not None

    def __enter__(self) -> Interruption:
        self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def error(self, where: str) -> DarksieveError:
        """The error that ends the job, once what was done is saved."""
        return DarksieveError(
            f"stopped by {self._name}, and all that was done is kept", where=where, mend="run it again and it goes on"
        )

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._name = signal.Signals(number).name


def ignore_signals() -> None:
    """Leave it to the parent to end this process: schedulers signal every process of a job."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
