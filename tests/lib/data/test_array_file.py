"""Files of arrays, as people save them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.data.array_file import kind_of
from lib.data.dataset import UNLABELLED
from lib.data.datasets import classes_of, load
from lib.data.wanted_images import WantedImages
from lib.errors import BadInput

RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(0, 256, (20, 6, 5, 3)).astype(np.uint8)
LABELS = np.arange(20) % 2


def npz(path: Path, **arrays: Any) -> str:
    np.savez(path / "file.npz", **arrays)
    return str(path / "file.npz")


def hdf5(path: Path, **arrays: Any) -> str:
    with h5py.File(path / "file.h5", "w") as file:
        for name, array in arrays.items():
            file[name] = array
    return str(path / "file.h5")


SPLIT = {"x_train": PIXELS[:14], "y_train": LABELS[:14], "x_test": PIXELS[14:], "y_test": LABELS[14:]}


@pytest.mark.parametrize("save", [npz, hdf5])
@pytest.mark.parametrize(
    "names",
    [
        ("x_train", "y_train", "x_test", "y_test"),
        ("X_train", "Y_train", "X_test", "Y_test"),
        ("train_images", "train_labels", "test_images", "test_labels"),
        ("trainImages", "trainLabels", "testImages", "testLabels"),
        ("train_set_x", "train_set_y", "test_set_x", "test_set_y"),
        ("xtrain", "ytrain", "xval", "yval"),
        ("training_data", "training_targets", "valid_data", "valid_targets"),
    ],
)
def test_both_sets_are_found_by_their_names(tmp_path: Path, save: Callable[..., str], names: tuple[str, ...]) -> None:
    name = save(tmp_path, **dict(zip(names, SPLIT.values(), strict=True)))
    data = load(name)
    assert data.name == name
    assert data.classes == classes_of(name) == ("0", "1")
    np.testing.assert_array_equal(data.train_imgs, (PIXELS[:14] * np.float32(1 / 255)).astype(np.float32))
    np.testing.assert_array_equal(data.test_imgs, (PIXELS[14:] * np.float32(1 / 255)).astype(np.float32))
    assert (data.train_labels.tolist(), data.test_labels.tolist()) == (LABELS[:14].tolist(), LABELS[14:].tolist())
    assert data.attributes["split"] == f"the arrays {names[0]} and {names[2]}"
    assert data.notes == ()


@pytest.mark.parametrize(
    ("images", "labels"), [("images", "labels"), ("X", "y"), ("data", "target"), ("imgs", "targets")]
)
def test_of_one_set_every_fifth_picture_of_each_class_is_a_test_image(tmp_path: Path, images: str, labels: str) -> None:
    data = load(npz(tmp_path, **{images: PIXELS, labels: LABELS}))
    assert (len(data.train_imgs), data.test_labels.tolist()) == (16, [0, 1, 0, 1])
    np.testing.assert_array_equal(np.rint(255 * data.test_imgs), PIXELS[[8, 9, 18, 19]])


def test_a_validation_set_beside_a_test_set_is_left_out_and_said(tmp_path: Path) -> None:
    data = load(npz(tmp_path, **SPLIT, x_val=PIXELS[:4], y_val=LABELS[:4]))
    assert (len(data.test_imgs), data.notes) == (6, ("x_val is left out: there is x_test",))


def test_a_test_set_without_labels_is_left_out_and_said(tmp_path: Path) -> None:
    data = load(npz(tmp_path, x_train=PIXELS, y_train=LABELS, x_test=PIXELS))
    assert (len(data.train_imgs), data.notes) == (16, ("x_test is left out: it has no labels",))


@pytest.mark.parametrize("save", [npz, hdf5])
def test_pictures_without_labels_have_no_classes(tmp_path: Path, save: Callable[..., str]) -> None:
    name = save(tmp_path, images=PIXELS)
    data = load(name)
    assert (data.classes, classes_of(name), set(data.train_labels)) == ((), (), {UNLABELLED})
    assert data.notes == ("the file has no labels: there is nothing to compare predictions with",)


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (PIXELS, PIXELS / 255),
        (PIXELS / 255, PIXELS / 255),
        ((PIXELS / 255).astype(np.float16), (PIXELS / 255).astype(np.float16)),
        (PIXELS.astype(np.float32), PIXELS / 255),
        (PIXELS.astype(np.int64), PIXELS / 255),
        (PIXELS > 127, (PIXELS > 127).astype(float)),
        (PIXELS[..., 0], PIXELS[..., :1] / 255),
        (np.concatenate([PIXELS, np.full_like(PIXELS[..., :1], 255)], axis=-1), PIXELS / 255),
        (np.concatenate([PIXELS, np.zeros_like(PIXELS[..., :1])], axis=-1), np.ones(PIXELS.shape)),
        (PIXELS.transpose(0, 3, 1, 2), PIXELS / 255),
    ],
)
def test_pixels_mean_what_they_look_like(tmp_path: Path, images: Any, expected: Any) -> None:
    data = load(npz(tmp_path, x_train=images, y_train=LABELS, x_test=images, y_test=LABELS))
    np.testing.assert_allclose(data.train_imgs, expected, atol=1e-6)
    assert data.train_imgs.dtype == np.float32


def test_the_same_pictures_as_bytes_and_as_floats_of_bytes_are_one_data_set(tmp_path: Path) -> None:
    one = load(npz(tmp_path, images=PIXELS, labels=LABELS))
    other = load(npz(tmp_path, images=PIXELS.astype(np.float64), labels=LABELS))
    assert one.attributes == other.attributes
    np.testing.assert_array_equal(one.train_imgs, other.train_imgs)


@pytest.mark.parametrize(
    ("labels", "more", "classes", "numbers"),
    [
        (LABELS[:, None], {}, ("0", "1"), LABELS),
        (np.eye(3)[LABELS], {}, ("0", "1", "2"), LABELS),
        (LABELS.astype(np.float32), {}, ("0", "1"), LABELS),
        (LABELS + 1, {}, ("0", "1", "2"), LABELS + 1),
        (np.array(["dog", "cat"])[LABELS], {}, ("cat", "dog"), 1 - LABELS),
        (np.array([b"dog", b"cat"])[LABELS], {}, ("cat", "dog"), 1 - LABELS),
        (np.array(["dog", "cat"])[LABELS], {"class_names": ["dog", "cat"]}, ("dog", "cat"), LABELS),
        (LABELS, {"classes": np.array(["dog", "cat", "cow"])}, ("dog", "cat", "cow"), LABELS),
        (LABELS, {"list_classes": np.array([b"non-cat", b"cat"])}, ("non-cat", "cat"), LABELS),
    ],
)
def test_labels_are_numbers_names_or_one_hot(
    tmp_path: Path, labels: Any, more: Any, classes: Any, numbers: Any
) -> None:
    for file in (npz(tmp_path, images=PIXELS, labels=labels, **more),):
        data = load(file)
        assert data.classes == classes_of(file) == classes
        assert sorted([*data.train_labels, *data.test_labels]) == sorted(numbers)


def test_names_of_variable_length_in_hdf5_are_labels(tmp_path: Path) -> None:
    data = load(hdf5(tmp_path, images=PIXELS, labels=["a dog" if one else "cat" for one in LABELS]))
    assert data.classes == ("a dog", "cat")


def test_scales_of_dimensions_as_netcdf_writes_them_are_passed_over(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "scaled.h5", "w") as file:
        images = file.create_dataset("images", data=PIXELS)
        file["labels"], file["rows"] = LABELS, np.arange(6)
        file["rows"].make_scale("rows")
        images.dims[1].attach_scale(file["rows"])
    data = load(str(tmp_path / "scaled.h5"))
    np.testing.assert_array_equal(data.train_imgs, load(hdf5(tmp_path, images=PIXELS, labels=LABELS)).train_imgs)


def test_arrays_in_a_group_of_hdf5_are_found(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "file.hdf5", "w") as file:
        file["set/x_train"], file["set/y_train"] = PIXELS, LABELS
    assert load(str(tmp_path / "file.hdf5")).classes == ("0", "1")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"arr_0": PIXELS, "arr_1": LABELS}, r"has no images by a name that is known.*arr_0 20x6x5x3, arr_1 20"),
        ({}, "has no images by a name that is known.*no arrays"),
        ({"images": PIXELS, "labels": LABELS[:7]}, "it must have one label for each picture"),
        ({"images": PIXELS.reshape(20, -1), "labels": LABELS}, r"is of the shape \(20, 90\)"),
        ({"images": PIXELS[..., :2], "labels": LABELS}, "is of the shape"),
        ({"images": PIXELS / 127.5 - 1, "labels": LABELS}, "has pixels from -1 to 1: give them as bytes"),
        ({"images": PIXELS / 16, "labels": LABELS}, "has pixels from 0 to 15.9"),
        ({"images": PIXELS.astype(np.uint16) * 257, "labels": LABELS}, "has pixels from 0 to 65535"),
        ({"images": np.full((4, 2, 2), np.nan), "labels": LABELS[:4]}, "no numbers"),
        ({"images": PIXELS, "labels": np.ones((20, 3))}, "several classes a picture"),
        ({"images": PIXELS, "labels": LABELS - 1}, "labels from -1 to 0"),
        ({"images": PIXELS, "labels": LABELS + 0.5}, "no whole numbers"),
        ({"images": PIXELS, "labels": LABELS, "classes": ["one"]}, "labels up to 1, and names of 1 classes"),
        ({"images": PIXELS, "labels": np.array(["a", "b"])[LABELS], "classes": ["a"]}, "has the label b"),
        ({"images": PIXELS, "labels": LABELS, "X": PIXELS}, "two arrays of the same kind, images and X"),
        ({"images": PIXELS[:1], "labels": LABELS[:1]}, "one picture only of class 0"),
        ({"images": PIXELS.astype("U3"), "labels": LABELS}, "pixels are bytes or floats"),
        ({**SPLIT, "y_test": np.array(["a"] * 6)}, "names as labels in one set and numbers in another"),
        ({"images": np.array([{"a": 1}] * 20, dtype=object), "labels": LABELS}, "holds Python objects"),
        ({"images": PIXELS, "labels": np.array([0] * 20, dtype=object)}, "holds Python objects"),
    ],
)
def test_a_file_that_is_of_no_use_says_why_in_one_line(tmp_path: Path, arrays: Any, message: str) -> None:
    with pytest.raises(BadInput, match=message) as caught:
        load(npz(tmp_path, **arrays))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["file.npz", "file.h5", "file.hdf5"])
@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04 not really", b"\x89HDF\r\n\x1a\n and then nothing", b"\x80\x04pickle"]
)
def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match="is damaged") as caught:
        load(str(tmp_path / name))
    assert "\n" not in str(caught.value)


def test_what_claims_to_be_huge_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "file.h5", "w") as file:
        file.create_dataset("images", (10**6, 100, 100, 3), "u1", chunks=(1, 100, 100, 3))
        file["labels"] = LABELS
    with pytest.raises(BadInput, match=r"promises 28,610.2 MB in '/images' and holds 0.0 MB of it"):
        load(str(tmp_path / "file.h5"))


def test_links_to_other_files_are_not_followed(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["images"] = PIXELS
    with h5py.File(tmp_path / "file.h5", "w") as file:
        file["images"] = h5py.ExternalLink("secret.h5", "/images")
    with pytest.raises(BadInput, match="reads 'images' out of another file"):
        load(str(tmp_path / "file.h5"))


@pytest.mark.parametrize("save", [npz, hdf5])
def test_arrays_are_fitted_to_the_network(tmp_path: Path, save: Callable[..., str]) -> None:
    data = load(save(tmp_path, images=PIXELS[..., 0], labels=LABELS), wanted=WantedImages(8, 8, 3))
    assert data.input_shape == (8, 8, 3)
    assert data.attributes["fitted"] == "crop to 8x8x3"
    assert data.notes == ("its images of 6x5x1 are fitted to the network: 8x8x3",)
    np.testing.assert_array_equal(data.train_imgs[..., 0], data.train_imgs[..., 2])


@given(
    st.sampled_from(["train", "test", "val", "Valid", "training", "VALIDATION", ""]),
    st.sampled_from(["x", "X", "images", "Labels", "y", "data", "target"]),
    st.booleans(),
    st.sampled_from(["_", "-", " ", "."]),
)
def test_a_name_says_its_set_and_what_it_holds_in_either_order(
    part: str, what: str, turned: bool, between: str
) -> None:
    words = [word for word in ((what, part) if turned else (part, what)) if word]
    found = kind_of(between.join(words))
    assert found is not None
    assert (found[0] == "") == (part == "")
    assert found[1] == ("labels" if what in ("Labels", "y", "target") else "images")


@pytest.mark.parametrize("name", ["arr_0", "x_train_y", "weights", "labels_of_images", "train_test_x", "", "extra"])
def test_a_name_that_says_nothing_clear_is_no_array_of_the_data_set(name: str) -> None:
    assert kind_of(name) is None
