import copy
import dataclasses
import math
import signal

import numpy as np
import pytest
import swyft
import torch

from darksieve.inference import training
from darksieve.inference.estimator import Estimator, iterate_ratios
from darksieve.inference.losses import ratio_loss
from darksieve.inference.training import HISTORY_COLUMNS, train
from darksieve.problem.box import Box
from darksieve.problem.config import TrainingConfig
from darksieve.problem.errors import DarksieveError
from darksieve.problem.interruption import Interruption
from darksieve.store.reader import MemorySource, StreamedSource
from darksieve.store.simulate import open_simulations
from tests.conftest import plan_request, simulate


class SwyftNetwork(swyft.AdamWReduceLROnPlateau, swyft.SwyftModule):
    """A network as swyft's users write them: unnamed parameters, a tuple of ratios."""

    def __init__(self, points=20):
        super().__init__()
        self.one = swyft.LogRatioEstimator_1dim(num_features=points, num_params=2, varnames="z")
        self.two = swyft.LogRatioEstimator_Ndim(num_features=points, marginals=((0, 1),), varnames="z")

    def forward(self, A, B):
        return self.one(A["brightness"], B["z"]), self.two(A["brightness"], B["z"])


def test_training_learns_and_notes_every_epoch(trained):
    *_, history = trained
    assert list(history[0]) == list(HISTORY_COLUMNS)
    assert min(row["validation_loss"] for row in history) < -2
    assert [row["epoch"] for row in history] == list(range(1, len(history) + 1))


def test_training_starts_from_what_the_round_before_learned(trained):
    experiment, _, simulations, estimator, _ = trained
    config = _with_epochs(experiment.config, 1)
    config = config.model_copy(update={"training": config.training.model_copy(update={"learning_rate": 1e-9})})
    still = dataclasses.replace(experiment, config=config)
    continued, _ = train(still, estimator.box, MemorySource(simulations), {}, round_number=2, start=estimator)
    for name, values in estimator.networks[0].embed.state_dict().items():
        torch.testing.assert_close(continued.networks[0].embed.state_dict()[name], values, atol=1e-6, rtol=0)


def test_no_validation_simulation_is_trained_on(trained, monkeypatch):
    experiment, _, simulations, estimator, _ = trained
    seen = {"train": set(), "validation": set()}

    def spy(network, batch, *kind):
        key = "train" if network.training else "validation"
        seen[key] |= {tuple(row) for row in batch["z"].tolist()}
        return ratio_loss(network, batch, *kind)

    monkeypatch.setattr(training, "ratio_loss", spy)
    short = copy.copy(experiment)
    object.__setattr__(short, "config", _with_epochs(experiment.config, 1))
    train(short, estimator.box, MemorySource(simulations), {}, round_number=1)
    assert not seen["train"] & seen["validation"]
    assert len(seen["validation"]) == round(0.1 * len(simulations))
    assert len(seen["train"] | seen["validation"]) == len(simulations)


def _with_epochs(config, epochs):
    return config.model_copy(update={"training": config.training.model_copy(update={"epochs": epochs})})


def test_noise_is_fresh_at_every_epoch_and_fixed_in_validation(trained, monkeypatch):
    experiment, _, simulations, estimator, _ = trained
    first_rows = {"train": [], "validation": []}

    def spy(network, batch, *kind):
        key = "train" if network.training else "validation"
        order = batch["z"][:, 0].argsort()
        first_rows[key].append((float(batch["z"][order[0], 0]), batch["brightness"][order[0]].tolist()))
        return ratio_loss(network, batch, *kind)

    monkeypatch.setattr(training, "ratio_loss", spy)
    short = copy.copy(experiment)
    object.__setattr__(short, "config", _with_epochs(experiment.config, 2))
    train(short, estimator.box, MemorySource(simulations.head(640)), {}, round_number=1)
    by_parameter = {}
    for z, data in first_rows["train"]:
        by_parameter.setdefault(z, []).append(data)
    repeated = [data for data in by_parameter.values() if len(data) > 1]
    assert all(data[0] != data[1] for data in repeated)
    assert len(first_rows["validation"]) == 3  # before the first epoch, and after both
    assert all(rows == first_rows["validation"][0] for rows in first_rows["validation"])


