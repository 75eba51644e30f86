"""Shards of pictures as their workers run them, in the name of a dream that no process of this test has open."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from flows.dream_shard import dream_shard
from flows.forms.parameters import RegisterParameters
from flows.forms.shard import DreamShardParameters
from flows.register import register
from lib.dream.dreamer import Dreamer
from lib.dream.settings import DreamSettings
from storage.record import Record
from storage.store import Store
from tasks.session.provenance import code_version
from tests.flows.tiny import let_time_be_over, photograph, saved, small_cnn, write_photograph

NAMES = ["rose.png", "garden/tulip.png"]


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> tuple[Store, Record]:
    """A store that has the tiny network, and its record."""
    folder = tmp_path_factory.mktemp("registered")
    file = saved(small_cnn(), folder / "small.keras")
    register(RegisterParameters(store=str(folder / "store"), file=file, data_dir=None, pixels="0..1"))
    store = Store.open(folder / "store")
    (record,) = store.records()
    return store, record


@pytest.fixture
def asked(registered: tuple[Store, Record], tmp_path: Path, request: pytest.FixtureRequest) -> DreamShardParameters:
    """Two pictures in two passes, with a seed of this test's own, for a dream that is under way."""
    store, record = registered
    originals: list[dict[str, Any]] = []
    for number, name in enumerate(NAMES):
        write_photograph(tmp_path / name, number, channels=1)
        originals.append({"name": name, "picture": store.put((tmp_path / name).read_bytes())})
    code = code_version()
    return DreamShardParameters.model_validate(
        {
            "store": str(store.root),
            "run": store.open_run("dream", {}).id,
            "model": "model/small",
            "model_record": record.key,
            "stalled_after": 10,
            "sources": code["sources"],
            "changed": code["changes"] is not None,
            "originals": originals,
            "settings": DreamSettings(octaves=1, steps=2, seed=abs(hash(request.node.name)) % 10**6),
            "passes": 2,
            "zoom": 1.0,
            "rotation": 0.0,
        }
    )


def made(asked: DreamShardParameters) -> list[Record]:
    """The records of dreams that were made in the name of the run."""
    records = Store.open(asked.store).records()
    return [record for record in records if record.task == "dream" and record.provenance.run == asked.run]


def first_dream(asked: DreamShardParameters, name: str) -> Any:
    """The pixels of a picture's first pass."""
    store = Store.open(asked.store)
    outputs = [record.output("picture") for record in made(asked)]
    (dreamed,) = (output for output in outputs if output.attributes["title"] == name)
    with Image.open(io.BytesIO(store.get(dreamed.digest))) as picture:
        return np.asarray(picture)


def png(pixels: Any) -> bytes:
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "PNG")
    return written.getvalue()


def test_a_shard_dreams_its_pictures_in_all_passes_in_the_name_of_the_run(asked: DreamShardParameters) -> None:
    state = dream_shard(asked, return_state=True)
    assert (state.name, state.message) == ("Completed", "4 dreams: 4 computed, 0 reused")
    assert len(made(asked)) == 4
    assert Store.open(asked.store).run(asked.run).state == "open"
    again = dream_shard(asked, return_state=True)
    assert (again.name, again.message) == ("Completed", "4 dreams: 0 computed, 4 reused")


def test_a_picture_that_fails_is_told_in_a_line_of_its_own_and_the_other_is_dreamed(
    asked: DreamShardParameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    dream = Dreamer.dream

    def faulty(self: Dreamer, source: Any, **how: Any) -> Any:
        if source.shape[0] == 20:
            raise ValueError("no luck")
        return dream(self, source, **how)

    asked.originals[1].picture = Store.open(asked.store).put(png(photograph(5, size=(20, 31), channels=1)))
    monkeypatch.setattr(Dreamer, "dream", faulty)
    state = dream_shard(asked, return_state=True)
    assert state.is_failed()
    assert str(state.message).splitlines() == [
        f"1 of 2 pictures failed: {NAMES[1]}",
        f"{NAMES[1]}: ValueError: no luck",
    ]
    assert len(made(asked)) == 2


def test_a_shard_whose_time_is_over_leaves_the_rest(
    asked: DreamShardParameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    dream = Dreamer.dream

    def late(self: Dreamer, *arguments: Any, **named: Any) -> Any:
        let_time_be_over()
        return dream(self, *arguments, **named)

    monkeypatch.setattr(Dreamer, "dream", late)
    state = dream_shard(asked, return_state=True)
    assert (state.type.value, state.name, state.message) == ("COMPLETED", "Partial", "2 of 2 pictures are left")


def test_a_mask_is_laid_over_the_picture_of_its_name(asked: DreamShardParameters) -> None:
    for original, brightness in zip(asked.originals, (255, 0), strict=True):
        original.mask = Store.open(asked.store).put(png(np.full((37, 52), brightness, np.uint8)))
    assert dream_shard(asked, return_state=True).name == "Completed"
    changed = {
        name: not np.array_equal(photograph(number, channels=1), first_dream(asked, name))
        for number, name in enumerate(NAMES)
    }
    assert changed == {NAMES[0]: True, NAMES[1]: False}
