"""Where things are, unless the user says otherwise: the data folder of this checkout, and the store in it.

`DREAMSWEEP_HOME` names another data folder, for all that is kept: a second installation, or a disk with more room. It
is read once, when the process starts.
"""

import hashlib
import os
from pathlib import Path

from storage.files import without_password

DATA_FOLDER = Path(os.environ.get("DREAMSWEEP_HOME") or Path(__file__).parents[2] / "data").expanduser().resolve()
"""Ignored by git: the store, Prefect's database, exported pictures."""


def store_place(given: str | None = None) -> str:
    """The store's path or URL: the one given, else `DREAMSWEEP_STORE`, else the data folder's."""
    return given or os.environ.get("DREAMSWEEP_STORE") or str(DATA_FOLDER / "store")


def data_place(given: Path | None = None) -> Path | None:
    """Where IDX files are: the folder given, else `DREAMSWEEP_MNIST`, else nowhere."""
    named = os.environ.get("DREAMSWEEP_MNIST")
    return given or (Path(named) if named else None)


ORIGINALS = DATA_FOLDER / "originals"
"""Pictures that are dreamed of every night, where there is such a folder."""
DREAMS = DATA_FOLDER / "dreams"
"""Where dreams go, in the folders and under the names of their originals."""


def is_same_place(one: str, other: str) -> bool:
    """Whether two folders or URLs are one, however each is written."""
    return _known_as(one) == _known_as(other)


GALLERY = "gallery"
"""The folder of the usual gallery within the data folder, and where the picture server has it."""


def gallery_of(place: str) -> Path | None:
    """The folder of the gallery that runs in this store keep up to date: those in the usual store do."""
    return gallery_folder(store_place()) if is_same_place(place, store_place()) else None


def gallery_folder(place: str) -> Path:
    """The folder of the gallery of a store, where it is the usual one: each has its own."""
    if _resolved(place) == str(DATA_FOLDER / "store"):
        return DATA_FOLDER / GALLERY
    return DATA_FOLDER / "galleries" / hashlib.sha256(_resolved(place).encode()).hexdigest()[:12]


def _known_as(place: str) -> str:
    return without_password(_resolved(place.removeprefix("file://"))).rstrip("/")


def _resolved(place: str) -> str:
    try:
        return place if "://" in place else str(Path(place).expanduser().resolve())
    except (OSError, ValueError, RuntimeError):
        return place  # it is no path, as whoever opens the store will say