def test_interrupted_training_ends_with_the_same_weights(trained, tmp_path):
    experiment, _, simulations, estimator, _ = trained
    config = _with_epochs(experiment.config, 3)
    config = config.model_copy(update={"training": config.training.model_copy(update={"ensemble": 2})})
    short = dataclasses.replace(experiment, config=config)
    few, checkpoint = simulations.head(640), tmp_path / "c.checkpoint"
    whole, history = train(short, estimator.box, MemorySource(few), {}, round_number=1)

    class Killed(Exception):
        pass

    save = training._Run.save

    def save_and_die(run, path):
        save(run, path)
        if run.member == 1 and len(run.history) == 2:
            raise Killed

    training._Run.save = save_and_die
    try:
        with pytest.raises(Killed):
            train(short, estimator.box, MemorySource(few), {}, round_number=1, checkpoint=checkpoint)
    finally:
        training._Run.save = save
    assert sorted(path.name for path in checkpoint.iterdir()) == ["0.pt", "1.pt"]
    resumed, resumed_history = train(short, estimator.box, MemorySource(few), {}, round_number=1, checkpoint=checkpoint)
    assert checkpoint.is_dir()  # it stays until the estimator is written
    for one, other in zip(whole.networks, resumed.networks, strict=True):
        for a, b in zip(one.state_dict().values(), other.state_dict().values()):
            assert torch.equal(a, b)
    first, second = (network.state_dict() for network in whole.networks)
    assert not torch.equal(first["principal.bend.0.weight"], second["principal.bend.0.weight"])
    assert [row["validation_loss"] for row in history] == [row["validation_loss"] for row in resumed_history]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
@pytest.mark.parametrize("memory", [8.0, 1e-5])
def test_training_that_signals_stop_in_every_epoch_ends_with_the_same_weights(
    line_record, load_record, tmp_path, monkeypatch, number, memory
):
    line_record["training"] = {"epochs": 3, "batch": 32, "memory": memory}
    experiment = load_record(line_record)
    box, store, checkpoint = Box.full(experiment.prior.names), tmp_path / "store", tmp_path / "c.checkpoint"
    simulate(experiment, box, store, 700)
    plan = plan_request(experiment, box, store, 700)
    simulations = open_simulations(experiment, plan, [], store)
    assert isinstance(simulations, StreamedSource) == (memory < 1)

    def run(**options):
        return train(experiment, box, simulations, {}, round_number=1, **options)

    whole, history = run()
    step = training._Run.step

    def step_with_signal(moving, batch):
        step(moving, batch)
        if len(moving.losses) == 7 + len(moving.history):
            signal.raise_signal(number)

    monkeypatch.setattr(training._Run, "step", step_with_signal)
    for epoch in (1, 2, 3):
        with Interruption() as interruption, pytest.raises(DarksieveError) as error:
            run(checkpoint=checkpoint, interruption=interruption)
        where = f"training, step {6 + epoch} of epoch {epoch}"
        assert str(error.value).startswith(f"{where}: stopped by {number.name}, and all that was done is kept")
    with Interruption() as interruption:
        resumed, resumed_history = run(checkpoint=checkpoint, interruption=interruption)
    for a, b in zip(whole.networks[0].state_dict().values(), resumed.networks[0].state_dict().values()):
        assert torch.equal(a, b)
    for column in ("train_loss", "validation_loss", "learning_rate"):
        assert [row[column] for row in history] == [row[column] for row in resumed_history]


def test_broken_checkpoint_is_not_used(trained, tmp_path):
    experiment, _, simulations, estimator, _ = trained
    short = copy.copy(experiment)
    object.__setattr__(short, "config", _with_epochs(experiment.config, 1))
    checkpoint = tmp_path / "c.checkpoint"
    checkpoint.mkdir()
    (checkpoint / "0.pt").write_bytes(b"half a file")
    _, history = train(
        short, estimator.box, MemorySource(simulations.head(320)), {}, round_number=1, checkpoint=checkpoint
    )
    assert len(history) == 1


