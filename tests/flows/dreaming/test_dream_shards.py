"""Pictures as work for a pool: what a shard is told, what of them is stored before, and which shards do the same."""

import json
from pathlib import Path

import pytest

from flows.dreaming.dream_shards import DreamWork
from lib.dream.settings import DreamSettings
from lib.network import model_file
from storage.store import Store
from tasks.dream.context import DreamContext
from tasks.dream.pieces import Piece
from tasks.model.network import Network
from tasks.session import originals
from tasks.session.session import Session, session
from tests.flows.tiny import small_cnn, write_photograph

FIRST = Piece("rose.png", 1, 2)
BAD = Piece("bad.png", 1, 2)


def work_in(open_session: Session, folder: Path, *, zoom: float = 1.0) -> DreamWork:
    model = small_cnn()
    digest = open_session.store.put(model_file.keras_bytes(model))
    network = Network(model, "model/small", digest, model_file.identity(model), record="0" * 64 + "/" + "0" * 32)
    pictures = {name: folder / name for name in (FIRST.picture, BAD.picture)}
    context = DreamContext(open_session, network, DreamSettings(octaves=1, steps=1), pictures, 2, zoom)
    return DreamWork(context, lambda piece: None, stalled_after=1.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_photograph(tmp_path / "pictures" / FIRST.picture, channels=1)
    (tmp_path / "pictures" / BAD.picture).write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    return tmp_path / "pictures"


def test_a_picture_is_in_the_store_before_a_shard_is_told_of_it_and_no_place_is(tmp_path: Path, folder: Path) -> None:
    store = Store.open(tmp_path / "store")
    with session(store.root, "dream", {}) as opened:
        work = work_in(opened, folder)
        assert not work.note(FIRST, "reused")
        told = work.parameters([FIRST])
    digest = originals.digest_of(folder / FIRST.picture)
    assert told["originals"] == [{"name": FIRST.picture, "picture": digest}]
    assert store.get(digest) == (folder / FIRST.picture).read_bytes()
    assert str(tmp_path) not in json.dumps(told)


def test_a_picture_that_cannot_be_read_fails_here_and_is_in_no_shard(tmp_path: Path, folder: Path) -> None:
    with session(str(tmp_path / "store"), "dream", {}) as opened:
        work = work_in(opened, folder)
        assert work.note(BAD, "reused")
        assert work._context.tally.has_failed(BAD.title)
        assert work._context.unreadable.pictures == [BAD.picture]


def test_a_shard_under_way_is_the_same_work_only_where_it_dreams_in_the_same_way(tmp_path: Path, folder: Path) -> None:
    with session(str(tmp_path / "store"), "dream", {}) as opened:
        work, other = work_in(opened, folder), work_in(opened, folder, zoom=1.5)
        for one in (work, other):
            one.note(FIRST, "reused")
        assert list(work.names_in(work.parameters([FIRST]))) == [str(FIRST)]
        assert not list(work.names_in(other.parameters([FIRST])))
        assert not list(work.names_in({"of": "another version"}))
