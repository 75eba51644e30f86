"""A part of the data set's images, as a worker looks at it in the name of a sweep that no process here has open."""

from typing import Any

import pytest

from flows.forms.shard import ImageShardParameters
from flows.image_shard import image_shard
from lib.errors import BadInput
from storage.record import Output
from storage.store import Store
from tasks.sweep import image_parts
from tests.flows.asked_shards import LAYER, made, of_the_sweep, swept_once
from tests.flows.tiny import Bench


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> Bench:
    return swept_once(tmp_path_factory.mktemp("image-shard"))


@pytest.fixture
def asked(bench: Bench) -> ImageShardParameters:
    run = bench.store.open_run("oip-sweep", {}).id
    more = {"of_layers": [LAYER, "Conv2D_2"], "first": 8, "last": 20}
    return ImageShardParameters.model_validate(of_the_sweep(bench, run, 1) | more)


def parts(bench: Bench, asked: ImageShardParameters) -> list[Any]:
    found = [record for record in bench.store.records() if record.task == "part"]
    return [record for record in found if record.provenance.run == asked.run]


def test_a_part_is_looked_at_in_the_name_of_the_sweep_once_and_of_the_images_rows_are_asked_for(
    bench: Bench, asked: ImageShardParameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, asked_for = Store.rows, []

    def note(store: Store, output: Output) -> Any:
        asked_for.append(output.role)
        return rows(store, output)

    monkeypatch.setattr(Store, "rows", note)
    state = image_shard(asked, return_state=True)
    assert asked_for == ["train_imgs"]
    assert (state.name, state.message) == ("Completed", "12 images")
    (record,) = parts(bench, asked)
    assert (record.parameters["first"], record.parameters["last"]) == (8, 20)
    assert record.parameters["layers"] == [LAYER, "Conv2D_2"]
    assert image_shard(asked, return_state=True).name == "Completed"
    assert parts(bench, asked) == [record]
    assert made(bench, asked.run, "exemplars") == {}


def test_what_fails_is_told_in_one_line(
    bench: Bench, asked: ImageShardParameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(*_: object, **__: object) -> None:
        raise ValueError("no luck")

    monkeypatch.setattr(image_parts, "find_exemplars", faulty)
    state = image_shard(asked.model_copy(update={"first": 12}), return_state=True)
    assert state.is_failed()
    first, line = str(state.message).splitlines()
    assert first == "1 of 1 parts failed: images 12 to 19"
    assert line.startswith("images 12 to 19: ")
    assert line.endswith("ValueError: no luck")


def test_another_version_of_the_code_is_refused(bench: Bench, asked: ImageShardParameters) -> None:
    with pytest.raises(BadInput, match="other code"):
        image_shard(asked.model_copy(update={"sources": "0" * 64}))
    assert parts(bench, asked) == []
