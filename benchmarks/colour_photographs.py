"""A small network of colours that has seen photographs, and the pictures that it was trained on.

They are pieces of the three photographs that scikit-learn and Matplotlib bring along: a Chinese temple, a flower, and a
portrait of Grace Hopper. A piece's class is from which sixth of which photograph it was cut, so a network has to know
walls, petals, leaves, cloth and faces apart by what they look like. It is small, and knows no other photographs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lib.arrays import Array

SIDE = 64
_ROWS, _COLUMNS = 2, 3
_TRAIN, _TEST = 160, 24  # pieces of each class


def write_pieces(file: Path, seed: int = 0) -> None:
    """The data set as an `.npz` file of arrays."""
    random = np.random.default_rng(seed)
    classes = [block for photograph in _photographs() for block in _blocks(photograph)]
    arrays: dict[str, Array] = {}
    for name, count in (("train", _TRAIN), ("test", _TEST)):
        labels = np.repeat(np.arange(len(classes)), count)
        order = random.permutation(len(labels))
        pieces = np.stack([_piece(classes[label], random) for label in labels])
        arrays |= {f"x_{name}": pieces[order], f"y_{name}": labels[order]}
    np.savez(file, **arrays)


def network(classes: int, seed: int) -> Any:
    """Four convolutions and a head, untrained."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(seed)
    steps: list[Any] = [keras.Input((SIDE, SIDE, 3))]
    for number, maps in enumerate((16, 32, 48, 64), start=1):
        steps += [layers.Conv2D(maps, 3, activation="relu", padding="same", name=f"conv_{number}")]
        steps += [layers.MaxPooling2D(name=f"pool_{number}")]
    head = [layers.GlobalAveragePooling2D(name="means"), layers.Dense(classes, activation="softmax", name="classes")]
    model = keras.Sequential([*steps, *head], name="photographs")
    model.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def _photographs() -> list[Array]:
    import matplotlib.cbook
    from PIL import Image
    from sklearn.datasets import load_sample_images

    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file, Image.open(file) as portrait:
        return [*load_sample_images().images, np.asarray(portrait.convert("RGB"))]


def _blocks(photograph: Array) -> list[Array]:
    height, width = photograph.shape[0] // _ROWS, photograph.shape[1] // _COLUMNS
    return [
        photograph[row * height : (row + 1) * height, column * width : (column + 1) * width]
        for row in range(_ROWS)
        for column in range(_COLUMNS)
    ]


def _piece(block: Array, random: np.random.Generator) -> Array:
    """Cut out anywhere, some of them mirrored."""
    top, left = (random.integers(0, side - SIDE + 1) for side in block.shape[:2])
    piece = block[top : top + SIDE, left : left + SIDE]
    return np.asarray(piece[:, ::-1] if random.integers(2) else piece)
