"""The contract of a simulator, and the loader that brings a user's own one in.

A simulator maps parameters z to noise-free signals, which are costly and stored, and signals to data as an
instrument would record them, which is cheap, random and drawn anew whenever the data are used.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from darksieve.problem.errors import DarksieveError

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import Tensor

__all__ = [
    "Description",
    "Simulator",
    "WithExactPosterior",
    "WithLikelihood",
    "WithObservation",
    "check_signal",
    "load_class",
    "load_simulator",
    "simulate_checked",
    "simulator_source",
]


@dataclass(frozen=True)
class Description:
    """How a parameter or a data array is shown.

    `unit` is a string that astropy reads (empty if dimensionless), `label` is LaTeX without dollars, and
    `pixel_scale` (arcsec) marks an image whose axes are angles. An array whose rows mean the same in any order is
    `exchangeable`: a set, from which the default network learns by a sum over its elements. A vector whose elements
    lie at values of something, such as radii, has these as its `coordinate`, shown under the `coordinate_label`.
    """

    unit: str = ""
    label: str = ""
    pixel_scale: float | None = None
    exchangeable: bool = False
    coordinate: tuple[float, ...] | None = None
    coordinate_label: str = ""


class Simulator(ABC):
    """Maps parameters z to data x.

    Attributes
    ----------
    parameters : sequence of str
        Names in the order of the columns of z.
    descriptions : mapping of str to Description
        Units and labels of parameters and data arrays, for figures; may be left empty.
    """

    parameters: Sequence[str]
    descriptions: Mapping[str, Description] = {}

    def __init__(self, **options: Any) -> None:
        """Take the experiment file's `simulator.options`."""
        if options:
            raise DarksieveError(
                f"unknown options {sorted(options)}",
                where=f"simulator {type(self).__name__}",
                mend="it takes none",
            )

    @abstractmethod
    def simulate(self, z: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Map z (n, P) in physical units, on any device, to named arrays (n, ...) without observational noise."""

    def observe(self, signal: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """Give the arrays of `simulate` (n, ...) as an instrument would record them; by default unchanged."""
        return signal


@runtime_checkable
class WithLikelihood(Protocol):
    """What a simulator may offer besides, for the methods of `darksieve.reference`: the likelihood of its noise.

    `simulate` then takes z in float64 and is not random; where it and the likelihood are made of torch operations,
    their gradient is used.
    """

    def log_likelihood(
        self, x: dict[str, Tensor], signal: dict[str, Tensor], masks: dict[str, Tensor] | None = None
    ) -> Tensor:
        """ln p(x | signal), (n,), of one observation for n noise-free signals.

        Parameters
        ----------
        x : dict of str to Tensor
            The observation without a batch axis, zero where masked.
        signal : dict of str to Tensor
            What `simulate` returned, (n, ...).
        masks : dict of str to bool Tensor, optional
            False where an element of x is masked and must not count; given only where the observation is masked. A
            simulator that leaves this argument out serves whole observations.
        """
        ...


@runtime_checkable
class WithExactPosterior(Protocol):
    """What a toy problem of one data array may offer besides: exact draws of its posterior under its own prior."""

    prior: dict[str, dict[str, Any]]  # as an experiment file writes it

    def exact_samples(self, x: NDArray[np.float64], n: int, seed: int) -> NDArray[np.float64]:
        """Independent draws (n, P) of the posterior of x under `prior`."""
        ...


@runtime_checkable
class WithObservation(Protocol):
    """What a simulator of a survey's data may offer besides: the data themselves, from the files of its options."""

    def observed(self) -> dict[str, NDArray[np.float64]]:
        """The arrays of `simulate` as they were measured, without a batch axis."""
        ...


def load_simulator(reference: str, options: Mapping[str, Any], base: Path) -> Simulator:
    """Build the simulator that an experiment names.

    Parameters
    ----------
    reference : str
        `package.module:Class` or `path/to/file.py:Class`, the path relative to `base`.
    options : mapping
        Keyword arguments of the class.
    base : Path
        Folder of the experiment file.

    Raises
    ------
    DarksieveError
        If the class cannot be found, refuses its options or does not follow the contract.
    """
    where = f"simulator.class {reference}"
    cls = load_class(reference, base, where)
    try:
        if any(c.__module__.startswith("swyft.") and c.__name__ == "Simulator" for c in cls.__mro__):
            from darksieve.problem.swyft_adapter import SwyftAdapter

            return SwyftAdapter(cls, **options)
        simulator = cls(**options)
    except TypeError as error:
        raise DarksieveError(f"its options do not fit: {error}", where=where) from error
    for attribute in ("parameters", "simulate", "observe"):
        if not hasattr(simulator, attribute):
            raise DarksieveError(
                f"has no `{attribute}`", where=where, mend="derive it from darksieve.problem.Simulator"
            )
    return simulator


def simulator_source(reference: str, base: Path) -> Path | None:
    """The user's file behind `path/to/file.py:Class`; None for a class of an installed package."""
    location, _, _ = reference.rpartition(":")
    return (base / location).resolve() if location.endswith(".py") else None


def check_signal(simulator: Simulator, signal: Any, rows: int) -> None:
    """Check that what `simulate` returned is a mapping of tensors (rows, ...).

    Raises
    ------
    DarksieveError
        If it is not.
    """
    import torch

    where = f"simulator {type(simulator).__name__}"
    if not isinstance(signal, dict) or not signal:
        raise DarksieveError(f"simulate returned {type(signal).__name__}", where=where, mend="return a dict of tensors")
    for name, array in signal.items():
        if not isinstance(array, torch.Tensor) or array.ndim < 1 or len(array) != rows:
            shape = tuple(array.shape) if hasattr(array, "shape") else type(array).__name__
            raise DarksieveError(
                f"array {name!r} has shape {shape} for {rows} parameter rows", where=where,
                mend="return one row a row of z",
            )  # fmt: skip


def simulate_checked(simulator: Simulator, z: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
    """Simulate z (n, P) where nothing may go wrong.

    Raises
    ------
    DarksieveError
        If the result is not a mapping of tensors (n, ...) or holds NaN or infinity; the line gives the
        parameter values that did it.
    """
    import torch

    signal = simulator.simulate(z, generator)
    check_signal(simulator, signal, len(z))
    for name, array in signal.items():
        finite = torch.isfinite(array).reshape(len(z), -1).all(dim=1)
        if not finite.all():
            row = int(torch.nonzero(~finite)[0])
            values = ", ".join(f"{n}={v:.6g}" for n, v in zip(simulator.parameters, z[row].tolist()))
            raise DarksieveError(
                f"array {name!r} is not finite in {int((~finite).sum())} of {len(z)} simulations, first at {values}",
                where=f"simulator {type(simulator).__name__}", mend="mend the simulator or narrow the prior",
            )  # fmt: skip
    return signal


def load_class(reference: str, base: Path, where: str) -> type:
    """Find the class behind `package.module:Class` or `path/to/file.py:Class`, the path relative to `base`.

    Raises
    ------
    DarksieveError
        If there is no such file, module or class, or it cannot be imported.
    """
    location, _, name = reference.rpartition(":")
    if not location or not name:
        raise DarksieveError("is not of the form package.module:Class or path/to/file.py:Class", where=where)
    try:
        if location.endswith(".py"):
            module = _load_file((base / location).resolve(), where)
        else:
            module = importlib.import_module(location)
    except DarksieveError:
        raise
    except Exception as error:
        raise DarksieveError(f"cannot be imported: {type(error).__name__}: {error}", where=where) from error
    cls = getattr(module, name, None)
    if not isinstance(cls, type):
        known = sorted(n for n, v in vars(module).items() if isinstance(v, type) and v.__module__ == module.__name__)
        raise DarksieveError(f"no class {name!r}", where=where, mend=f"it defines {', '.join(known) or 'no classes'}")
    return cls


def _load_file(path: Path, where: str) -> Any:
    if not path.is_file():
        raise DarksieveError(f"no file {path.name} in {path.parent}", where=where)
    spec = importlib.util.spec_from_file_location(f"darksieve_user_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
