"""The device is what the experiment file says, or one line says why not."""

import pytest
import torch

from darksieve.problem.device import choose_device
from darksieve.problem.errors import DarksieveError
from darksieve.store.attempt import simulator_call


def test_gpu_that_is_not_there_is_one_line(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto").type == "cpu"
    with pytest.raises(DarksieveError, match="no GPU is visible"):
        choose_device("cuda")


def test_simulator_that_wants_an_absent_gpu_is_one_line(line_record, load_record, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    on_gpu = load_record(line_record | {"simulator": line_record["simulator"] | {"device": "cuda"}})
    with pytest.raises(DarksieveError, match="no GPU is visible") as raised, simulator_call(on_gpu):
        pass
    assert "simulator.device" in str(raised.value)
