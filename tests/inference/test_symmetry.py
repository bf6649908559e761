import dataclasses

import numpy as np
import pytest
import torch

from darksieve.inference import training
from darksieve.inference.losses import ratio_loss
from darksieve.inference.symmetry import turn_images
from darksieve.inference.training import train
from darksieve.problem.errors import DarksieveError
from darksieve.store.reader import MemorySource


def test_images_are_seen_in_all_eight_positions_and_other_arrays_as_they_are():
    image = torch.arange(9.0).reshape(3, 3)
    stack, vector = image.expand(400, 2, 3, 3), torch.arange(400.0)[:, None]
    turned = turn_images(
        {"image": image.expand(400, 3, 3), "stack": stack, "vector": vector}, torch.Generator().manual_seed(1)
    )
    positions = {tuple(torch.rot90(side, k).flatten().tolist()) for side in (image, image.T) for k in range(4)}
    seen = [tuple(row) for row in turned["image"].flatten(1).tolist()]
    assert set(seen) == positions
    assert len(positions) == 8
    expected, spread = 400 / 8, (400 / 8 * 7 / 8) ** 0.5
    assert all(abs(seen.count(position) - expected) < 4 * spread for position in positions)
    torch.testing.assert_close(turned["stack"], turned["image"][:, None].expand(400, 2, 3, 3))
    assert turned["vector"] is vector


def test_data_without_a_square_image_are_one_line():
    with pytest.raises(DarksieveError, match="no square image"):
        turn_images({"image": torch.zeros(2, 3, 4), "vector": torch.zeros(2, 3)}, torch.Generator())


def test_training_turns_images_anew_in_each_epoch(trained, monkeypatch):
    experiment, _, simulations, estimator, _ = trained
    number, seen = 64, []
    images = np.zeros((number, 20, 20), np.float32)
    images[:, 0, 1] = 2.0
    signal = dataclasses.replace(
        simulations.head(number), x={"brightness": simulations.x["brightness"][:number], "image": images}
    )

    def spy(network, batch, *kind):
        seen.append(batch["image"])
        return ratio_loss(network, batch, *kind)

    def observe(signal, generator):
        return {"brightness": signal["brightness"], "image": signal["image"] + 0.1 * torch.randn(20, 20)}

    monkeypatch.setattr(training, "ratio_loss", spy)
    setting = {"epochs": 2, "turn_images": True}
    config = experiment.config.model_copy(update={"training": experiment.config.training.model_copy(update=setting)})
    experiment = dataclasses.replace(experiment, config=config)
    monkeypatch.setattr(experiment.simulator, "observe", observe)
    train(experiment, estimator.box, MemorySource(signal), {}, round_number=1)
    brightest = torch.cat(seen).flatten(1).argmax(dim=1)
    assert set(brightest.tolist()) == {1, 18, 20, 39, 360, 379, 381, 398}
