"""What a reference method found: samples, what they cost, and how far its chains may be trusted."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from darksieve.problem.errors import DarksieveError

__all__ = ["Draws", "Reference", "load_reference"]

Floats = NDArray[np.float64]
SCALARS = {"method": str, "likelihood_calls": int, "wall_seconds": float, "cpu_seconds": float, "seed": int}


@dataclass(frozen=True)
class Draws:
    """What a method returns.

    Attributes
    ----------
    z : array (n, P)
        Equally weighted samples in physical units; those of chains one chain after the other.
    chains : int
        Markov chains that made them; 0 where they are independent.
    findings : dict of str to float
        What else the method tells, such as `log_evidence` or `divergences`.
    """

    z: Floats
    chains: int = 0
    findings: dict[str, float] = field(default_factory=dict)

    def by_chain(self) -> Floats:
        """The samples as (chains, n / chains, P)."""
        return self.z.reshape(self.chains, -1, self.z.shape[1])


@dataclass(frozen=True)
class Reference:
    """The posterior by one method.

    Attributes
    ----------
    method : str
    names : tuple of str
        Parameters, in the order of the columns.
    draws : Draws
    likelihood_calls : int
    wall_seconds, cpu_seconds : float
        Of the whole method, the search for the modes included.
    seed : int
    """

    method: str
    names: tuple[str, ...]
    draws: Draws
    likelihood_calls: int
    wall_seconds: float
    cpu_seconds: float
    seed: int

    def samples(self, names: tuple[str, ...]) -> Floats:
        """Samples (n, d) of some of the parameters."""
        return self.draws.z[:, [self.names.index(name) for name in names]]

    def write(self, path: Path) -> None:
        """Write `reference/<method>.h5`."""
        import h5py

        with h5py.File(path, "w") as file:
            for key in SCALARS:
                file.attrs[key] = getattr(self, key)
            file.attrs["parameters"] = list(self.names)
            file.attrs["chains"] = self.draws.chains
            file.create_dataset("samples", data=self.draws.z)
            findings = file.create_group("findings")
            for key, value in self.draws.findings.items():
                findings.attrs[key] = value


def load_reference(path: Path) -> Reference:
    """Read what `Reference.write` wrote.

    Raises
    ------
    DarksieveError
        If the file is absent or holds no reference posterior.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            findings = {key: float(value) for key, value in file["findings"].attrs.items()}
            draws = Draws(file["samples"][()], int(file.attrs["chains"]), findings)
            names = tuple(str(name) for name in file.attrs["parameters"])
            scalars: dict[str, Any] = {key: kind(file.attrs[key]) for key, kind in SCALARS.items()}
    except (OSError, KeyError) as error:
        raise DarksieveError(f"holds no reference: {error}", where=path, mend="remake it with `refer`") from error
    return Reference(names=names, draws=draws, **scalars)
