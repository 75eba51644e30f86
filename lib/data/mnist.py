"""MNIST and Fashion-MNIST: from a folder, from Keras's cache, or downloaded by Keras; always checked whole."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from lib.arrays import Bytes
from lib.data import idx
from lib.data.dataset import Dataset, from_bytes
from lib.data.stored_arrays import open_arrays
from lib.errors import BadInput

Progress = Callable[[str, int, int], None]

# where Keras keeps both data sets
ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"

TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
FILES: dict[str, idx.Holds] = {
    TRAIN_IMAGES: "images",
    TRAIN_LABELS: "labels",
    TEST_IMAGES: "images",
    TEST_LABELS: "labels",
}


@dataclass(frozen=True)
class _Canonical:
    """What there is to know of one of the two.

    Attributes:
        title: its name in messages.
        md5: of each raw (ungzipped) IDX file.
        downloads: files under ORIGIN and in Keras's cache: name, size in bytes, hash as Keras takes it.
        subfolder: of ORIGIN's file names in Keras's cache.
    """

    title: str
    md5: dict[str, str]
    downloads: tuple[tuple[str, int, str], ...]
    subfolder: str
    classes: tuple[str, ...]
    source: str
    licence: str


CANONICAL = {
    "mnist": _Canonical(
        title="MNIST",
        md5={
            TRAIN_IMAGES: "6bbc9ace898e44ae57da46a324031adb",
            TRAIN_LABELS: "a25bea736e30d166cdddb491f175f624",
            TEST_IMAGES: "2646ac647ad5339dbf082846283269ea",
            TEST_LABELS: "27ae3e4e09519cfbb04c329615203637",
        },
        downloads=(("mnist.npz", 11490434, "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"),),
        subfolder="datasets",
        classes=tuple("0123456789"),
        source="Y. LeCun, C. Cortes, C. Burges: the MNIST database of handwritten digits",
        licence="CC BY-SA 3.0",
    ),
    "fashion-mnist": _Canonical(
        title="Fashion-MNIST",
        md5={
            TRAIN_IMAGES: "f4a8712d7a061bf5bd6d2ca38dc4d50a",
            TRAIN_LABELS: "9018921c3c673c538a1fc5bad174d6f9",
            TEST_IMAGES: "8181f5470baa50b63fa0f6fddb340f0a",
            TEST_LABELS: "15d484375f8d13e6eb1aabb0c3f46965",
        },
        downloads=(
            (TRAIN_IMAGES + ".gz", 26421880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
            (TRAIN_LABELS + ".gz", 29515, "25c81989df183df01b3e8a0aad5dffbe"),
            (TEST_IMAGES + ".gz", 4422102, "bef4ecab320f06d8554ea6380940ec79"),
            (TEST_LABELS + ".gz", 5148, "bb300cfdad3c16e7a12a480ee83cd310"),
        ),
        subfolder="datasets/fashion-mnist",
        classes=(
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        source="H. Xiao, K. Rasul, R. Vollgraf (Zalando): Fashion-MNIST, arXiv:1708.07747",
        licence="MIT",
    ),
}


def load(name: str, data_dir: Path | None, progress: Progress | None) -> Dataset:
    """ "mnist" or "fashion-mnist": 60,000 training and 10,000 test images, 28x28x1, in their canonical order.

    Args:
        data_dir: a folder of IDX files, gzipped or not, or with `NAME.npz`; where it has none, or is None, Keras's
            cache is asked, and then the network.
        progress: called with (file, bytes there, bytes in all) during a download.

    Raises:
        BadInput: a file is truncated, mislabelled or not the canonical one; or there is no file and no network.
    """
    canonical = CANONICAL[name]
    parts = _from_folder(name, data_dir) if data_dir is not None else None
    if parts is None:
        folder = _from_keras(name, data_dir, progress)
        parts = _from_folder(name, folder)
        assert parts is not None  # just downloaded
    return from_bytes(
        name,
        (parts[TRAIN_IMAGES], parts[TRAIN_LABELS]),
        (parts[TEST_IMAGES], parts[TEST_LABELS]),
        canonical.classes,
        {
            "source": canonical.source,
            "licence": canonical.licence,
            "checksums": {file: f"md5:{digest}" for file, digest in canonical.md5.items()},
        },
    )


def check_folder(name: str, folder: Path) -> None:
    """Raise BadInput where there is no such folder."""
    if not folder.is_dir():
        raise BadInput(f"{folder} is no folder: name one with {CANONICAL[name].title}'s IDX files, or with {name}.npz")


def _from_folder(name: str, folder: Path) -> dict[str, Bytes] | None:
    """The four arrays under their files' names; None where the folder has none of them."""
    check_folder(name, folder)
    found = {file: path for file in FILES if (path := _idx_path(folder, file))}
    if missing := [file for file in FILES if found and file not in found]:
        raise BadInput(f"{folder} lacks {', '.join(missing)} (.gz or not): put the missing file beside the others")
    if found:
        parts, paths = {file: idx.read_idx(found[file], holds) for file, holds in FILES.items()}, found
    elif (npz := folder / f"{name}.npz").is_file():
        parts, paths = _from_npz(npz), dict.fromkeys(FILES, npz)
    else:
        return None
    for images, labels in ((TRAIN_IMAGES, TRAIN_LABELS), (TEST_IMAGES, TEST_LABELS)):
        if len(parts[images]) != len(parts[labels]):
            raise BadInput(
                f"{paths[images]} has {len(parts[images])} images, but {paths[labels]} has {len(parts[labels])} labels"
            )
    for file, part in parts.items():
        _check(name, file, part, paths[file])
    return parts


