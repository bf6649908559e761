"""Where tensors live: the CPU or a GPU."""

from __future__ import annotations

import logging
import os

import torch

from darksieve.problem.errors import DarksieveError

__all__ = ["choose_device"]

NO_DEVICES = ("", "-1", "NoDevFiles")  # values of CUDA_VISIBLE_DEVICES, the last one Slurm's
log = logging.getLogger(__name__)


def choose_device(wanted: str, where: str = "training.device") -> torch.device:
    """The device for `auto`, `cpu` or `cuda`; a GPU that a scheduler gave and torch cannot use is told.

    Raises
    ------
    DarksieveError
        If a GPU is demanded, by the key `where`, and there is none.
    """
    if wanted == "cuda" and not torch.cuda.is_available():
        raise DarksieveError("no GPU is visible", where=where, mend="say `auto` or `cpu`")
    given = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    if wanted == "auto" and given not in NO_DEVICES and not torch.cuda.is_available():
        log.warning("the CPU is used: CUDA_VISIBLE_DEVICES is %s, but this build of torch sees no GPU", given)
    return torch.device("cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu")
