"""Photographs to hold pictures against: those that installed packages bring along, and those of folders."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lib.arrays import Array, Floats

PACKAGED = {
    "sklearn": ("datasets/images", ("china.jpg", "flower.jpg")),
    "matplotlib": ("mpl-data/sample_data", ("grace_hopper.jpg",)),
    "skimage": (
        "data",
        (
            *("astronaut.png", "brick.png", "camera.png", "chelsea.png", "coffee.png", "coins.png", "grass.png"),
            *("gravel.png", "hubble_deep_field.jpg", "ihc.png", "motorcycle_left.png", "retina.jpg", "rocket.jpg"),
        ),
    ),
}
"""By package, the folder and the names of its photographs: what else lies there is drawn."""
CROPS = 3
"""Squares of half a photograph's shorter side, beside the one in its middle."""


def find_photographs(places: list[str]) -> tuple[list[Path], list[str]]:
    """The files, and in words where each lot of them is from.

    Args:
        places: folders or files; `packaged` stands for those of `PACKAGED` that are installed.
    """
    from lib.pictures.listing import listing

    files: list[Path] = []
    words: list[str] = []
    for place in places:
        if place != "packaged":
            listed = [found.path for found in listing([place]).pictures]
            files += listed
            words.append(f"{len(listed)} of {Path(place).name}")
            continue
        for package, (folder, names) in PACKAGED.items():
            found = find_spec(package)
            home = Path(found.submodule_search_locations[0], folder) if found else None  # type: ignore[index]
            there = [home / name for name in names if (home / name).is_file()] if home else []
            files += there
            words.append(f"{len(there)} of {package}" if found else f"none of {package}, which is not installed")
    return files, words


def read_photographs(files: list[Path], shape: tuple[int, int, int], *, seed: int) -> Floats:
    """Of each file the middle, and `CROPS` smaller squares drawn by seed: float32 [N, *shape] within 0..1."""
    from lib.pictures.files import decode_first
    from lib.pictures.network_input import as_input
    from lib.pictures.opening import read_picture_file

    rng = np.random.default_rng(seed)
    shown = []
    for file in files:
        picture = decode_first(read_picture_file(file)).frames[0]
        shown.append(as_input(picture, shape))
        shown += [as_input(_square(picture, rng), shape) for _ in range(CROPS)]
    return np.stack(shown)


def _square(picture: Array, rng: np.random.Generator) -> Array:
    side = max(1, min(picture.shape[:2]) // 2)
    top, left = (rng.integers(0, whole - side + 1) for whole in picture.shape[:2])
    return picture[top : top + side, left : left + side]
