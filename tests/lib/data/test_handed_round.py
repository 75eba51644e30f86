"""Folders that are handed round, as they are: what is used of them, and how many pictures there are then."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lib.data.datasets import load
from lib.data.wanted_images import WantedImages

RANDOM = np.random.default_rng(1)


def picture(size: tuple[int, int] = (24, 24), mode: str = "RGB", form: str = "JPEG", **options: Any) -> bytes:
    pixels = RANDOM.integers(0, 255, (size[1], size[0], 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, form, **options)
    return buffer.getvalue()


def write(folder: Path, files: dict[str, bytes]) -> str:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return f"folder:{folder}"


def numbered(folder: str, count: int, ending: str = "jpg", **options: Any) -> dict[str, bytes]:
    return {f"{folder}/{number}.{ending}": picture(**options) for number in range(count)}


def pet_images() -> dict[str, bytes]:
    """As Microsoft's archive of cats and dogs: empty and truncated files, other formats called .jpg, Thumbs.db."""
    return {
        **numbered("Cat", 12),
        **numbered("Dog", 12),
        "Cat/666.jpg": b"",
        "Dog/11702.jpg": b"",
        "Dog/10_cut.jpg": picture()[:-300],
        "Cat/10501.jpg": picture(form="GIF"),
        "Cat/10404.jpg": picture(form="BMP"),
        "Cat/Thumbs.db": b"x",
        "Dog/Thumbs.db": b"x",
    }


def photographs() -> dict[str, bytes]:
    """Of a phone: larger than the network, of several sizes, some on their side, some grey, some HEIC's successors."""
    turned = Image.Exif()
    turned[0x0112] = 8
    return {
        **numbered("cats", 4, size=(120, 90)),
        **numbered("dogs", 4, size=(90, 120)),
        "cats/side.jpg": picture((120, 90), exif=turned),
        "dogs/grey.jpg": picture((100, 100), "L"),
        "dogs/small.png": picture((30, 20), "RGBA", "PNG"),
        "cats/new.avif": picture((64, 80), form="AVIF"),
    }


def x_rays() -> dict[str, bytes]:
    """Grey, 8 and 16 bits."""
    deep = io.BytesIO()
    Image.fromarray(RANDOM.integers(0, 65535, (24, 24)).astype(np.uint16)).save(deep, "PNG")
    grey = {"ending": "png", "mode": "L", "form": "PNG"}
    return {**numbered("healthy", 6, **grey), **numbered("ill", 5, **grey), "ill/9.png": deep.getvalue()}


def scans() -> dict[str, bytes]:
    """Without endings, in one folder, with a list beside them."""
    return {f"{number:04}": picture(form=form) for number, form in enumerate(("TIFF", "PNG", "JPEG", "PPM") * 2)} | {
        "LIST": b"0001 a cat"
    }


def downloads() -> dict[str, bytes]:
    """As a browser names and cuts them: an HTML page called .jpg, one that was not loaded to its end."""
    return {
        **numbered("rose", 6, ending="jfif"),
        **numbered("tulip", 6, ending="webp", form="WEBP"),
        "rose/page.jpg": b"<!DOCTYPE html><html></html>",
        "tulip/part.webp": picture(form="WEBP", lossless=True)[:500],
        "tulip/part.png.crdownload": b"x",
    }


CASES: dict[str, tuple[Callable[[], dict[str, bytes]], tuple[str, ...], int, list[str], int]] = {
    "PetImages": (pet_images, ("Cat", "Dog"), 26, ["Cat/666.jpg", "Dog/10_cut.jpg", "Dog/11702.jpg"], 0),
    "photographs": (photographs, ("cats", "dogs"), 12, [], 0),
    "x-rays": (x_rays, ("healthy", "ill"), 12, [], 0),
    "scans": (scans, (), 8, [], 1),
    "downloads": (downloads, ("rose", "tulip"), 12, ["rose/page.jpg", "tulip/part.webp"], 1),
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("case", CASES)
def test_what_is_whole_is_used_and_fitted_and_what_is_not_is_named(tmp_path: Path, case: str, channels: int) -> None:
    make, classes, count, broken, others = CASES[case]
    data = load(write(tmp_path / case, make()), wanted=WantedImages(32, 28, channels))
    assert data.files is not None
    assert data.classes == classes
    assert len(data.train_imgs) + len(data.test_imgs) == count
    assert data.input_shape == (32, 28, channels)
    assert [one["file"] for one in data.files["broken"]] == broken
    assert len(data.files["passed_over"]) == others
    assert data.train_imgs.std() > 0.05


def test_the_list_of_files_leads_back_to_every_picture(tmp_path: Path) -> None:
    name = write(tmp_path / "PetImages", pet_images())
    data = load(name)
    assert data.files is not None
    for of_set, images in (("train", data.train_imgs), ("test", data.test_imgs)):
        for file, image in zip(data.files[of_set], images, strict=True):
            with Image.open(tmp_path / "PetImages" / file) as opened:
                np.testing.assert_allclose(image, np.asarray(opened.convert("RGB")) / 255, atol=1e-6)