def test_loss_that_is_not_finite_is_one_line(trained, monkeypatch):
    experiment, _, simulations, estimator, _ = trained
    monkeypatch.setattr(training, "ratio_loss", lambda n, *_: next(n.parameters()).sum() * math.nan)
    with pytest.raises(DarksieveError, match=r"not finite in epoch 1; lower training\.learning_rate"):
        train(experiment, estimator.box, MemorySource(simulations.head(320)), {}, round_number=1)


def test_estimator_file_round_trip(trained, tmp_path):
    experiment, observation, simulations, estimator, _ = trained
    estimator.save(tmp_path / "e.pt", experiment, {"brightness": (20,)}, 1)
    loaded = Estimator.load(tmp_path / "e.pt", experiment)
    assert loaded.box == estimator.box
    z = simulations.z[:50]
    before, after = (e.log_ratios(observation.batch(), z) for e in (estimator, loaded))
    assert before.keys() == after.keys() == {("intercept",), ("slope",), ("intercept", "slope")}
    for marginal in before:
        np.testing.assert_array_equal(before[marginal], after[marginal])


def test_broken_estimator_file_is_one_line(trained, tmp_path):
    (tmp_path / "e.pt").write_bytes(b"nothing")
    with pytest.raises(DarksieveError, match="cannot be loaded") as raised:
        Estimator.load(tmp_path / "e.pt", trained[0])
    assert "\n" not in str(raised.value)


def test_network_of_a_swyft_user_plugs_in(line_record, load_record, tmp_path):
    line_record["network"] = {"class": f"{__file__}:SwyftNetwork", "options": {"points": 20}}
    line_record["marginals"].pop("joint")
    line_record["training"] = {"epochs": 2}
    experiment = load_record(line_record)
    box = Box.full(experiment.prior.names)
    simulations = simulate(experiment, box, tmp_path, 512)
    estimator, _ = train(experiment, box, MemorySource(simulations), {}, round_number=1)
    ratios = estimator.log_ratios({"brightness": torch.zeros(1, 20)}, simulations.z)
    assert set(ratios) == {("intercept",), ("slope",), ("intercept", "slope")}


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ({"class": "absent:Network"}, "cannot be imported"),
        ({"class": f"{__file__}:SwyftNetwork", "options": {"width": 3}}, "options do not fit"),
        ({"class": "darksieve.problem.box:Box", "options": {"names": [], "lower": [], "upper": []}}, "no torch module"),
    ],
)
def test_broken_network_is_one_line(network, message, line_record, load_record, tmp_path):
    line_record["network"] = network
    line_record["marginals"].pop("joint")
    experiment = load_record(line_record)
    box = Box.full(experiment.prior.names)
    with pytest.raises(DarksieveError, match=message):
        train(experiment, box, MemorySource(simulate(experiment, box, tmp_path, 128)), {}, round_number=1)


def test_outputs_are_found_in_every_collection():
    samples = swyft.LogRatioSamples(torch.zeros(2, 1), torch.zeros(2, 1, 1), np.array([["a"]]))
    for output in (samples, [samples], (samples,), {"a": samples, "aux_b": samples}, {"a": [samples]}):
        assert len(list(iterate_ratios(output))) == 1
    assert list(iterate_ratios(None)) == []


def test_only_epochs_that_overfit_use_up_the_patience():
    """At a high learning rate nothing improves, and nothing is learned by heart either: the best epochs are to come."""
    config = TrainingConfig(epochs=20, patience=3)
    run = training._Run(torch.nn.Linear(1, 1), 0, config, 1, torch.Generator())
    run.best_loss = -1.0

    def end_epoch(train_loss):
        run.losses = [train_loss]
        run.end_epoch(-0.8, 0.0)

    for _ in range(5):
        end_epoch(-0.9)
    assert not run.finished
    for _ in range(3):
        end_epoch(-1.1)
    assert run.finished
