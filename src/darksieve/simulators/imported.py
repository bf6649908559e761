"""Simulations that somebody already has, in place of a simulator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from darksieve.problem.errors import DarksieveError
from darksieve.problem.experiment import Experiment
from darksieve.problem.simulator import Simulator

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["Imported", "is_imported"]


class Imported(Simulator):
    """Draws from the prior of an experiment with their simulated data, read from an HDF5 file or a NumPy archive.

    Noise is part of the data or absent: it is not drawn anew.

    Parameters
    ----------
    file : str
        `.h5` or `.npz` file.
    parameters : sequence of str
        Names of the columns of the array `z`.
    z : str
        Name of the array of parameters (n, P), physical units.
    data : mapping of str to str
        Data name: name of the array (n, ...).
    """

    def __init__(
        self, *, file: str, parameters: Sequence[str], z: str = "z", data: Mapping[str, str] | None = None
    ) -> None:
        self.parameters = list(parameters)
        self.file, self._z, self._data = Path(file), z, dict(data or {"x": "x"})

    def simulate(self, z: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Refuse: there are no others than those in the file."""
        raise DarksieveError(
            "cannot simulate, it only holds what was imported", where=self.file.name, mend="ask for fewer simulations"
        )

    def load(self) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
        """Parameters z (n, P) and the data arrays (n, ...).

        Raises
        ------
        DarksieveError
            If the file cannot be read, lacks an array, or its arrays do not fit together.
        """
        z = self._read(self._z)
        x = {name: self._read(key) for name, key in self._data.items()}
        if z.ndim != 2 or z.shape[1] != len(self.parameters):
            raise DarksieveError(
                f"{self._z!r} has shape {z.shape}, not (n, {len(self.parameters)})", where=self.file.name,
                mend="name the parameters of its columns",
            )  # fmt: skip
        for name, array in x.items():
            if array.ndim < 1 or len(array) != len(z):
                raise DarksieveError(f"{name!r} has {len(array)} rows, z has {len(z)}", where=self.file.name)
        return z, x

    def _read(self, name: str) -> NDArray[np.float32]:
        if not self.file.is_file():
            raise DarksieveError("no such file", where=self.file, mend="check simulator.options.file")
        if self.file.suffix == ".npz":
            try:
                with np.load(self.file) as archive:
                    if name not in archive:
                        raise DarksieveError(
                            f"no array {name!r}", where=self.file.name, mend=f"it holds {', '.join(archive.files)}"
                        )
                    values = archive[name]
            except DarksieveError:
                raise
            except Exception as error:
                raise DarksieveError(f"cannot be read as .npz: {error}", where=self.file.name) from error
            return values.astype(np.float32)
        from darksieve.problem.files import read_array

        return read_array(self.file, name).astype(np.float32)


def is_imported(experiment: Experiment) -> bool:
    """Whether an experiment uses simulations that somebody already has; asked without loading its simulator."""
    return experiment.config.simulator.class_ == f"{Imported.__module__}:{Imported.__name__}"
