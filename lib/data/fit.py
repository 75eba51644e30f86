"""Fitting pictures to the images that a network takes."""

from dataclasses import replace
from math import prod

import numpy as np
from PIL import Image, ImageOps

from lib.arrays import Floats
from lib.data.dataset import Dataset
from lib.data.wanted_images import Fit, WantedImages
from lib.errors import BadInput
from lib.pictures.colours import luminance

MOST_BYTES = 8 * 2**30
"""What is held as float32 in memory."""


def fit_image(image: Image.Image, size: tuple[int, int], fit: Fit) -> Image.Image:
    """A picture at this (width, height), resized bicubically; of any mode that has no palette."""
    if image.size == size:
        return image
    match fit:
        case "crop":
            return ImageOps.fit(image, size, Image.Resampling.BICUBIC)
        case "pad":
            return ImageOps.pad(image, size, Image.Resampling.BICUBIC, color=0)
        case "stretch":
            return image.resize(size, Image.Resampling.BICUBIC)


def fit_dataset(data: Dataset, wanted: WantedImages) -> Dataset:
    """A data set of arrays with the images that are wanted; the same where it has them. Raises BadInput.

    A cubic overshoots at edges: what leaves 0..1 by that is clipped.
    """
    shape = wanted.shape(data.input_shape)
    if shape == data.input_shape:
        return data
    check_memory(data.name, len(data.train_imgs) + len(data.test_imgs), shape)
    return replace(
        data,
        train_imgs=_fitted(data.train_imgs, shape, wanted.fit),
        test_imgs=_fitted(data.test_imgs, shape, wanted.fit),
        attributes={**data.attributes, "fitted": say_fit(wanted.fit, shape)},
        notes=(*data.notes, f"its images of {_by(data.input_shape)} are fitted to the network: {_by(shape)}"),
    )


def say_fit(fit: Fit, shape: tuple[int, int, int]) -> str:
    """What an attribute says of pictures that were fitted, as "crop to 224x224x3"."""
    return f"{fit} to {_by(shape)}"


def fits_memory(count: int, shape: tuple[int, int, int]) -> bool:
    """Whether so many images may be held in memory."""
    return 4 * count * prod(shape) <= MOST_BYTES


def check_memory(name: str, count: int, shape: tuple[int, int, int]) -> None:
    """Raise BadInput where so many images are too large together."""
    height, width, channels = shape
    if not fits_memory(count, shape):
        raise BadInput(
            f"{name}: {count} pictures of {width}x{height} with {channels} channels do not fit into "
            f"{MOST_BYTES >> 30} GiB: take fewer of them"
        )


def _by(shape: tuple[int, int, int]) -> str:
    return "x".join(map(str, shape))


def _fitted(images: Floats, shape: tuple[int, int, int], fit: Fit) -> Floats:
    height, width, channels = shape
    fitted = np.empty((len(images), *shape), np.float32)
    for number, image in enumerate(images):
        planes = luminance(image) if channels == 1 else image
        for channel in range(planes.shape[2]):
            plane = Image.fromarray(np.ascontiguousarray(planes[..., channel], np.float32))
            fitted[number, ..., channel] = np.asarray(fit_image(plane, (width, height), fit))
        fitted[number, ..., planes.shape[2] :] = fitted[number, ..., :1]
    return np.clip(fitted, 0, 1, out=fitted)
