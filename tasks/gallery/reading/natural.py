"""The images of a data set as pages show them: exemplars, as they were seen by the network."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath

import numpy as np
from PIL import Image
from pydantic import JsonValue
from typing_extensions import TypedDict

from lib.arrays import Floats, Integers
from lib.draw.paper import png_bytes
from lib.draw.tones import scale_to_uint8
from storage.errors import StoreError
from storage.record import Record
from storage.store import Store
from tasks.model.pixels import PICTURES
from tasks.session.attributes import read_as

_FOLDER = "folder:"
_LONGEST = 192
"""Pixels of the longer side of an exemplar, at most."""


def data_title(name: str) -> str:
    """What pages call a data set: of a folder or file its last part alone, for a gallery is given away, and a way to a
    folder says whose it is.

    >>> data_title("folder:/home/me/pictures/cats/"), data_title("/home/me/cats.npz"), data_title("mnist")
    ('folder:cats', 'cats.npz', 'mnist')
    """
    if not name.startswith(_FOLDER):
        return PurePath(name).name
    return _FOLDER + PurePath(name.removeprefix(_FOLDER)).name


class _Classes(TypedDict):
    classes: list[str]


class _PixelRange(TypedDict, total=False):
    pixel_range: tuple[float, float]


class _About(TypedDict):
    attributes: dict[str, JsonValue]


@dataclass(frozen=True)
class DataSet:
    """A data set of the store, whose images and labels are read when they are first shown."""

    store: Store
    record: Record

    @property
    def name(self) -> str:
        """As "mnist"."""
        return data_title(str(self.record.parameters["data"]))

    @cached_property
    def classes(self) -> list[str]:
        """The classes' names."""
        return read_as(_Classes, self.record.parameters)["classes"]

    @property
    def about(self) -> dict[str, JsonValue]:
        """Source, licence and the like."""
        return read_as(_About, self.record.parameters)["attributes"]

    @property
    def banner(self) -> str | None:
        """What must be said of a data set that stands in for another."""
        if self.name != "digits":
            return None
        return (
            "This network was trained on digits, a small set that is embedded in dreamsweep as a stand-in for MNIST: "
            "what is shown here is real, and says nothing about MNIST itself."
        )

    @property
    def sizes(self) -> tuple[int, int]:
        """How many images there are to train with, and to test with."""
        shapes = [self.record.output(role).shape or (0,) for role in ("train_imgs", "test_imgs")]
        return shapes[0][0], shapes[1][0]

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(height, width, channels) of an image."""
        return (self.record.output("train_imgs").shape or ())[1:]

    @property
    def whole(self) -> bool:
        """Whether its labels can be read, where it has classes."""
        return not self.classes or self._labels is not None

    def label(self, number: int) -> str | None:
        """The class of a training image; None where there are no classes, or the labels cannot be read."""
        if self._labels is None or not self.classes:
            return None
        return self.classes[int(self._labels[number])]

    def picture(self, number: int) -> bytes:
        """A training image as PNG, its longer side at most 192 pixels. Raises StoreError."""
        low, high = read_as(_PixelRange, self.about).get("pixel_range", PICTURES)
        pixels = scale_to_uint8(np.asarray(self._images[number], np.float32), low, high)
        picture = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] < 3 else np.ascontiguousarray(pixels[:, :, :3]))
        if (longest := max(self.image_shape[:2])) > _LONGEST:
            sides = (max(1, round(side * _LONGEST / longest)) for side in (self.image_shape[1], self.image_shape[0]))
            width, height = sides
            picture = picture.resize((width, height), Image.Resampling.BOX)
        return png_bytes(picture)

    @cached_property
    def _images(self) -> Floats:
        # a view, because indexing a memory map costs more
        return np.asarray(self.store.array(self.record.output("train_imgs").digest))

    @cached_property
    def _labels(self) -> Integers | None:
        try:
            return np.asarray(self.store.array(self.record.output("train_labels").digest))
        except StoreError:
            return None
