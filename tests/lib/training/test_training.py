"""Training: killed or not, the end is the same."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from lib.data.dataset import Dataset
from lib.data.datasets import load
from lib.errors import BadInput
from lib.network import model_file
from lib.training.settings import RECIPES, TrainSettings
from lib.training.training import TrainedEpoch, train

pytestmark = pytest.mark.heavy

SETTINGS = TrainSettings(epochs=3, batch=32, seed=4)


def few_digits():
    data = load("digits")
    return Dataset(
        "few digits",
        data.train_imgs[:300],
        data.train_labels[:300],
        data.test_imgs[:90],
        data.test_labels[:90],
        data.classes,
    )


@pytest.fixture(scope="module")
def data():
    return few_digits()


@pytest.fixture(scope="module")
def whole(data):
    """An uninterrupted training: its epochs and what it said of its progress."""
    epochs, said = [], []
    last = train(data, SETTINGS, on_epoch=epochs.append, progress=lambda *what: said.append(what))
    assert last is epochs[-1]
    return epochs, said


def test_every_epoch_gives_a_checkpoint_metrics_and_the_history_so_far(whole, data):
    epochs, _ = whole
    assert [epoch.number for epoch in epochs] == [1, 2, 3]
    for epoch in epochs:
        assert [metrics["epoch"] for metrics in epoch.history] == list(range(1, epoch.number + 1))
        assert epoch.history[-1] == epoch.metrics
        json.dumps(epoch.history)
        model = model_file.load(epoch.checkpoint, compiled=True)
        assert int(model.optimizer.iterations) == epoch.number * 10
        assert model_file.identity(model) == epoch.identity
    rates = [epoch.metrics["learning_rate"] for epoch in epochs]
    np.testing.assert_allclose(rates, [0.75e-3, 0.25e-3, 0], atol=1e-9)
    assert epochs[-1].metrics["loss"] < epochs[0].metrics["loss"]


def test_metrics_are_those_of_the_checkpoint(whole, data):
    epochs, _ = whole
    model = model_file.load(epochs[-1].checkpoint)
    right = np.asarray(model(data.test_imgs)).argmax(axis=1) == data.test_labels
    assert epochs[-1].metrics["test_accuracy"] == pytest.approx(right.mean())


def test_progress_counts_every_epochs_steps(whole):
    _, said = whole
    assert [(epoch, done, steps) for epoch, done, steps, _ in said if done == steps] == [(n, 10, 10) for n in (1, 2, 3)]


def test_where_the_images_are_cut_into_pieces_changes_no_bit(whole, data, monkeypatch):
    monkeypatch.setattr("lib.training.training.PIECE_BYTES", 70 * data.train_imgs[0].nbytes)
    said = []
    last = train(data, SETTINGS, on_epoch=lambda _: None, progress=lambda *what: said.append(what))
    assert [done for epoch, done, _, _ in said if epoch == 1] == [2, 4, 6, 8, 10]
    assert last.checkpoint == whole[0][-1].checkpoint


@pytest.mark.parametrize("after", [1, 2])
def test_training_resumed_from_any_epoch_ends_as_if_never_interrupted(whole, data, after):
    epochs, _ = whole
    seen = []
    last = train(data, SETTINGS, on_epoch=seen.append, resume=epochs[after - 1])
    assert [epoch.number for epoch in seen] == list(range(after + 1, 4))
    assert last.checkpoint == epochs[-1].checkpoint
    assert last.history == epochs[-1].history


def test_resuming_a_finished_training_trains_no_more(whole, data):
    last = whole[0][-1]
    assert train(data, SETTINGS, on_epoch=lambda _: pytest.fail("trained"), resume=last) is last


@pytest.mark.parametrize(
    "settings",
    [
        RECIPES["classic"],
        TrainSettings(optimiser="sgd", learning_rate=0.05, momentum=0.9, schedule="constant", l2=1e-3),
    ],
    ids=["classic", "sgd"],
)
def test_every_optimiser_resumes_to_the_same_bits(data, settings):
    settings = dataclasses.replace(settings, epochs=2, batch=64)
    epochs = []
    train(data, settings, on_epoch=epochs.append)
    again = train(data, settings, on_epoch=lambda _: None, resume=epochs[0])
    assert again.checkpoint == epochs[1].checkpoint
    assert again.history == epochs[1].history


def test_a_checkpoint_of_another_training_is_refused(whole, data):
    epochs, _ = whole
    with pytest.raises(BadInput, match="training ends at 2"):
        train(data, TrainSettings(epochs=2, batch=32), on_epoch=lambda _: None, resume=epochs[-1])
    with pytest.raises(BadInput, match="another batch"):
        train(data, TrainSettings(epochs=3, batch=64), on_epoch=lambda _: None, resume=epochs[0])
    fewer = Dataset(
        "two", data.train_imgs, data.train_labels % 2, data.test_imgs, data.test_labels % 2, ("even", "odd")
    )
    with pytest.raises(BadInput, match="was not trained on two"):
        train(fewer, SETTINGS, on_epoch=lambda _: None, resume=epochs[0])


def test_a_loss_that_runs_away_is_an_error_and_no_checkpoint(data):
    wild = TrainSettings(optimiser="sgd", learning_rate=1e30, schedule="constant", epochs=2, batch=32)
    with pytest.raises(FloatingPointError, match="smaller learning rate"):
        train(data, wild, on_epoch=lambda _: pytest.fail("a checkpoint"))


def test_the_processs_setting_of_determinism_is_put_back(whole):
    from tensorflow.python.framework import config

    assert not config.is_op_determinism_enabled()


# a real process, killed


def write(folder, epoch):
    """What a caller stores of an epoch; the history is written last, as a record is."""
    (folder / f"{epoch.number}.keras").write_bytes(epoch.checkpoint)
    unfinished = folder / "unfinished"
    unfinished.write_text(json.dumps({"identity": epoch.identity, "history": epoch.history}))
    unfinished.rename(folder / f"{epoch.number}.json")


def read_last(folder):
    numbers = [int(path.stem) for path in folder.glob("*.json")]
    if not numbers:
        return None
    last = max(numbers)
    known = json.loads((folder / f"{last}.json").read_text())
    checkpoint = (folder / f"{last}.keras").read_bytes()
    return TrainedEpoch(last, checkpoint, known["identity"], known["history"][-1], tuple(known["history"]))


def start(folder):
    source = (
        f"from tests.lib.training import test_training as t; from pathlib import Path; t.run(Path({str(folder)!r}))"
    )
    root = Path(__file__).parents[3]
    return subprocess.Popen([sys.executable, "-c", source], cwd=root, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"})


def run(folder):
    def progress(epoch, done, steps, loss):
        (folder / "progress").write_text(f"{epoch} {done}")

    train(
        few_digits(), SETTINGS, on_epoch=lambda epoch: write(folder, epoch), resume=read_last(folder), progress=progress
    )


def test_training_killed_in_an_epoch_and_started_again_ends_with_the_same_bytes(whole, tmp_path):
    killed = start(tmp_path)
    until = time.monotonic() + 120
    while not (tmp_path / "1.json").exists():
        assert killed.poll() is None
        assert time.monotonic() < until
        time.sleep(0.01)
    # the first epoch is whole; the second is going on, or being written
    time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not (tmp_path / "3.json").exists(), "it was killed too late to show anything"
    assert start(tmp_path).wait(timeout=120) == 0
    last = read_last(tmp_path)
    assert last.number == 3
    assert last.checkpoint == whole[0][-1].checkpoint
    assert last.history == whole[0][-1].history


def test_the_default_recipe_learns_the_digits():
    last = train(load("digits"), TrainSettings(), on_epoch=lambda _: None)
    assert last.metrics["test_accuracy"] > 0.975
