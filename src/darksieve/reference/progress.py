"""How far a long method has come: its file, and the seconds that it took, those before an interruption included."""

from __future__ import annotations

import resource
import time
from pathlib import Path

__all__ = ["Progress"]


class Progress:
    """Where a method keeps its state, and what it has spent since this was made.

    Parameters
    ----------
    path : Path, optional
        File of the state, with a suffix that its library knows; none is kept by default.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.earlier = 0.0, 0.0
        self._begun = _now()

    def spent(self) -> tuple[float, float]:
        """Wall and CPU seconds."""
        wall, cpu = (now - begun + earlier for now, begun, earlier in zip(_now(), self._begun, self.earlier))
        return wall, cpu

    @property
    def part(self) -> Path:
        """Where the next state is written before it takes the place of the last one."""
        assert self.path is not None
        return self.path.with_name(f".{self.path.name}")

    def remove(self) -> None:
        """Forget the state: the method has ended."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
            self.part.unlink(missing_ok=True)


def _now() -> tuple[float, float]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return time.perf_counter(), used.ru_utime + used.ru_stime
