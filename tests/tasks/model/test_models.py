"""Models by their names."""

from pathlib import Path
from typing import Any

import pytest

from lib.errors import BadInput
from storage.store import Store
from tasks.model.models import check_images, name_model, register_model
from tasks.model.stored import LATEST, data_of, find_model
from tasks.session.session import Session
from tests.flows.tiny import saved, small_cnn


@pytest.fixture
def record(open_session: Session, store: Store, tmp_path: Path) -> Any:
    """A registered model's."""
    file = saved(small_cnn(), tmp_path / "My net (final).keras")
    return register_model(file, None, open_session.run.id)[0]


def test_a_model_is_found_by_its_ref_by_its_digest_and_as_the_latest(store: Store, record: Any) -> None:
    output = record.output("model")
    name = name_model(store, record, "My net (final)")
    assert name == f"model/My-net-final-{output.identity[:8]}"
    for text in (name, LATEST, output.digest, output.digest[:12], record.output("model_h5").digest[:12], None):
        assert find_model(store, text).record.key == record.key
        assert find_model(store, text).name == name
    assert data_of(store, record) is None


def test_a_model_that_lost_its_refs_goes_by_its_digest(store: Store, record: Any) -> None:
    digest = record.output("model").digest
    assert find_model(store, digest[:20]).name == digest[:12]


@pytest.mark.parametrize("text", ["model/none", "0123456789abcdef", "sweep/latest", None])
def test_what_is_no_model_is_told_in_one_line(store: Store, text: str | None) -> None:
    with pytest.raises(BadInput) as caught:
        find_model(store, text)
    assert "\n" not in str(caught.value)


def test_another_artifact_is_no_model(store: Store, record: Any) -> None:
    with pytest.raises(BadInput, match="is no model"):
        find_model(store, record.provenance.environment)


def test_a_file_registered_twice_is_one_record(open_session: Session, store: Store, tmp_path: Path) -> None:
    keys = []
    first = saved(small_cnn(), tmp_path / "net.keras")
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        file = tmp_path / folder / "net.keras"
        file.write_bytes(first.read_bytes())
        record, reused = register_model(file, None, open_session.run.id)
        keys.append(record.key)
    assert keys[0] == keys[1]
    assert reused
    assert store.get(store.record(keys[0]).output("source").digest) == (tmp_path / "one" / "net.keras").read_bytes()


def test_images_of_another_size_are_refused() -> None:
    model = small_cnn()
    check_images(model, (12, 12, 1))
    with pytest.raises(BadInput, match=r"are 28x28x1, the network takes 12x12x1: name another set with --data$"):
        check_images(model, (28, 28, 1))
    with pytest.raises(BadInput, match="12x12x3"):
        check_images(model, (12, 12, 3))


def test_images_at_a_size_are_wanted_where_the_network_takes_any_size() -> None:
    import keras

    model = keras.Sequential([keras.Input((None, None, 1)), keras.layers.Conv2D(2, 3)])
    check_images(model, (20, 16, 1), size=(20, 16))
    with pytest.raises(BadInput, match=r"takes 20x16x1.*leave out --size"):
        check_images(model, (12, 12, 1), size=(20, 16))
    check_images(small_cnn(), (12, 12, 1), size=(20, 16))  # they are resized for the sweep
