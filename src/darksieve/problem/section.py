"""Sections of a config: their base class, and the one line that says what is wrong with one."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from darksieve.problem.errors import DarksieveError

__all__ = ["Section", "read_config", "suggest"]


class Section(BaseModel):
    """A section of a config file: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


AnySection = TypeVar("AnySection", bound=Section)


def read_config(cls: type[AnySection], record: Mapping[str, Any], *, where: str) -> AnySection:
    """Validate a mapping against a config class.

    Raises
    ------
    DarksieveError
        One line for the first thing that is wrong: the key, what it holds, and what it should be.
    """
    try:
        return cls.model_validate(record)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        mend = None
        if first["type"] == "extra_forbidden":
            message = "unknown key"
            mend = suggest(str(first["loc"][-1]), _keys(cls, first["loc"][:-1]))
        elif first["type"] not in ("value_error", "missing"):
            message = f"{message}, not {first['input']!r:.80}"
        raise DarksieveError(message, where=f"{where}: {key}" if key else where, mend=mend) from error


def suggest(name: str, known: list[str]) -> str:
    """What somebody may have meant who wrote an unknown name."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"


def _keys(cls: type[Section], location: tuple[int | str, ...]) -> list[str]:
    """Keys of the section at a location of a config class."""
    fields = cls.model_fields
    section: type[Section] | None = cls
    for part in location:
        annotation = next((f.annotation for n, f in fields.items() if (f.alias or n) == part), None)
        candidates = [annotation, *getattr(annotation, "__args__", ())]
        found = next((c for c in candidates if isinstance(c, type) and issubclass(c, Section)), None)
        if found is not None:
            section, fields = found, found.model_fields
    assert section is not None
    return [field.alias or name for name, field in section.model_fields.items()]
