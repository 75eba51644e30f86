"""The folder of the dreams: a file for each, under the name of its picture, and nothing lost of anybody's."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.dreaming.dream_files import DreamFiles
from lib.errors import BadInput
from lib.pictures.names import parse_name, show_name
from storage.store import NewOutput, Output, Store

Make = Callable[..., Output]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store")


@pytest.fixture
def make(store: Store, committing: Callable[..., Any]) -> Make:
    """Commit an output of these bytes, as a dream's."""

    def make(data: bytes, role: str = "picture", media_type: str = "image/png") -> Output:
        record = committing(store, "dream", {"bytes": data.hex()}, [NewOutput(role, data, role, media_type)])
        return record.output(role)

    return make


@pytest.fixture
def files(store: Store, tmp_path: Path) -> DreamFiles:
    return DreamFiles(store, tmp_path / "dreams")


def there(folder: Path) -> dict[str, bytes]:
    """What lies in a folder, whole files only and none that was left half written."""
    return {os.fsdecode(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if not path.is_dir()}


@pytest.mark.parametrize(
    "name",
    [
        b"rose.jpg",
        b"garden/white rose.jpg",
        "🌹/ルーズ.png".encode(),
        b"caf\xe9.png",
        b"two\nlines.png",
        b"100 %41.png",
        b"-rf.png",
        b"[lily] <b>&'\".png",
        b".hidden.png",
        b"no ending",
    ],
)
def test_a_dream_lies_under_the_name_of_its_picture_byte_for_byte(
    files: DreamFiles, make: Make, tmp_path: Path, name: bytes
) -> None:
    files.put("title", show_name(os.fsdecode(name)), make(b"a dream"))
    assert there(tmp_path / "dreams") == {os.fsdecode(name + b".png"): b"a dream"}
    (told,) = files.written["title"]
    assert os.fsencode(parse_name(told)) == os.fsencode(tmp_path) + b"/dreams/" + name + b".png"


def test_what_a_file_is_stands_in_its_ending(files: DreamFiles, make: Make, tmp_path: Path) -> None:
    files.put("rose.jpg", "rose.jpg", make(b"a dream"))
    files.put("rose.jpg", "rose.jpg", make(b"its strip", "strip"))
    for kind, data in (("image/gif", b"gif"), ("image/webp", b"webp"), ("video/mp4", b"mp4")):
        files.put("/animation/rose.jpg", "rose.jpg", make(data, "animation", kind))
    wanted = {"rose.jpg.png", "rose.jpg.strip.png", "rose.jpg.gif", "rose.jpg.webp", "rose.jpg.mp4"}
    assert set(there(tmp_path / "dreams")) == wanted
    assert [Path(file).name for file in files.written["rose.jpg"]] == ["rose.jpg.png", "rose.jpg.strip.png"]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("{long}.png", id="a picture's"),
        pytest.param("garden/{long}.png", id="in a folder"),
        pytest.param("{long}.png.Conv2D_2/3", id="a folder of a tour's"),
        pytest.param("{long}.png.pass-2", id="a pass's"),
    ],
)
@pytest.mark.parametrize("letter", ["a", "é", "🌹", "\udce9"], ids=["ASCII", "umlaut", "emoji", "no UTF-8"])
def test_names_that_are_too_long_are_shortened_and_stay_apart(
    files: DreamFiles, make: Make, tmp_path: Path, name: str, letter: str
) -> None:
    fits = (255 - len(b"12.png")) // len(os.fsencode(letter))
    names = [name.format(long=f"{number:02}{letter * fits}") for number in range(3)]
    names += [name.format(long=f"{letter * fits}{number:02}") for number in range(3)]
    for number, one in enumerate(names):
        files.put(one, show_name(one), make(b"%d" % number))
    assert sorted(there(tmp_path / "dreams").values()) == [b"%d" % number for number in range(6)]
    again = DreamFiles(Store.open(tmp_path / "store"), tmp_path / "dreams")
    for number, one in enumerate(names):  # under the same names as before
        again.put(one, show_name(one), make(b"%d" % number))
    assert again.written == files.written


