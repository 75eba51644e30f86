"""Which checkpoints a model has, by lineage, and which of them a text means."""

from typing import Any

import pytest

from lib.errors import BadInput
from storage.store import Input, NewOutput, Recipe, Record, Store
from tasks.model.checkpoints import checkpoint_name, checkpoints_of, choose, network_output, split_name
from tasks.model.stored import data_of, find_model
from tasks.session.session import Session


def committed(session: Session, task: str, role: str, parameters: dict[str, Any], inputs: list[Input]) -> Record:
    """A record whose one output is told from others by its task and parameters."""
    output = NewOutput(role, f"{task} {parameters}".encode(), role, "application/x-keras")
    record, _ = session.obtain(Recipe(task, 1, parameters, {}), lambda: ([output], inputs))
    return record


@pytest.fixture
def training(open_session: Session) -> tuple[Record, dict[int, Record]]:
    """A data set, three epochs and the model that they came to."""
    data = committed(open_session, "data", "train_imgs", {}, [])
    read = [Input("train_imgs", data.output("train_imgs").digest)]
    epochs: dict[int, Record] = {}
    before: list[Input] = []
    for epoch in (1, 2, 3):
        epochs[epoch] = committed(open_session, "epoch", "checkpoint", {"epoch": epoch}, [*read, *before])
        before = [Input("checkpoint", epochs[epoch].output("checkpoint").digest)]
    return committed(open_session, "model", "model", {}, [*read, *before]), epochs


def test_a_model_has_the_checkpoints_that_led_to_it_the_first_epoch_first(
    open_session: Session, training: tuple[Record, dict[int, Record]]
) -> None:
    model, epochs = training
    found = checkpoints_of(open_session.store, model)
    assert list(found) == [1, 2, 3]
    assert found == epochs
    assert list(checkpoints_of(open_session.store, epochs[3])) == [1, 2]
    other = committed(open_session, "register", "model", {}, [])
    assert checkpoints_of(open_session.store, other) == {}


def test_a_checkpoint_is_found_by_its_models_name_and_epoch_or_by_its_digest(
    open_session: Session, training: tuple[Record, dict[int, Record]]
) -> None:
    model, epochs = training
    store: Store = open_session.store
    store.set_ref("model/tiny", f"record:{model.key}")
    found = find_model(store, "model/tiny@2")
    assert (found.record, found.name) == (epochs[2], "model/tiny@2")
    assert found.digest == epochs[2].output("checkpoint").digest
    digest = epochs[3].output("checkpoint").digest
    by_digest = find_model(store, digest)
    assert (by_digest.record, by_digest.name) == (epochs[3], digest[:12])
    data = data_of(store, found.record)
    assert data is not None
    assert data.task == "data"
    # a ref of that name is meant first
    store.set_ref("model/tiny@2", f"record:{model.key}")
    assert find_model(store, "model/tiny@2").record == model
    for name, words in (("model/tiny@4", "no checkpoint of epoch 4: it has 1 to 3"), ("model/none@1", "model/none")):
        with pytest.raises(BadInput, match=words):
            find_model(store, name)


@pytest.mark.parametrize(
    ("text", "epochs"), [("all", [1, 2, 3, 7]), ("2", [2]), ("7,1", [1, 7]), ("3,3", [3]), ("8", None), ("1,4", None)]
)
def test_all_or_those_that_are_named_are_chosen_in_the_order_of_training(
    training: tuple[Record, dict[int, Record]], text: str, epochs: list[int] | None
) -> None:
    there = dict.fromkeys((1, 2, 3, 7), training[0])
    if epochs is not None:
        assert list(choose(there, text, "the model")) == epochs
        return
    with pytest.raises(BadInput, match=r"the model has no checkpoint of epoch [84]: it has 1, 2, 3, 7"):
        choose(there, text, "the model")


def test_names_are_taken_apart_as_they_are_put_together() -> None:
    for model in ("model/digits-1de27171", "abc@def", "1de271"):
        assert split_name(checkpoint_name(model, 12)) == (model, 12)
        assert split_name(model) == (model, None)
    assert split_name("@3") == ("@3", None)


def test_the_network_of_a_record_is_what_its_task_makes(training: tuple[Record, dict[int, Record]]) -> None:
    model, epochs = training
    assert network_output(model).role == "model"
    assert network_output(epochs[1]).role == "checkpoint"
