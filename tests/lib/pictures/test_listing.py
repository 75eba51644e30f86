"""What is a picture to be dreamed, by names alone, in whatever state a folder is."""

import io
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from lib.errors import BadInput
from lib.pictures.listing import PictureListing, listing
from lib.pictures.names import parse_name


def file(path: Path) -> Path:
    """A file that is no picture: nothing here is opened."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def names(found: PictureListing) -> list[str]:
    return [listed.name for listed in found.pictures]


def problems(found: PictureListing) -> dict[str, str]:
    return {problem.name: problem.reason for problem in found.problems}


def test_a_folder_is_listed_with_its_sub_folders_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.png", "sub/a.png", "sub/deeper/c.webp", "z.tif"):
        file(tmp_path / name)
    found = listing([tmp_path])
    assert names(found) == ["a.png", "b.JPG", "sub/a.png", "sub/deeper/c.webp", "z.tif"]
    assert [listed.path for listed in found.pictures] == [tmp_path / name for name in names(found)]
    assert not found.problems


def test_notes_and_hidden_files_and_folders_are_passed_over(tmp_path: Path) -> None:
    for name in ("notes.txt", ".hidden.png", "._a.png", ".git/a.png", "a.png", "png"):
        file(tmp_path / name)
    assert names(listing([tmp_path])) == ["a.png"]


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (("*.jpg",), ["a.jpg", "sub/b.JPG"]),
        (("*.jpg", "*.RAW"), ["a.jpg", "c.raw", "sub/b.JPG"]),
        (("sub/*",), ["sub/b.JPG", "sub/notes"]),
        (("img[0-9].png",), ["img1.png"]),
        (("*",), ["a.jpg", "c.raw", "img1.png", "imgx.png", "sub/b.JPG", "sub/notes"]),
    ],
)
def test_patterns_choose_by_name_in_either_case(tmp_path: Path, patterns: tuple[str, ...], expected: list[str]) -> None:
    for name in ("a.jpg", "sub/b.JPG", "c.raw", "img1.png", "imgx.png", "sub/notes", ".hidden.jpg"):
        file(tmp_path / name)
    assert names(listing([tmp_path], patterns=patterns)) == expected


def test_a_file_that_is_named_is_taken_whatever_its_ending(tmp_path: Path) -> None:
    assert names(listing([file(tmp_path / "scan"), file(tmp_path / ".b.dat")])) == [".b.dat", "scan"]


def test_two_inputs_of_one_name_are_kept_apart(tmp_path: Path) -> None:
    for name in ("here/holiday/a.png", "there/holiday/a.png", "b.png"):
        file(tmp_path / name)
    inputs = [tmp_path / "there/holiday", tmp_path / "here/holiday"]
    assert names(listing(inputs)) == ["here/holiday/a.png", "there/holiday/a.png"]
    assert names(listing([*inputs, tmp_path / "b.png"])) == ["b.png", "here/holiday/a.png", "there/holiday/a.png"]


def test_an_input_that_is_given_twice_or_lies_in_another_is_listed_once(tmp_path: Path) -> None:
    picture = file(tmp_path / "sub" / "a.png")
    assert names(listing([tmp_path, tmp_path / "sub", picture, tmp_path])) == ["sub/a.png"]
    assert names(listing([tmp_path / "sub", tmp_path])) == ["sub/a.png"]


def test_the_folder_of_the_dreams_is_passed_over_where_it_lies_among_the_pictures(tmp_path: Path) -> None:
    for name in ("a.png", "dreams/a.png", "sub/dreams/b.png"):
        file(tmp_path / name)
    (tmp_path / "link").symlink_to(tmp_path / "dreams")
    assert names(listing([tmp_path], excluded=tmp_path / "dreams")) == ["a.png", "sub/dreams/b.png"]
    assert names(listing([tmp_path], excluded=tmp_path / "not there yet")) == ["a.png", "dreams/a.png",
                                                                              "sub/dreams/b.png"]  # fmt: skip


def test_pictures_are_not_dreamed_into_the_folder_that_they_are_read_from(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be both read and written"):
        listing([tmp_path], excluded=tmp_path)


def test_links_to_pictures_and_folders_elsewhere_are_followed(tmp_path: Path) -> None:
    file(tmp_path / "album" / "a.png")
    file(tmp_path / "elsewhere" / "b.png")
    (tmp_path / "album" / "a again.png").symlink_to("a.png")
    (tmp_path / "album" / "more").symlink_to(tmp_path / "elsewhere")
    assert names(listing([tmp_path / "album"])) == ["a again.png", "a.png", "more/b.png"]


def test_a_folder_is_listed_once_and_where_it_really_is(tmp_path: Path) -> None:
    file(tmp_path / "real" / "a.png")
    (tmp_path / "a link").symlink_to("real")
    (tmp_path / "b link").symlink_to("real")
    found = listing([tmp_path])
    assert names(found) == ["real/a.png"]
    assert not found.problems


def test_links_that_go_round_are_problems_and_stop_nothing(tmp_path: Path) -> None:
    file(tmp_path / "sub" / "a.png")
    (tmp_path / "sub" / "back").symlink_to(tmp_path)
    (tmp_path / "loop.png").symlink_to("pool.png")
    (tmp_path / "pool.png").symlink_to("loop.png")
    (tmp_path / "lost.png").symlink_to("nowhere.png")
    found = listing([tmp_path])
    assert names(found) == ["sub/a.png"]
    assert problems(found) == {
        "loop.png": "is a link that leads in a circle",
        "pool.png": "is a link that leads in a circle",
        "lost.png": "is not there, or is a link to what is not there",
        "sub/back": "is a link to a folder that it lies in, and would go round in a circle",
    }


def test_folders_that_link_to_each_other_in_every_way_are_walked_once(tmp_path: Path) -> None:
    folders = [tmp_path / str(number) for number in range(8)]
    for folder in folders:
        file(folder / "a.png")
    for one in folders:
        for other in folders:
            (one / f"to {other.name}").symlink_to(other)
    assert names(listing([tmp_path])) == [f"{folder.name}/a.png" for folder in folders]


def test_what_is_not_there_is_a_problem_and_stops_nothing(tmp_path: Path) -> None:
    found = listing([file(tmp_path / "a.png"), tmp_path / "b.png"])
    assert names(found) == ["a.png"]
    assert problems(found) == {"b.png": "is not there, or is a link to what is not there"}


def test_a_folder_that_may_not_be_read_is_a_problem_and_stops_nothing(tmp_path: Path, monkeypatch: Any) -> None:
    file(tmp_path / "a.png")
    file(tmp_path / "locked" / "b.png")
    scandir = os.scandir

    def guarded(folder: Path) -> Any:
        if Path(folder).name == "locked":  # not by permissions, which do not bind root
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", guarded)
    found = listing([tmp_path])
    assert names(found) == ["a.png"]
    assert problems(found) == {"locked": "may not be read: its permissions forbid it"}
    assert problems(listing([tmp_path / "locked"])) == {"locked": "may not be read: its permissions forbid it"}


def test_a_pipe_is_a_problem_and_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    assert problems(listing([tmp_path])) == {"pipe.png": "is neither a file nor a folder"}


@given(st.lists(st.binary(min_size=1, max_size=12).filter(lambda name: not {0, 47} & set(name)), unique=True))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_any_name_that_a_file_can_have_is_listed_and_leads_to_it(
    tmp_path_factory: pytest.TempPathFactory, raw: list[bytes]
) -> None:
    folder = tmp_path_factory.mktemp("names")
    paths = {file(folder / os.fsdecode(b"n" + name + b".png")) for name in raw}
    found = listing([folder])
    assert {listed.path for listed in found.pictures} == paths
    assert {folder / parse_name(listed.name) for listed in found.pictures} == paths
    for listed in found.pictures:
        listed.name.encode()  # valid Unicode


@pytest.mark.parametrize(("options", "message"), [({"inputs": []}, "give a folder"), ({"patterns": []}, "pattern")])
def test_nothing_to_look_for_is_refused(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        listing(**{"inputs": [tmp_path], **options})


def test_a_picture_without_an_ending_is_found_by_what_it_holds(tmp_path: Path) -> None:
    picture = io.BytesIO()
    Image.new("L", (2, 2)).save(picture, "PNG")
    for name in ("scan", "IMG.0001", "sub/another", "note.txt"):
        file(tmp_path / name).write_bytes(picture.getvalue())
    file(tmp_path / "README").write_bytes(b"BMW and others")
    os.mkfifo(tmp_path / "pipe")
    found = listing([tmp_path])
    assert names(found) == ["IMG.0001", "scan", "sub/another"]
    assert found.passed_over == ("README", "note.txt", "pipe")


def test_what_is_passed_over_is_named_where_no_patterns_chose(tmp_path: Path) -> None:
    for name in ("a.png", "movie.mp4", "sub/notes.txt", "Thumbs.db", ".hidden", "__MACOSX/a.png", "@eaDir/a.jpg"):
        file(tmp_path / name)
    found = listing([tmp_path])
    assert (names(found), found.passed_over) == (["a.png"], ("movie.mp4", "sub/notes.txt"))
    assert listing([tmp_path], patterns=["*.png"]).passed_over == ()
