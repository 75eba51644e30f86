"""Pictures with labels, split once and for ever into training and test sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lib.arrays import Array, Floats, Images, Integers
from lib.data.room import Room, cut, gather
from lib.errors import BadInput

UNLABELLED = -1
"""The label of a picture of no class."""


@dataclass(frozen=True)
class Dataset:
    """A data set under the blog's names. Image number n is the same picture for ever.

    Attributes:
        name: what `lib.data.datasets.load` was asked for.
        train_imgs, test_imgs: `[N, H, W, C]` float32 in [0, 1], as the network wants them.
        train_labels, test_labels: `[N]` int64, an index into `classes`; `UNLABELLED` where there are no classes.
        classes: the name of each class; none of pictures that are not sorted into classes.
        attributes: plain JSON values: source, checksums, licence, normalisation, pixel range. They are part of the
            data set's identity.
        notes: what whoever brought the pictures should know of how they were read, a sentence each.
        files: which file each picture is, and which were left out, as plain JSON values; None of what was no files.
    """

    name: str
    train_imgs: Floats
    train_labels: Integers
    test_imgs: Floats
    test_labels: Integers
    classes: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    files: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        for part, imgs, labels in (
            ("training", self.train_imgs, self.train_labels),
            ("test", self.test_imgs, self.test_labels),
        ):
            if imgs.ndim != 4 or imgs.dtype != np.float32 or labels.dtype != np.int64:
                raise BadInput(
                    f"{self.name}: the {part} images are {imgs.dtype} of shape {imgs.shape}, labels {labels.dtype}; "
                    "wanted are float32 [N, H, W, C] and int64"
                )
            if len(imgs) != len(labels):
                raise BadInput(f"{self.name}: {len(imgs)} {part} images but {len(labels)} labels")
            if len(imgs) == 0:
                raise BadInput(f"{self.name}: there are no {part} images")
            if not self.classes:
                if (labels != UNLABELLED).any():
                    raise BadInput(f"{self.name}: there are {part} labels, and no classes")
                continue
            wrong = np.flatnonzero((labels < 0) | (labels >= len(self.classes)))
            if wrong.size:
                raise BadInput(
                    f"{self.name}: {part} label {wrong[0]} is {labels[wrong[0]]}, outside 0..{len(self.classes) - 1}"
                )
        if self.train_imgs.shape[1:] != self.test_imgs.shape[1:]:
            raise BadInput(
                f"{self.name}: training images are {self.train_imgs.shape[1:]}, test images {self.test_imgs.shape[1:]}"
            )

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """`(height, width, channels)` of an image."""
        _, height, width, channels = self.train_imgs.shape
        return height, width, channels


def one_hot(labels: Integers, classes: int) -> Floats:
    """`[N]` labels as `[N, classes]` rows that are 1 at the label and 0 elsewhere; empty rows where there are none."""
    rows = np.zeros((len(labels), classes), np.float32)
    if classes:  # not by an identity: of 100,000 classes that takes 40 GB
        rows[np.arange(len(labels)), labels] = 1
    return rows


def from_bytes(
    name: str,
    train: tuple[Images, Array],
    test: tuple[Images, Array],
    classes: tuple[str, ...],
    attributes: Mapping[str, Any],
    notes: tuple[str, ...] = (),
    files: Mapping[str, Any] | None = None,
    room: Room | None = None,
) -> Dataset:
    """A data set from pictures of one byte a pixel, `[N, H, W]` or `[N, H, W, C]`, and their labels.

    Bytes are divided by 255, as in the blog, so that pixels lie in [0, 1]. `room`: for images that are too many for
    memory.
    """

    def floats(imgs: Images) -> Floats:
        shape = imgs.shape if len(imgs.shape) == 4 else (*imgs.shape, 1)
        # 255 * float32(1 / 255) rounds to exactly 1, so that the range is closed
        scaled = (np.multiply(imgs[some], np.float32(1 / 255), dtype=np.float32) for some in cut(shape, 4))
        return gather((piece.reshape(-1, *shape[1:]) for piece in scaled), shape, np.float32, room)

    return Dataset(
        name,
        floats(train[0]),
        train[1].astype(np.int64),
        floats(test[0]),
        test[1].astype(np.int64),
        classes,
        {**attributes, "normalisation": "bytes / 255", "pixel_range": [0.0, 1.0]},
        notes,
        files,
    )