def _idx_path(folder: Path, file: str) -> Path | None:
    # unzipped before zipped, since it is memory-mapped; some copies have a dot where the original has a hyphen
    dotted = file.replace("-idx", ".idx")
    for candidate in (file, dotted, file + ".gz", dotted + ".gz"):
        if (path := folder / candidate).is_file():
            return path
    return None


def _from_npz(path: Path) -> dict[str, Bytes]:
    with open_arrays(path) as arrays:
        named = dict(zip(FILES, ("x_train", "y_train", "x_test", "y_test"), strict=True))
        for file, name in named.items():
            if name not in arrays:
                raise BadInput(f"{path} has no array {name}: fetch it again from {ORIGIN}mnist.npz")
            shape, dtype = arrays[name].shape, arrays[name].dtype
            if dtype.hasobject:
                arrays[name].read()  # which says why it is not
            if dtype != np.uint8 or len(shape) != (3 if FILES[file] == "images" else 1) or prod(shape) > idx.MOST_BYTES:
                raise BadInput(f"{path} holds {dtype} of shape {shape} where {FILES[file]} are wanted as bytes")
        return {file: arrays[name].read() for file, name in named.items()}


def _check(name: str, file: str, part: Bytes, path: Path) -> None:
    """The MD5 of the raw IDX file, whichever way the array came."""
    digest = hashlib.md5(idx.header(part), usedforsecurity=False)
    digest.update(np.ascontiguousarray(part).data)
    found, wanted = digest.hexdigest(), CANONICAL[name].md5[file]
    if found == wanted:
        return
    for other in CANONICAL.values():
        for other_file, md5 in other.md5.items():
            if md5 == found:
                raise BadInput(f"{path} is mislabelled: it is {other.title}'s {other_file}")
    raise BadInput(
        f"{path} is not {CANONICAL[name].title}'s {file}: its MD5 is {found}, not {wanted} (ungzipped); fetch "
        "it again, or bring pictures of your own as folder:DIR"
    )


def _from_keras(name: str, data_dir: Path | None, progress: Progress | None) -> Path:
    """The folder in Keras's cache that holds the data set, downloaded by Keras where it was not there."""
    import keras

    canonical = CANONICAL[name]
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    # Keras's bars go to standard output, which may be somebody's JSON
    talks = keras.config.is_interactive_logging_enabled()
    keras.config.disable_interactive_logging()
    try:
        # Keras silently takes a folder in /tmp where this is missing
        home.mkdir(parents=True, exist_ok=True)
        for file, size, known in canonical.downloads:
            with _watch(home / canonical.subfolder / file, size, progress):
                path = keras.utils.get_file(
                    file,
                    ORIGIN + file,
                    file_hash=known,
                    cache_dir=str(home),
                    cache_subdir=canonical.subfolder,
                )
    # Keras raises plain Exception where a download fails
    except Exception as problem:
        looked = f"not in {data_dir}, " if data_dir is not None else ""
        raise BadInput(
            f"{canonical.title} is {looked}not in Keras's cache, and cannot be downloaded ({problem}). Supply it in "
            f"one of three ways: name a folder of its IDX files or {name}.npz (--data-dir, or DREAMSWEEP_MNIST); put "
            f"{', '.join(file for file, _, _ in canonical.downloads)} into {home / canonical.subfolder}; or connect "
            "to the network"
        ) from problem
    finally:
        if talks:
            keras.config.enable_interactive_logging()
    return Path(path).parent


@contextmanager
def _watch(path: Path, size: int, progress: Progress | None) -> Iterator[None]:
    """Report how large a file has grown while Keras downloads it: Keras has no hook for that."""
    if progress is None or path.exists():
        yield
        return
    done = threading.Event()

    def watch(report: Progress) -> None:
        while not done.wait(0.1):
            report(f"bytes of {path.name}", path.stat().st_size if path.exists() else 0, size)

    thread = threading.Thread(target=watch, args=(progress,), daemon=True)
    thread.start()
    try:
        yield
        progress(f"bytes of {path.name}", size, size)
    finally:
        done.set()
        thread.join()
