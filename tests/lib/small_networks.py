"""Networks that are built at once, for tests that look at each of their numbers."""

from typing import Any

import keras
import numpy as np
from keras import layers as kl

from lib.training.reference import build
from tests.lib.numpy_reference import LAYERS


def two_convolutions(height: int, width: int, *, second: str = "relu") -> Any:
    """Layers "one" (5 maps), "two" (4 maps, with the activation `second`) and "nodes" (3), of grey images."""
    keras.utils.set_random_seed(4)
    return keras.Sequential(
        [
            kl.Input((height, width, 1)),
            kl.Conv2D(5, 3, activation="relu", name="one"),
            kl.MaxPooling2D(),
            kl.Conv2D(4, 2, activation=second, name="two"),
            kl.Flatten(),
            kl.Dense(3, activation="relu", name="nodes"),
        ]
    )


def reference_with_biases() -> Any:
    """The reference network, its weights drawn at random, with biases that matter."""
    model = build((28, 28, 1), 10, seed=5)
    random = np.random.default_rng(2)
    for name in LAYERS:
        layer = model.get_layer(name)
        kernel, bias = layer.get_weights()
        layer.set_weights([kernel, random.normal(scale=0.1, size=bias.shape)])
    return model
