"""The embedded data set: scikit-learn's real handwritten digits, brought to 28x28 the way MNIST was made.

MNIST (LeCun et al. 1998, "Gradient-based learning applied to document recognition", section III.A): each digit is
scaled into a 20x20 box keeping its aspect, with anti-aliasing, and set into 28x28 so that its centre of mass is in the
middle. Here the digits come as 8x8 counts of ink, 0 to 16, from E. Alpaydin and C. Kaynak's optdigits.
"""

from __future__ import annotations

import hashlib

import numpy as np
from PIL import Image

from lib.arrays import Bytes, Doubles
from lib.data.dataset import Dataset, from_bytes

BOX, SIDE = 20, 28
# every fifth digit of a class is a test image
TEST_EVERY = 5


CLASSES = tuple("0123456789")


def load() -> Dataset:
    """1,442 training and 355 test images, 28x28x1: the same for ever, and no network or file is needed."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    labels = bunch.target.astype(np.int64)
    imgs = np.stack([as_mnist(ink / 16) for ink in bunch.images])
    rank = np.empty(len(labels), np.int64)  # of a digit within its class
    for label in range(10):
        rank[labels == label] = np.arange(np.count_nonzero(labels == label))
    test = rank % TEST_EVERY == TEST_EVERY - 1
    digest = hashlib.sha256(imgs.tobytes() + labels.astype("<i8").tobytes()).hexdigest()
    return from_bytes(
        "digits",
        (imgs[~test], labels[~test]),
        (imgs[test], labels[test]),
        CLASSES,
        {
            "source": "E. Alpaydin, C. Kaynak: optical recognition of handwritten digits (UCI), as in scikit-learn",
            "licence": "CC BY 4.0",
            "checksums": {"images and labels": f"sha256:{digest}"},
            "split": "every fifth digit of each class is a test image",
        },
    )


def as_mnist(ink: Doubles) -> Bytes:
    """One digit, `[h, w]` in [0, 1] with ink bright, as `[28, 28]` bytes: 20x20 box, centred by mass."""
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    cut = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    # ink is known at the middle of each cell: half a cell further out it has faded, and there the box ends
    scale = BOX / (max(cut.shape) + 1)
    height, width = (round((side + 1) * scale) for side in cut.shape)
    picture = Image.fromarray((255 * np.pad(cut, 1)).astype(np.float32), mode="F")
    box = (0.5, 0.5, cut.shape[1] + 1.5, cut.shape[0] + 1.5)
    scaled = np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC, box=box)).clip(0, 255)
    mass = scaled.sum()
    middle = (SIDE - 1) / 2
    top = round(middle - float((scaled.sum(axis=1) * np.arange(height)).sum() / mass))
    left = round(middle - float((scaled.sum(axis=0) * np.arange(width)).sum() / mass))
    # a lopsided digit must not leave the picture
    top, left = min(max(top, 0), SIDE - height), min(max(left, 0), SIDE - width)
    whole = np.zeros((SIDE, SIDE), np.uint8)
    whole[top : top + height, left : left + width] = np.rint(scaled).astype(np.uint8)
    return whole
