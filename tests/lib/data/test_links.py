"""What lies in a folder that may be used does not lead out of it."""

import json
from pathlib import Path

import pytest
from PIL import Image

from lib.data.datasets import load
from lib.errors import BadInput
from lib.pictures.listing import listing


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that alone may be used, with links to a picture and to a folder outside of it."""
    for name in ("inside/cat", "inside/dog", "outside"):
        (tmp_path / name).mkdir(parents=True)
        for number in range(6):
            Image.new("L", (8, 8), 40 * number).save(tmp_path / name / f"{number}.png")
    (tmp_path / "inside" / "cat" / "secret.png").symlink_to(tmp_path / "outside" / "0.png")
    (tmp_path / "inside" / "cat" / "folder").symlink_to(tmp_path / "outside")
    monkeypatch.setenv("DREAMSWEEP_ALLOWED_ROOTS", json.dumps([str(tmp_path / "inside")]))
    return tmp_path / "inside"


def test_a_data_set_leaves_out_what_lies_outside_and_says_so(pictures: Path) -> None:
    data = load(f"folder:{pictures}")
    assert data.files is not None
    reason = "is a link to a place that may not be used here"
    assert data.files["broken"] == [{"file": "cat/secret.png", "reason": reason}]
    assert data.files["passed_over"] == ["cat/folder"]
    assert len(data.train_imgs) + len(data.test_imgs) == 12


def test_where_every_place_may_be_used_links_are_followed(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DREAMSWEEP_ALLOWED_ROOTS")
    data = load(f"folder:{pictures}")
    assert len(data.train_imgs) + len(data.test_imgs) == 19


def test_the_list_of_a_dream_does_not_look_into_a_folder_outside(pictures: Path) -> None:
    found = listing([pictures])
    assert [problem.name for problem in found.problems] == ["cat/folder"]
    assert not any("folder" in picture.name for picture in found.pictures)


def test_a_file_of_arrays_outside_is_not_read(pictures: Path) -> None:
    (pictures / "file.npz").symlink_to(pictures.parent / "outside" / "0.png")
    with pytest.raises(BadInput, match="is a link to a place that may not be used here"):
        load(str(pictures / "file.npz"))
