"""Arrays of images as they lie in files, brought to [N, height, width, channels]."""

from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from lib.arrays import Array
from lib.errors import BadInput
from lib.pictures.names import show_name

_CHANNELS = (1, 3, 4)


def check_pictures(path: Path, name: str, shape: tuple[int, ...], dtype: Any) -> None:
    """Raise BadInput as `as_pictures` does, for an array of this shape and type that is not read yet."""
    countable = prod(shape) * dtype.itemsize < 2**62  # else it is told that it is too large as it is read
    if countable and not dtype.hasobject and dtype.kind in "biuf" and 4 not in shape[-1:]:
        as_pictures(path, name, np.broadcast_to(np.zeros((), dtype), shape))


def as_pictures(path: Path, name: str, images: Array) -> tuple[Array, list[str]]:
    """Images [N, H, W, 1 or 3] of whatever numbers they are of, and what is to be said of how they were turned.

    Raises:
        BadInput: they are no images, or of numbers that pixels cannot be.
    """
    where = f"{show_name(name)} in {show_name(str(path))}"
    notes: list[str] = []
    if images.dtype.kind not in "biuf":
        raise BadInput(f"{where} holds {images.dtype}: pixels are bytes or floats")
    if images.ndim == 3:
        images = images[..., np.newaxis]
    elif images.ndim == 4 and images.shape[3] not in _CHANNELS and images.shape[1] in _CHANNELS:
        images = images.transpose(0, 2, 3, 1)
        notes.append(f"{show_name(name)} has its channels first: its images are turned")
    if images.ndim != 4 or images.shape[3] not in _CHANNELS or 0 in images.shape:
        raise BadInput(
            f"{where} is of the shape {images.shape}: images are [N, height, width], or [N, height, width, channels] "
            "with 1 or 3 channels"
        )
    if images.shape[3] == 4:
        images = _on_white(where, images)
        notes.append(f"{show_name(name)} is transparent in parts: it is laid on white")
    return images, notes


def _on_white(where: str, images: Array) -> Array:
    """Images of four channels, of which the last says how opaque they are, on white paper."""
    if images.dtype == np.uint8:
        white = 255.0
    elif images.dtype.kind == "f" and images.min() >= 0 and images.max() <= 1:
        white = 1.0
    else:
        raise BadInput(f"{where} has four channels, and is neither bytes nor floats in 0..1: give three channels")
    opaque = images[..., 3:].astype(np.float32) / white
    laid = images[..., :3].astype(np.float32) * opaque + white * (1 - opaque)
    return np.rint(laid).astype(np.uint8) if images.dtype == np.uint8 else laid
