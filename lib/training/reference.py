"""The reference network: the blog series' CNN for MNIST."""

from __future__ import annotations

from typing import Any

import numpy as np

from lib.errors import BadInput

# The three convolutions and two poolings shrink a side to one pixel less than nothing below this.
LEAST_SIDE = 18
UNITS = {"Conv2D_1": 32, "Conv2D_2": 64, "Conv2D_3": 128, "dense_1": 100}
"""The layers that have units, and how many; the last layer, `dense_2`, has one a class."""


def units_of(classes: int) -> dict[str, int]:
    """How many units each layer has."""
    return UNITS | {"dense_2": classes}


def build(input_shape: tuple[int, int, int], classes: int, *, l2: float = 0.0, seed: int = 0) -> Any:
    """The blog's CNN, untrained, as a `keras.Sequential` with the blog's layer names.

    208,982 parameters and 224 maps for `(28, 28, 1)` and 10 classes. The starting weights come from `seed` alone,
    whatever else in the process draws random numbers.

    Args:
        input_shape: `(height, width, channels)` of an image, each side at least 18 pixels.
        classes: nodes of the last, softmax layer.
        l2: factor of the L2 penalty on every kernel; 0 for none.
        seed: of the starting weights.

    Raises:
        BadInput: the images are too small for three convolutions, or there is only one class.
    """
    import keras

    if min(input_shape[:2]) < LEAST_SIDE:
        raise BadInput(
            f"images of {input_shape[0]}x{input_shape[1]} are too small for the reference network: "
            f"each side needs {LEAST_SIDE} pixels"
        )
    if classes < 2:
        raise BadInput(f"a network that classifies needs 2 classes or more, not {classes}")
    layers = keras.layers
    seeds = iter(np.random.SeedSequence(seed).generate_state(5))

    def weights() -> dict[str, Any]:
        return {
            # an initialiser of its own seed draws statelessly: no global random state is read
            "kernel_initializer": keras.initializers.GlorotUniform(seed=int(next(seeds)) & 0x7FFFFFFF),
            "kernel_regularizer": keras.regularizers.L2(l2) if l2 else None,
        }

    def convolution(name: str) -> Any:
        return layers.Conv2D(UNITS[name], 3, activation="relu", name=name, **weights())

    return keras.Sequential(
        [
            keras.Input(input_shape, name="image"),
            convolution("Conv2D_1"),
            layers.MaxPooling2D(2, name="Max_Pool_1"),
            convolution("Conv2D_2"),
            layers.MaxPooling2D(2, name="Max_Pool_2"),
            convolution("Conv2D_3"),
            layers.Flatten(name="flatten"),
            layers.Dense(UNITS["dense_1"], activation="relu", name="dense_1", **weights()),
            layers.Dense(classes, activation="softmax", name="dense_2", **weights()),
        ],
        name="reference",
    )
