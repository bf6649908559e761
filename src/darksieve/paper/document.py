"""The document: typst sources, numbers and figures in, pages out; without a network, and equal from equal inputs."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from darksieve.problem.errors import DarksieveError

__all__ = ["typeset"]

DATE = 0  # of the file: a day that is always the same
RESOLUTION = 110.0  # pixels an inch


def typeset(sources: Sequence[Path], figures: Mapping[str, Path]) -> tuple[bytes, list[bytes]]:
    """The document as PDF, and its pages as PNG.

    Parameters
    ----------
    sources : sequence of Path
        The main file first, then the files beside it that it reads.
    figures : mapping of str to Path
        Figures that it shows as `figures/NAME` with the file's suffix.

    Raises
    ------
    DarksieveError
        If typst says no, in its words.
    """
    import typst

    with TemporaryDirectory() as folder:
        room = Path(folder)
        for source in sources:
            shutil.copy(source, room / source.name)
        (room / "figures").mkdir()
        for name, path in figures.items():
            shutil.copy(path, room / "figures" / f"{name}{path.suffix}")
        main = room / sources[0].name
        try:
            compiler = typst.Compiler(
                main, root=room, ignore_system_fonts=True, package_path=room, package_cache_path=room
            )
            pdf = compiler.compile(format="pdf", timestamp=DATE)
            pages = compiler.compile(format="png", ppi=RESOLUTION)
        except typst.TypstError as error:
            raise DarksieveError(f"typst: {error}", where=sources[0], mend="mend the source") from error
    assert isinstance(pdf, bytes)
    return pdf, pages if isinstance(pages, list) else [pages] if pages is not None else []
