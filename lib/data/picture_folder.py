"""Pictures of one's own: a folder with one sub-folder of pictures per class."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from lib import stop
from lib.arrays import Bytes
from lib.data.dataset import Dataset, from_bytes
from lib.errors import BadInput
from lib.pictures.names import ENDINGS

# every fifth picture of a class is a test image
TEST_EVERY = 5
# what is held as float32 in memory; beyond that a network wants its pictures smaller anyhow
MOST_BYTES = 8 * 2**30


def load(folder: Path, progress: Callable[[str, int, int], None] | None) -> Dataset:
    """The pictures of a folder, classes and pictures in the order of their names.

    With sub-folders `train` and `test` these are the two sets, each with one sub-folder a class; else every fifth
    picture of each class is a test image. Grey pictures give one channel; if any has colours, all give three.
    Where sizes differ, pictures are scaled to cover the commonest size (the smallest of these) and cropped about their
    middle, so that nothing is distorted.

    Raises:
        BadInput: the folder is missing or has fewer than two classes, a class has fewer than two pictures, a picture
            cannot be read (its name is in the message), or they are too large together.
    """
    check_folder(folder)
    if _is_split(folder):
        split = "the folders train and test"
        train, test = _pictures(folder / "train"), _pictures(folder / "test")
        if list(train) != list(test):
            differing = sorted(set(train) ^ set(test))
            raise BadInput(f"{folder}/train and {folder}/test differ in classes: {', '.join(differing)}")
    else:
        split = "every fifth picture of each class, in the order of names, is a test image"
        both = _pictures(folder)
        for name, paths in both.items():
            if len(paths) < 2:
                raise BadInput(f"{folder / name} has one picture only: a class needs two, one of them to test with")
        test = {name: paths[TEST_EVERY - 1 :: TEST_EVERY] or paths[-1:] for name, paths in both.items()}
        train = {name: [path for path in paths if path not in set(test[name])] for name, paths in both.items()}
    classes = tuple(train)
    if len(classes) < 2:
        raise BadInput(f"{folder} has {len(classes)} sub-folders with pictures: a network that classifies needs two")
    paths = [path for part in (train, test) for some in part.values() for path in some]
    labels = np.array([n for part in (train, test) for n, some in enumerate(part.values()) for _ in some], np.int64)
    imgs, digest = _read(folder, paths, progress)
    count = sum(len(some) for some in train.values())
    return from_bytes(
        f"folder:{folder}",
        (imgs[:count], labels[:count]),
        (imgs[count:], labels[count:]),
        classes,
        {
            "source": f"folder {folder.name}, {len(paths)} pictures",
            "licence": "unknown",
            "checksums": {"names and files": f"sha256:{digest}"},
            "split": split,
        },
    )


def check_folder(folder: Path) -> None:
    """Raise BadInput where there is no such folder."""
    if not folder.is_dir():
        raise BadInput(f"{folder} is no folder: name one that has one sub-folder of pictures per class")


def classes_of(folder: Path) -> tuple[str, ...]:
    """The classes of a folder, in the order of their names. No picture is looked for."""
    return tuple(sub.name for sub in _subfolders(folder / "train" if _is_split(folder) else folder))


def _is_split(folder: Path) -> bool:
    return (folder / "train").is_dir() and (folder / "test").is_dir()


def _subfolders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _pictures(folder: Path) -> dict[str, list[Path]]:
    """The pictures of each class, both in the order of their names; hidden files and other kinds are passed over."""
    found = {}
    for sub in _subfolders(folder):
        found[sub.name] = sorted(
            path for path in sub.iterdir() if path.suffix.lower() in ENDINGS and not path.name.startswith(".")
        )
        if not found[sub.name]:
            raise BadInput(f"{sub} has no pictures ({', '.join(sorted(ENDINGS))}): add some, or remove the folder")
    return found


def _read(folder: Path, paths: list[Path], progress: Callable[[str, int, int], None] | None) -> tuple[Bytes, str]:
    """`[N, H, W, C]` bytes, and a SHA-256 of the names and contents of all files."""
    sizes: Counter[tuple[int, int]] = Counter()
    colour = False
    for path in paths:
        with _open(path) as picture:
            turned = picture.getexif().get(0x0112, 1) >= 5  # stored lying on its side
            sizes[picture.size[::-1] if turned else picture.size] += 1
            colour = colour or picture.mode not in {"1", "L", "I", "I;16", "I;16B", "F"}
    most = max(sizes.values())
    width, height = min(size for size, count in sizes.items() if count == most)
    shape = (len(paths), height, width, 3 if colour else 1)
    if 4 * np.prod(shape, dtype=np.int64) > MOST_BYTES:
        raise BadInput(
            f"{folder}: {len(paths)} pictures of {width}x{height} do not fit into {MOST_BYTES >> 30} GiB: "
            "scale them down"
        )
    imgs = np.empty(shape, np.uint8)
    digest = hashlib.sha256()
    for n, path in enumerate(paths):
        stop.look()
        digest.update(f"{path.relative_to(folder).as_posix()}\n".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
        imgs[n] = _as_bytes(path, (width, height), colour)
        if progress and (n % 100 == 99 or n == len(paths) - 1):
            progress("pictures", n + 1, len(paths))
    return imgs, digest.hexdigest()


@contextmanager
def _open(path: Path) -> Iterator[Image.Image]:
    """The picture; whatever goes wrong while it is open is told with its name."""
    try:
        with Image.open(path) as picture:
            yield picture
    # Pillow's decoders raise many kinds; each means that this picture cannot be used
    except Exception as problem:
        reason = (str(problem) or type(problem).__name__).splitlines()[0]
        raise BadInput(f"{path} cannot be read as a picture ({reason}): replace or remove it") from problem


def _as_bytes(path: Path, size: tuple[int, int], colour: bool) -> Bytes:
    """One picture as `[H, W, C]` bytes, upright, of this (width, height)."""
    with _open(path) as opened:
        picture = ImageOps.exif_transpose(opened)
    if picture.mode in {"I", "I;16", "I;16B"}:
        # sixteen bits: Pillow would clip instead of scaling
        deep = np.asarray(picture).astype(np.int64)
        picture = Image.fromarray((deep.clip(0, 65535) // 257).astype(np.uint8))
    if picture.has_transparency_data:
        # what shines through is paper
        paper = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(paper, picture.convert("RGBA"))
    picture = picture.convert("RGB" if colour else "L")
    if picture.size != size:
        picture = ImageOps.fit(picture, size, Image.Resampling.BICUBIC)
    array = np.asarray(picture)
    return array if colour else array[..., np.newaxis]
