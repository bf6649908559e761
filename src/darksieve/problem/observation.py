"""The observation x_o: arrays with units and masks, made from a mock or read from a file, kept as HDF5."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from darksieve.problem.config import ObservationConfig
from darksieve.problem.errors import DarksieveError
from darksieve.problem.experiment import Experiment
from darksieve.problem.files import crop_centre, read_array
from darksieve.problem.provenance import derive_seed
from darksieve.problem.simulator import Description, WithObservation, simulate_checked

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Observation", "apply_masks", "make_observation"]


@dataclass(frozen=True)
class Observation:
    """One observation.

    Attributes
    ----------
    x : dict of str to array
        Data arrays without a batch axis, float32; masked elements are zero.
    masks : dict of str to bool array
        True where an element is used; arrays without an entry are used whole.
    descriptions : dict of str to Description
        Unit, label and pixel scale of each array.
    truth : dict of str to float, optional
        Parameter values of a mock.
    """

    x: dict[str, NDArray[np.float32]]
    masks: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    descriptions: dict[str, Description] = field(default_factory=dict)
    truth: dict[str, float] | None = None

    def write(self, path: Path) -> None:
        """Write `observation.h5`."""
        import h5py

        with h5py.File(path, "w") as file:
            for name, array in self.x.items():
                dataset = file.create_dataset(f"x/{name}", data=array)
                description = self.descriptions.get(name, Description())
                dataset.attrs["unit"] = description.unit
                dataset.attrs["label"] = description.label
                if description.pixel_scale is not None:
                    dataset.attrs["pixel_scale"] = description.pixel_scale
                if description.coordinate is not None:
                    dataset.attrs["coordinate"] = description.coordinate
                    dataset.attrs["coordinate_label"] = description.coordinate_label
            for name, mask in self.masks.items():
                file.create_dataset(f"mask/{name}", data=mask)
            if self.truth is not None:
                for name, value in self.truth.items():
                    file.create_dataset(f"z/{name}", data=value)

    @classmethod
    def read(cls, path: Path) -> Observation:
        """Read what `write` wrote.

        Raises
        ------
        DarksieveError
            If the file is absent or is no observation.
        """
        import h5py

        path = Path(path)
        try:
            with h5py.File(path, "r") as file:
                x = {name: np.asarray(item, np.float32) for name, item in file["x"].items()}
                masks = {name: np.asarray(item, bool) for name, item in file.get("mask", {}).items()}
                truth = {name: float(item[()]) for name, item in file["z"].items()} if "z" in file else None
                descriptions = {
                    name: Description(
                        unit=item.attrs.get("unit", ""),
                        label=item.attrs.get("label", ""),
                        pixel_scale=item.attrs.get("pixel_scale"),
                        coordinate=tuple(map(float, item.attrs["coordinate"])) if "coordinate" in item.attrs else None,
                        coordinate_label=item.attrs.get("coordinate_label", ""),
                    )
                    for name, item in file["x"].items()
                }
        except (OSError, KeyError) as error:
            raise DarksieveError(f"is no observation: {error}", where=path, mend="remake it with `observe`") from error
        return cls(x, masks, descriptions, truth)

    def batch(self) -> dict[str, Tensor]:
        """The arrays as tensors with a batch axis of length one."""
        import torch

        return {name: torch.from_numpy(array)[None] for name, array in self.x.items()}


def apply_masks(x: Mapping[str, Tensor], masks: Mapping[str, NDArray[np.bool_]]) -> dict[str, Tensor]:
    """Set the masked elements of arrays x (n, ...) to zero, as they are in the observation."""
    import torch

    return {
        name: array * torch.as_tensor(masks[name], device=array.device) if name in masks else array
        for name, array in x.items()
    }


def make_observation(experiment: Experiment, config: ObservationConfig | None = None) -> Observation:
    """Make the mock that an experiment asks for, or take its data from files, and check it against the simulator.

    Parameters
    ----------
    experiment : Experiment
    config : ObservationConfig, optional
        Another observation than the experiment's own.

    Raises
    ------
    DarksieveError
        If a file cannot be read, an array is missing, has another shape than the simulator's, or is not finite
        inside its mask, or the simulator brings no data where it is asked for them.
    """
    import torch

    simulator, config = experiment.simulator, experiment.config.observation if config is None else config
    generator = torch.Generator().manual_seed(derive_seed("observation", config.mock.seed if config.mock else 0))
    middle = torch.from_numpy(experiment.prior.from_unit(np.full((1, len(experiment.prior)), 0.5))).float()
    truth = dict(config.mock.parameters) if config.mock else None
    z = middle if truth is None else torch.tensor([[truth[name] for name in experiment.prior.names]])
    simulated = simulator.observe(simulate_checked(simulator, z, generator), generator)
    shapes = {name: tuple(array.shape[1:]) for name, array in simulated.items()}
    masks = _read_mask(config, shapes, experiment.path.name)
    if truth is not None:
        x = {name: array[0].cpu().numpy().astype(np.float32) for name, array in simulated.items()}
    else:
        x = {name: array.astype(np.float32) for name, array in _read_arrays(experiment, config, shapes).items()}
    for name, array in x.items():
        used = np.isfinite(array) | ~masks.get(name, np.ones(array.shape, bool))
        if not used.all():
            raise DarksieveError(
                f"{int((~used).sum())} of {array.size} values of {name!r} are not finite and not masked",
                where=f"{experiment.path.name}: observation", mend="mask them with observation.mask",
            )  # fmt: skip
        x[name] = np.where(masks[name], array, np.float32(0)) if name in masks else array
    descriptions = {name: simulator.descriptions.get(name, Description()) for name in x}
    return Observation(x, masks, descriptions, truth)


def _read_arrays(
    experiment: Experiment, config: ObservationConfig, shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, NDArray[np.float64]]:
    where = f"{experiment.path.name}: observation"
    if config.from_simulator:
        simulator = experiment.simulator
        if not isinstance(simulator, WithObservation):
            raise DarksieveError(
                f"{type(simulator).__name__} has no method `observed`", where=f"{where}.from_simulator",
                mend="write one, or name a file or a mock",
            )  # fmt: skip
        observed = simulator.observed()
        return {name: _fit(observed[name], None, shape, f"{where}: {name}") for name, shape in shapes.items()}
    assert config.file is not None
    arrays = config.arrays or {name: f"x/{name}" for name in shapes}
    for name in arrays:
        if name not in shapes:
            raise DarksieveError(f"the simulator makes no array {name!r}", where=where, mend=f"it makes {list(shapes)}")
    if missing := [name for name in shapes if name not in arrays]:
        raise DarksieveError(f"no array {', '.join(missing)}", where=where, mend="name it in observation.arrays")
    x = {}
    for name, dataset in arrays.items():
        array = read_array(Path(config.file), dataset)
        x[name] = _fit(array, config.crop, shapes[name], f"{where}: {name}")
    return x


def _read_mask(
    config: ObservationConfig, shapes: Mapping[str, tuple[int, ...]], name_of_file: str
) -> dict[str, NDArray[np.bool_]]:
    if config.mask is None:
        return {}
    where = f"{name_of_file}: observation.mask"
    values = read_array(Path(config.mask.file), config.mask.dataset)
    masks = {}
    for name, shape in shapes.items():
        masks[name] = _fit(values, config.crop, shape, where) != 0
        if not masks[name].any():
            raise DarksieveError("leaves no data", where=where, mend="it must be 1 where the data are used")
    return masks


def _fit(array: NDArray[np.float64], crop: int | None, shape: tuple[int, ...], where: str) -> NDArray[np.float64]:
    """Crop an image as configured and demand the simulator's shape."""
    try:
        array = crop_centre(array, crop) if crop is not None and array.ndim >= 2 else array
    except DarksieveError as error:
        raise DarksieveError(str(error), where=where) from error
    if array.shape != shape:
        raise DarksieveError(
            f"shape {array.shape} is not the simulator's {shape}", where=where,
            mend="set observation.crop or the simulator's options",
        )  # fmt: skip
    return array
