"""Training from end to end: what it leaves in the store, and that a killed one goes on from its last whole epoch."""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image

from lib.data.datasets import load
from lib.errors import BadInput
from lib.network import model_file
from lib.training.settings import TrainSettings
from lib.training.training import train
from storage import lineage
from storage.store import Store
from tests.flows.tiny import Bench, write_pictures

pytestmark = pytest.mark.usefixtures("prefect_server")

EPOCHS = 3
SETTINGS = TrainSettings(epochs=EPOCHS, batch=64, seed=5)
# one version for parent and child, whatever is edited in the checkout while they run
CODE = {"commit": "c" * 40, "changes": None, "sources": "d" * 64}


def run(store: Path) -> dict[str, Any]:
    """Train on the embedded digits."""
    import tasks.session.session
    from flows.forms.parameters import TrainParameters
    from flows.train import train

    tasks.session.session.code_version = lambda: CODE
    return train(TrainParameters(store=str(store), data="digits", data_dir=None, settings=SETTINGS))


@pytest.fixture(autouse=True)
def version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.session.session.code_version", lambda: CODE)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> tuple[Store, dict[str, Any]]:
    """A training that nothing interrupted: its store, and what the flow said."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tasks.session.session.code_version", lambda: CODE)
        root = tmp_path_factory.mktemp("train") / "store"
        return Store.open(root), run(root)


def made(store: Store, task: str) -> list[Any]:
    return sorted((record for record in store.records() if record.task == task), key=lambda record: record.ended)


def test_training_leaves_a_model_its_history_and_every_epoch(whole: tuple[Store, dict[str, Any]]) -> None:
    store, said = whole
    (model,) = made(store, "model")
    epochs = made(store, "epoch")
    assert {output.role for output in model.outputs} == {"model", "model_h5", "layers", "history", "history_plot"}
    assert [record.parameters["epoch"] for record in epochs] == list(range(1, EPOCHS + 1))
    assert store.ref(said["model"]) == store.ref("model/latest") == f"record:{model.key}"
    assert said["model"].startswith("model/digits-")
    assert (said["computed"], said["reused"], said["epochs"]) == (EPOCHS + 2, 0, EPOCHS)
    history = json.loads(store.get(model.output("history").digest))
    assert [metrics["epoch"] for metrics in history] == list(range(1, EPOCHS + 1))
    assert history[-1]["test_accuracy"] == said["test_accuracy"] > 0.5
    Image.open(store.path(model.output("history_plot").digest)).verify()

    digits = load("digits")
    models = [model_file.load(store.get(model.output(role).digest)) for role in ("model", "model_h5")]
    last = model_file.load(store.get(epochs[-1].output("checkpoint").digest), compiled=True)
    assert {model_file.identity(found) for found in [*models, last]} == {model.output("model").identity}
    predicted = [np.asarray(found(digits.test_imgs)) for found in models]
    np.testing.assert_array_equal(*predicted)
    assert np.mean(predicted[0].argmax(axis=1) == digits.test_labels) == pytest.approx(said["test_accuracy"])
    assert int(last.optimizer.iterations) == EPOCHS * -(-len(digits.train_imgs) // SETTINGS.batch)


def test_the_data_set_is_stored_under_the_blogs_names(whole: tuple[Store, dict[str, Any]]) -> None:
    store, _ = whole
    (data,) = made(store, "data")
    digits = load("digits")
    wanted = {name: getattr(digits, name) for name in ("train_imgs", "train_labels", "test_imgs", "test_labels")}
    wanted |= {f"y_{name}": np.eye(10, dtype=np.float32)[wanted[f"{name}_labels"]] for name in ("train", "test")}
    assert {output.role for output in data.outputs} == {*wanted, "dataset"}
    with h5py.File(store.path(data.output("dataset").digest)) as file:
        assert file.attrs["data"] == "digits"
        assert "pixel_range" in file.attrs
        assert "checksums" in " ".join(file.attrs)
        for name in wanted:
            array = store.array(data.output(name).digest)
            assert isinstance(array, np.memmap) == (array.nbytes > 2**20)  # small ones would each hold a descriptor
            np.testing.assert_array_equal(array, wanted[name])
            np.testing.assert_array_equal(np.load(store.path(data.output(name).digest), allow_pickle=False), array)
            np.testing.assert_array_equal(file[name], array)
            assert data.output(name).shape == array.shape
            assert data.output(name).dtype == str(array.dtype)


def test_the_same_training_again_computes_nothing(
    whole: tuple[Store, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, said = whole
    monkeypatch.setattr("tasks.model.training.train", lambda *_, **__: pytest.fail("trained again"))
    again = run(Path(store.root))
    assert (again["computed"], again["reused"]) == (0, 2)
    assert (again["model"], again["test_accuracy"]) == (said["model"], said["test_accuracy"])


def test_a_training_killed_in_an_epoch_goes_on_from_the_last_whole_one_and_ends_the_same(
    whole: tuple[Store, dict[str, Any]], tmp_path: Path, prefect_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "store"
    source = f"from tests.flows import test_train as t; from pathlib import Path; t.run(Path({str(root)!r}))"
    log = tmp_path / "log"
    with log.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-c", source],
            cwd=Path(__file__).parents[2],
            env=os.environ | {"PREFECT_API_URL": prefect_server},
            stdout=output,
            stderr=output,
        )
        try:
            give_up = time.monotonic() + 240
            while not (root / "records").is_dir() or not made(Store.open(root), "epoch"):
                assert child.poll() is None, log.read_text(errors="replace")
                assert time.monotonic() < give_up, log.read_text(errors="replace")
                time.sleep(0.02)
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait(30)
    store = Store.open(root)
    before = {record.key for record in made(store, "epoch")}
    assert 1 <= len(before) < EPOCHS
    assert not made(store, "model")
    assert [found.state for found in store.runs()] == ["open"]

    begun_after = []

    def spied(*given: Any, resume: Any, **named: Any) -> Any:
        begun_after.append(resume.number if resume else 0)
        return train(*given, resume=resume, **named)

    monkeypatch.setattr("tasks.model.training.train", spied)
    said = run(root)
    assert begun_after == [len(before)]
    after = made(store, "epoch")
    assert before < {record.key for record in after}
    assert len(after) == EPOCHS
    assert said["computed"] == EPOCHS - len(before) + 1
    uninterrupted, _ = whole
    for one, other in zip(after, made(uninterrupted, "epoch"), strict=True):
        assert one.output("checkpoint").digest == other.output("checkpoint").digest
    (model,), (same,) = made(store, "model"), made(uninterrupted, "model")
    assert model.output("model").digest == same.output("model").digest
    assert store.get(model.output("history").digest) == uninterrupted.get(same.output("history").digest)


def test_lineage_of_an_oip_names_all_that_made_it_and_that_of_the_checkpoint_all_that_it_made(
    whole: tuple[Store, dict[str, Any]],
) -> None:
    store, _ = whole
    summary = Bench(Path(store.root), "model/latest", None).sweep(layers=["Conv2D_1/0-2"])
    (model,) = made(store, "model")
    (data,) = made(store, "data")
    oips = made(store, "oip")
    for record in oips:
        (tree,) = lineage.up(store, record.output("oips").digest)
        above = {node.record.key: node.record for node in tree.walk() if node.record}
        assert above.keys() >= {record.key, model.key, data.key, *(epoch.key for epoch in made(store, "epoch"))}
        parameters = above[record.key].parameters
        growth = {"constraint", "objective", "oips", "starts", "steps", "step_size", "smoothing", "jitter",
                  "length_scales", "shared_starts", "seed"}  # fmt: skip
        assert growth | {"unit", "pixel_range", "size"} <= set(parameters)
        assert above[data.key].parameters["attributes"]["checksums"]
        assert above[model.key].parameters["optimiser"] == "adam"
        for found in above.values():
            assert found.provenance.code == CODE
            environment = json.loads(store.get(found.provenance.environment))
            assert environment["libraries"]["tensorflow"]
            assert environment["devices"]
            assert found.provenance.flow_run
            assert found.provenance.task_run
    checkpoint = made(store, "epoch")[-1].output("checkpoint").digest
    below = {node.record.key for root in lineage.down(store, checkpoint) for node in root.walk() if node.record}
    assert below >= {model.key, *(record.key for record in oips), *(record.key for record in made(store, "layer"))}
    pictures = {output.digest for record in oips for output in record.outputs if output.role == "picture"}
    assert {Path(unit["png"]).name for unit in summary["units"]} == pictures


def test_pictures_that_the_network_cannot_take_leave_no_trace(tmp_path: Path) -> None:
    from flows.forms.parameters import TrainParameters
    from flows.train import train

    data = write_pictures(tmp_path / "pictures", side=10)
    with pytest.raises(BadInput, match="10x10") as caught:
        train(TrainParameters(store=str(tmp_path / "store"), data=data, data_dir=None, settings=SETTINGS))
    assert "\n" not in str(caught.value)
    store = Store.open(tmp_path / "store")
    assert (list(store.records()), store.runs(), store.refs()) == ([], [], {})


def test_bad_input_is_one_line_in_the_log_and_has_no_traceback(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from flows.forms.parameters import TrainParameters
    from flows.train import train

    write_pictures(tmp_path / "pictures")
    (tmp_path / "pictures" / "lonely").mkdir()
    first = next((tmp_path / "pictures").rglob("*.png"))
    (tmp_path / "pictures" / "lonely" / "one.png").write_bytes(first.read_bytes())
    asked = TrainParameters(store=str(tmp_path / "store"), data=f"folder:{tmp_path / 'pictures'}", settings=SETTINGS)
    loggers = [logging.getLogger(name) for name in ("prefect.flow_runs", "prefect.task_runs")]
    for logger in loggers:
        logger.addHandler(caplog.handler)
    try:
        with pytest.raises(BadInput, match="lonely has one picture that can be read"):
            train(asked)
    finally:
        for logger in loggers:
            logger.removeHandler(caplog.handler)
    said = [record for record in caplog.records if "lonely" in record.getMessage()]
    assert {record.name for record in said} == {"prefect.flow_runs", "prefect.task_runs"}
    assert not any(record.exc_info or "Traceback" in record.getMessage() for record in caplog.records)
