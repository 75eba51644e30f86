"""A user's own pictures."""

import numpy as np
import pytest
from PIL import Image

from lib.data.datasets import load
from lib.errors import BadInput


def picture(path, *, size=(20, 24), mode="L", value=None, **options):
    """A picture whose grey is its value, (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value if value is not None else 0).save(path, **options)


@pytest.fixture
def cats_and_dogs(tmp_path):
    for n, name in enumerate(("cat", "dog")):
        for k in range(10):
            picture(tmp_path / name / f"{k}.png", value=100 * n + k)
    return tmp_path


def test_each_sub_folder_is_a_class_and_every_fifth_picture_tests(cats_and_dogs):
    data = load(f"folder:{cats_and_dogs}")
    assert data.classes == ("cat", "dog")
    assert data.train_imgs.shape == (16, 24, 20, 1)
    assert data.train_imgs.dtype == np.float32
    np.testing.assert_array_equal(np.rint(data.test_imgs[:, 0, 0, 0] * 255), [4, 9, 104, 109])
    assert data.test_labels.tolist() == [0, 0, 1, 1]
    np.testing.assert_array_equal(np.rint(data.train_imgs[:9, 0, 0, 0] * 255), [0, 1, 2, 3, 5, 6, 7, 8, 100])


def test_folders_named_train_and_test_are_the_split(tmp_path):
    for part, count in (("train", 3), ("test", 1)):
        for name in ("a", "b"):
            for k in range(count):
                picture(tmp_path / part / name / f"{k}.png")
    data = load(f"folder:{tmp_path}")
    assert (len(data.train_imgs), len(data.test_imgs)) == (6, 2)
    assert data.classes == ("a", "b")


def test_classes_of_train_and_test_must_agree(tmp_path):
    for path in ("train/a", "train/b", "test/a", "test/c"):
        picture(tmp_path / path / "0.png")
    with pytest.raises(BadInput, match="differ in classes: b, c"):
        load(f"folder:{tmp_path}")


def test_one_coloured_picture_makes_three_channels(cats_and_dogs):
    picture(cats_and_dogs / "cat" / "0.png", mode="RGB", value=(255, 0, 51))
    data = load(f"folder:{cats_and_dogs}")
    assert data.train_imgs.shape == (16, 24, 20, 3)
    np.testing.assert_allclose(data.train_imgs[0, 0, 0], [1, 0, 0.2])
    np.testing.assert_allclose(data.train_imgs[1, 0, 0] * 255, [1, 1, 1], rtol=1e-5)


def test_other_sizes_are_scaled_to_the_commonest_without_distortion(cats_and_dogs):
    # a square in the middle of a picture twice as wide stays a square
    wide = np.zeros((48, 80), np.uint8)
    wide[12:36, 28:52] = 255
    Image.fromarray(wide).save(cats_and_dogs / "cat" / "0.png")
    data = load(f"folder:{cats_and_dogs}")
    assert data.train_imgs.shape == (16, 24, 20, 1)
    bright = data.train_imgs[0, ..., 0] > 0.5
    assert (bright.any(axis=0).sum(), bright.any(axis=1).sum()) == (12, 12)


def test_sixteen_bits_are_scaled_and_not_clipped(cats_and_dogs):
    Image.fromarray(np.full((24, 20), 51 * 257, np.uint16)).save(cats_and_dogs / "cat" / "0.png")
    assert load(f"folder:{cats_and_dogs}").train_imgs[0, 0, 0, 0] == pytest.approx(0.2)


def test_paper_shines_through_where_a_picture_is_transparent(cats_and_dogs):
    picture(cats_and_dogs / "cat" / "0.png", mode="RGBA", value=(0, 0, 0, 0))
    assert load(f"folder:{cats_and_dogs}").train_imgs[0].min() == 1


def test_a_picture_stored_on_its_side_is_set_upright(cats_and_dogs):
    exif = Image.Exif()
    exif[0x0112] = 6
    picture(cats_and_dogs / "cat" / "0.jpg", size=(24, 20), exif=exif)
    assert load(f"folder:{cats_and_dogs}").train_imgs.shape[1:] == (24, 20, 1)


@pytest.mark.parametrize("damage", [b"", b"not a picture", "half"])
def test_a_bad_picture_is_named(cats_and_dogs, damage):
    bad = cats_and_dogs / "dog" / "7.png"
    if damage == "half":
        Image.effect_noise((20, 24), 50).save(bad)
        damage = bad.read_bytes()[:200]
    bad.write_bytes(damage)
    with pytest.raises(BadInput, match=r"dog/7\.png cannot be read as a picture") as caught:
        load(f"folder:{cats_and_dogs}")
    assert "\n" not in str(caught.value)


def test_hidden_files_and_notes_are_passed_over(cats_and_dogs):
    (cats_and_dogs / "cat" / ".DS_Store").write_bytes(b"x")
    (cats_and_dogs / "cat" / "._0.png").write_bytes(b"x")
    (cats_and_dogs / "cat" / "notes.txt").write_text("x")
    (cats_and_dogs / ".git").mkdir()
    assert len(load(f"folder:{cats_and_dogs}").train_imgs) == 16


def test_the_checksum_follows_names_and_contents(cats_and_dogs):
    before = load(f"folder:{cats_and_dogs}").attributes["checksums"]
    assert load(f"folder:{cats_and_dogs}").attributes["checksums"] == before
    (cats_and_dogs / "cat" / "9.png").rename(cats_and_dogs / "cat" / "99.png")
    assert load(f"folder:{cats_and_dogs}").attributes["checksums"] != before


def test_progress_ends_with_all_pictures(cats_and_dogs):
    said = []
    load(f"folder:{cats_and_dogs}", progress=lambda *what: said.append(what))
    assert said[-1] == ("pictures", 20, 20)


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ((), "0 sub-folders"),
        (("a/0.png", "a/1.png"), "1 sub-folders"),
        (("a/0.png", "a/1.png", "b/0.png"), "b has one picture only"),
        (("a/0.png", "a/1.png", "b/notes.txt"), "b has no pictures"),
    ],
)
def test_a_folder_that_cannot_be_trained_on_says_why(tmp_path, paths, message):
    for path in paths:
        if path.endswith("png"):
            picture(tmp_path / path)
        else:
            (tmp_path / path).parent.mkdir(exist_ok=True)
            (tmp_path / path).write_text("")
    with pytest.raises(BadInput, match=message):
        load(f"folder:{tmp_path}")


@pytest.mark.parametrize("name", ["minst", "", "folder:", "folder:/nowhere/at/all"])
def test_an_unknown_data_set_is_refused_and_no_other_taken(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match=r"no data set|no folder|sub-folders"):
        load(name)
