"""A user's own pictures."""

import os
import re

import numpy as np
import pytest
from PIL import Image, ImageOps

from lib.data.datasets import load
from lib.data.wanted_images import WantedImages
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


def noise(path, size=(20, 24), mode="RGB", **options):
    """A picture of noise, which no format packs into a few bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3)).astype(np.uint8)
    Image.fromarray(pixels).convert(mode).save(path, **options)


@pytest.mark.parametrize("damage", [b"", b"not a picture", "half"])
def test_a_broken_picture_is_left_out_and_named(cats_and_dogs, damage):
    whole = load(f"folder:{cats_and_dogs}")
    bad = cats_and_dogs / "dog" / "7b.png"
    if damage == "half":
        noise(bad, mode="L")
        damage = bad.read_bytes()[:200]
    bad.write_bytes(damage)
    data = load(f"folder:{cats_and_dogs}")
    np.testing.assert_array_equal(data.train_imgs, whole.train_imgs)
    np.testing.assert_array_equal(data.test_imgs, whole.test_imgs)
    (broken,) = data.files["broken"]
    assert broken["file"] == "dog/7b.png"
    assert re.match(r"is (empty|not a picture|truncated or damaged)", broken["reason"])
    assert data.notes == (f"1 picture cannot be read and is left out: dog/7b.png {broken['reason']}",)
    assert data.attributes["broken"] == 1
    assert whole.attributes["checksums"].items() < data.attributes["checksums"].items()


def test_five_broken_pictures_are_named_and_the_record_has_them_all(cats_and_dogs):
    for number in range(7):
        (cats_and_dogs / "cat" / f"z{number}.jpg").write_bytes(b"")
    data = load(f"folder:{cats_and_dogs}")
    (note,) = data.notes
    assert "7 pictures cannot be read and are left out" in note
    assert ("z4.jpg" in note, "z5.jpg" in note, "and 2 more" in note) == (True, False, True)
    assert [one["file"] for one in data.files["broken"]] == [f"cat/z{number}.jpg" for number in range(7)]


def test_numbers_are_those_of_the_whole_files_in_the_order_of_their_names(cats_and_dogs):
    (cats_and_dogs / "cat" / "2.png").write_bytes(b"")
    data = load(f"folder:{cats_and_dogs}")
    assert data.files["train"][:8] == [f"cat/{number}.png" for number in (0, 1, 3, 4, 6, 7, 8, 9)]
    assert data.files["test"] == ["cat/5.png", "dog/4.png", "dog/9.png"]
    for number, name in enumerate(data.files["train"]):
        value = 100 * name.startswith("dog") + int(name[4])
        assert np.rint(255 * data.train_imgs[number, 0, 0, 0]) == value


def test_more_than_a_third_broken_is_an_error_with_the_list(cats_and_dogs):
    for number in range(11):
        (cats_and_dogs / "cat" / f"z{number}.jpg").write_bytes(b"")
    with pytest.raises(BadInput, match=r"11 of 31 pictures cannot be read, more than a third.*cat/z10\.jpg is empty"):
        load(f"folder:{cats_and_dogs}")


def test_a_third_of_truncated_pictures_is_counted_too(tmp_path):
    for number in range(9):
        noise(tmp_path / "ab"[number % 2] / f"{number}.jpg")
    for number in range(4):
        path = tmp_path / "ab"[number % 2] / f"{number}.jpg"
        path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(BadInput, match=r"4 of 9 pictures cannot be read"):
        load(f"folder:{tmp_path}")


def test_a_class_of_which_nothing_is_whole_is_an_error(cats_and_dogs):
    for number in range(2):
        (cats_and_dogs / "fish").mkdir(exist_ok=True)
        (cats_and_dogs / "fish" / f"{number}.jpg").write_bytes(b"")
    with pytest.raises(BadInput, match=r"fish has no picture that can be read.*fish/0\.jpg is empty.*fish/1\.jpg"):
        load(f"folder:{cats_and_dogs}")


def test_pictures_are_read_by_what_they_hold_not_by_their_names(cats_and_dogs):
    for number, form in enumerate(("GIF", "BMP", "JPEG", "WEBP", "TIFF", "JPEG2000", "AVIF")):
        noise(cats_and_dogs / "cat" / f"z{number}.jpg", format=form)
        noise(cats_and_dogs / "dog" / f"z{number}", format=form)
    data = load(f"folder:{cats_and_dogs}")
    assert (len(data.train_imgs) + len(data.test_imgs), data.files["broken"]) == (34, [])
    assert "dog/z3" in [*data.files["train"], *data.files["test"]]


def test_an_animation_is_its_first_frame(cats_and_dogs):
    frames = [Image.new("L", (20, 24), value) for value in (51, 102, 153)]
    for ending in ("gif", "webp", "png"):
        frames[0].save(cats_and_dogs / "cat" / f"0.{ending}", save_all=True, append_images=frames[1:], lossless=True)
    data = load(f"folder:{cats_and_dogs}")
    for ending in ("gif", "webp", "png"):
        assert data.train_imgs[data.files["train"].index(f"cat/0.{ending}")] == pytest.approx(0.2, abs=1e-6)


def test_a_bomb_is_broken_and_says_why(cats_and_dogs):
    bomb = Image.new("1", (40_000, 20_000))
    bomb.save(cats_and_dogs / "cat" / "z.png")
    data = load(f"folder:{cats_and_dogs}")
    (broken,) = data.files["broken"]
    assert broken == {"file": "cat/z.png", "reason": "is too large: 40000x20000 are more than 110 million pixels"}


def test_colours_of_other_kinds_are_read_as_they_look(cats_and_dogs):
    red = Image.new("RGB", (20, 24), (255, 0, 0))
    red.convert("CMYK").save(cats_and_dogs / "cat" / "0.jpg", quality=100)
    red.quantize(4).save(cats_and_dogs / "cat" / "1.png")
    red.convert("RGBA").save(cats_and_dogs / "cat" / "2.png")
    data = load(f"folder:{cats_and_dogs}")
    for name in ("cat/0.jpg", "cat/1.png", "cat/2.png"):
        image = data.train_imgs[data.files["train"].index(name)]
        np.testing.assert_allclose(image[12, 10], [1, 0, 0], atol=0.02)


def test_a_pipe_a_circle_and_a_lost_link_hold_nothing_up(cats_and_dogs):
    os.mkfifo(cats_and_dogs / "cat" / "pipe.png")
    (cats_and_dogs / "cat" / "lost.png").symlink_to("nowhere.png")
    (cats_and_dogs / "cat" / "round.png").symlink_to("round.png")
    (cats_and_dogs / "cat" / "above").symlink_to(cats_and_dogs)
    data = load(f"folder:{cats_and_dogs}")
    assert [one["file"] for one in data.files["broken"]] == ["cat/lost.png", "cat/pipe.png", "cat/round.png"]
    assert len(data.train_imgs) == 16


def test_names_that_are_no_text_are_read_and_shown(tmp_path):
    for name in (b"caf\xe9", b"tea"):
        folder = tmp_path / os.fsdecode(name)
        for number in range(2):
            picture(folder / f"{os.fsdecode(name)} {number}.png", value=number)
    data = load(f"folder:{tmp_path}")
    assert data.classes == ("caf%E9", "tea")
    assert data.files["train"] == ["caf%E9/caf%E9 0.png", "tea/tea 0.png"]


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_a_picture_of_other_proportions_is_fitted_as_is_asked(tmp_path, fit):
    # a third each of black, white and black: 60 wide, 20 high
    strip = np.zeros((20, 60), np.uint8)
    strip[:, 20:40] = 255
    for name in ("a", "b"):
        for number in range(2):
            (tmp_path / name).mkdir(exist_ok=True)
            Image.fromarray(strip).save(tmp_path / name / f"{number}.png")
    data = load(f"folder:{tmp_path}", wanted=WantedImages(30, 30, 1, fit))
    bright = data.train_imgs[0, ..., 0] > 0.5
    rows, columns = bright.any(axis=1).sum(), bright.any(axis=0).sum()
    assert (rows, columns) == {"crop": (30, 30), "pad": (10, 10), "stretch": (30, 10)}[fit]
    assert data.attributes["fitted"] == f"{fit} to 30x30x1"
    assert "to 30x30, grey" in data.notes[0]


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_what_fits_already_is_the_same_data_set_however_it_is_fitted(cats_and_dogs, fit):
    before = load(f"folder:{cats_and_dogs}")
    data = load(f"folder:{cats_and_dogs}", wanted=WantedImages(24, 20, 1, fit))
    assert data.attributes == before.attributes
    np.testing.assert_array_equal(data.train_imgs, before.train_imgs)


def test_pictures_of_several_sizes_that_are_padded_are_another_data_set_than_those_that_are_cropped(cats_and_dogs):
    picture(cats_and_dogs / "cat" / "0.png", size=(40, 24), value=255)
    cropped, padded = (load(f"folder:{cats_and_dogs}", wanted=WantedImages(24, 20, 1, fit)) for fit in ("crop", "pad"))
    assert (cropped.train_imgs[0].min(), padded.train_imgs[0].min()) == (1, 0)
    assert "fitted" not in cropped.attributes
    assert padded.attributes["fitted"] == "pad to 24x20x1"


def test_grey_is_coloured_and_colours_become_grey(tmp_path):
    for name in ("a", "b"):
        for number in range(2):
            picture(tmp_path / "colours" / name / f"{number}.png", mode="RGB", value=(255, 0, 0))
            picture(tmp_path / "grey" / name / f"{number}.png", value=51)
    coloured = load(f"folder:{tmp_path}/grey", wanted=WantedImages(24, 20, 3))
    assert coloured.train_imgs.shape == (2, 24, 20, 3)
    np.testing.assert_allclose(coloured.train_imgs, 0.2, rtol=1e-6)
    grey = load(f"folder:{tmp_path}/colours", wanted=WantedImages(24, 20, 1))
    np.testing.assert_allclose(grey.train_imgs, 0.299, atol=1 / 255)


def test_a_large_photograph_comes_out_as_if_it_had_been_decoded_whole(tmp_path):
    smooth = np.add.outer(np.linspace(0, 120, 900), np.linspace(0, 130, 1200))
    pixels = np.stack([smooth, smooth[::-1], smooth[:, ::-1]], axis=-1).astype(np.uint8)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(2):
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.jpg", quality=95)
    data = load(f"folder:{tmp_path}", wanted=WantedImages(48, 48, 3))
    with Image.open(tmp_path / "a" / "0.jpg") as whole:
        expected = np.asarray(ImageOps.fit(whole, (48, 48), Image.Resampling.BICUBIC)) / 255
    np.testing.assert_allclose(data.train_imgs[0], expected, atol=3 / 255)


def test_outputs_are_named_in_the_order_of_the_classes_where_the_network_is_known(cats_and_dogs):
    data = load(f"folder:{cats_and_dogs}", wanted=WantedImages())
    assert data.notes == (
        "the classes are numbered in the order of their names, as a network's outputs must be: 0 cat, 1 dog",
    )


def test_pictures_that_are_too_large_together_are_refused_before_they_are_decoded(cats_and_dogs):
    with pytest.raises(BadInput, match="do not fit into 8 GiB"):
        load(f"folder:{cats_and_dogs}", wanted=WantedImages(9000, 9000, 3))


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
        ((), "has no pictures"),
        (("notes.txt",), "has no pictures"),
        (("a/0.png",), "has one picture that can be read: two are needed"),
        (("a/0.png", "a/1.png", "b/0.png"), "b has one picture that can be read: two are needed"),
        (("a/0.png", "a/1.png", "b/notes.txt"), r"has sub-folders without pictures: b \("),
        (("train/a/0.png", "train/b/0.png", "test/a/0.png"), "differ in classes: b"),
        (("train/a/0.png", "train/b/0.png", "test/a/0.txt"), "test has no pictures"),
        (("train/a/0.png", "training/b/0.png", "test/a/0.png"), "has train and training, which are one set"),
    ],
)
def test_a_folder_that_is_of_no_use_says_why(tmp_path, paths, message):
    for path in paths:
        if path.endswith("png"):
            picture(tmp_path / path)
        else:
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text("")
    with pytest.raises(BadInput, match=message):
        load(f"folder:{tmp_path}")


@pytest.mark.parametrize("name", ["minst", "", "folder:", "folder:/nowhere/at/all", "none.npz", "none.h5"])
def test_an_unknown_data_set_is_refused_and_no_other_taken(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match=r"no data set|no folder|has no pictures|no file"):
        load(name)
