"""Files as people gave them: their bytes, and one line of why there are none."""

import os
from pathlib import Path

import pytest

from lib.errors import BadInput
from storage.store import Store
from tasks.session import originals
from tasks.session.session import Session
from tests.flows.tiny import write_photograph


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("pipe", "is no file: name a picture, or a folder of them"),
        ("folder", "is no file: name a picture, or a folder of them"),
        ("device", "is no file: name a picture, or a folder of them"),
        ("vanished", "is gone"),
        ("link to what has vanished", "is gone"),
        ("below a file", "cannot be read: Not a directory"),
        ("loop", "cannot be read: Too many levels of symbolic links"),
    ],
)
def test_what_cannot_be_read_is_said_in_words_that_can_follow_its_name(tmp_path: Path, kind: str, words: str) -> None:
    path = tmp_path / "rose.png"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        path.symlink_to(os.devnull)
    elif kind == "link to what has vanished":
        path.symlink_to(tmp_path / "gone.png")
    elif kind == "below a file":
        path.write_bytes(b"")
        path /= "rose.png"
    elif kind == "loop":
        path.symlink_to(path)
    for question in (originals.read_original, originals.digest_of):
        with pytest.raises(BadInput) as refused:
            question(path)  # and a pipe is not waited for
        assert str(refused.value) == words


def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    write_photograph(tmp_path / "rose.jpg")
    assert originals.digest_of(tmp_path / "rose.jpg") == originals.digest((tmp_path / "rose.jpg").read_bytes())


def test_bytes_are_kept_once_under_whatever_names(tmp_path: Path, open_session: Session, store: Store) -> None:
    write_photograph(tmp_path / "rose.jpg")
    data = originals.read_original(tmp_path / "rose.jpg")
    for title in ("/original/rose.jpg", "/original/copy of rose.jpg", "/guide"):
        originals.keep_original(open_session, data, title)
    units = open_session.run.close("completed", {}).units
    assert set(units) == {"/original/rose.jpg", "/original/copy of rose.jpg", "/guide"}
    (key,) = {result.record for result in units.values()}
    output = store.record(key).output("original")
    assert (store.get(output.digest), output.media_type) == (data, "image/jpeg")
    assert originals.recipe_of(originals.digest(data)).digest == store.record(key).recipe