def test_two_dreams_of_a_run_do_not_share_a_file(files: DreamFiles, make: Make, tmp_path: Path) -> None:
    files.put("rose.jpg/pass 1", "rose.jpg.pass-1", make(b"one"))
    with pytest.raises(BadInput, match=r"rose\.jpg\.pass-1\.png is taken by rose\.jpg/pass 1: keep the two in folders"):
        files.put("rose.jpg.pass-1", "rose.jpg.pass-1", make(b"other"))
    assert there(tmp_path / "dreams") == {"rose.jpg.pass-1.png": b"one"}
    assert set(files.written) == {"rose.jpg/pass 1"}


def test_what_is_somebody_elses_stays(files: DreamFiles, make: Make, tmp_path: Path) -> None:
    (tmp_path / "dreams").mkdir()
    (tmp_path / "dreams" / "rose.jpg.png").write_bytes(b"painted by hand")
    (tmp_path / "dreams" / "lily.jpg.png").mkdir()
    os.mkfifo(tmp_path / "dreams" / "pipe.jpg.png")
    for name in ("rose.jpg", "lily.jpg", "pipe.jpg"):
        with pytest.raises(BadInput, match=rf"{name}\.png holds something else: name another folder with --out"):
            files.put(name, name, make(b"a dream"))
    assert (tmp_path / "dreams" / "rose.jpg.png").read_bytes() == b"painted by hand"
    assert not files.written


def test_a_dream_of_before_gives_way_as_the_store_has_it(files: DreamFiles, make: Make, tmp_path: Path) -> None:
    files.put("rose.jpg", "rose.jpg", make(b"the dream of yesterday"))
    again = DreamFiles(Store.open(tmp_path / "store"), tmp_path / "dreams")
    again.put("rose.jpg", "rose.jpg", make(b"the dream of today"))
    assert there(tmp_path / "dreams") == {"rose.jpg.png": b"the dream of today"}


def test_the_same_dream_is_not_written_again(files: DreamFiles, make: Make, tmp_path: Path) -> None:
    files.put("rose.jpg", "rose.jpg", make(b"a dream"))
    before = (tmp_path / "dreams" / "rose.jpg.png").stat()
    again = DreamFiles(Store.open(tmp_path / "store"), tmp_path / "dreams")
    again.put("rose.jpg", "rose.jpg", make(b"a dream"))
    after = (tmp_path / "dreams" / "rose.jpg.png").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert again.written == files.written


@pytest.mark.parametrize("how", ["read-only", "a file", "below a file"])
def test_a_folder_that_cannot_be_written_to_is_said_in_a_line(
    store: Store, make: Make, tmp_path: Path, how: str
) -> None:
    folder = tmp_path / "dreams"
    if how == "read-only":
        folder.mkdir(mode=0o555)
        if os.access(folder, os.W_OK):  # as root may
            folder = Path("/proc/dreams")
    else:
        folder.write_bytes(b"")
        folder = folder / "deeper" if how == "below a file" else folder
    files = DreamFiles(store, folder)
    with pytest.raises(BadInput, match=r"rose\.jpg\.png cannot be written \(.+\): name another folder") as refused:
        files.put("rose.jpg", "garden/rose.jpg", make(b"a dream"))
    assert "\n" not in str(refused.value)
    assert not files.written


def test_nothing_is_written_outside_of_the_folder_whatever_leads_there(
    files: DreamFiles, make: Make, tmp_path: Path
) -> None:
    (tmp_path / "dreams").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "dreams" / "garden").symlink_to(tmp_path / "elsewhere")
    for name in ("garden/rose.jpg", "../elsewhere/rose.jpg", "a/../../elsewhere/rose.jpg"):
        with pytest.raises(BadInput, match="outside of the folder"):
            files.put(name, name, make(b"a dream"))
    assert there(tmp_path / "elsewhere") == {}


def test_what_somebody_gave_stays_although_the_store_has_it_too(
    files: DreamFiles, make: Make, store: Store, committing: Callable[..., Any], tmp_path: Path
) -> None:
    committing(store, "original", {}, [NewOutput("original", b"a photograph", "original", "image/png")])
    (tmp_path / "dreams").mkdir()
    (tmp_path / "dreams" / "rose.jpg.png").write_bytes(b"a photograph")
    with pytest.raises(BadInput, match="holds something else"):
        files.put("rose.jpg", "rose.jpg", make(b"a dream"))
    assert there(tmp_path / "dreams") == {"rose.jpg.png": b"a photograph"}
