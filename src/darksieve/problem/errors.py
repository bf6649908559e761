"""The one exception that darksieve raises for what a user can mend."""

from __future__ import annotations

__all__ = ["DarksieveError"]


class DarksieveError(Exception):
    """A mistake in a config, a file or a simulator, told in one line.

    Parameters
    ----------
    what : str
        What is wrong, with the offending value.
    where : str, optional
        The file, key or parameter in which it was found.
    mend : str, optional
        What the user can do about it.
    """

    def __init__(self, what: str, *, where: object = None, mend: str | None = None) -> None:
        line = f"{where}: {what}" if where is not None else what
        if mend:
            line = f"{line}; {mend}"
        super().__init__(" ".join(line.split()))
