"""What a position sees, against what changes it: pixels are changed one at a time."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as kl

from lib.network.receptive_field import receptive_field
from lib.network.trunk import responses_of
from lib.training.reference import build

SIDE = 15


def branches() -> Any:
    entry = keras.Input((SIDE, SIDE, 1))
    near = kl.Conv2D(1, 1, padding="same")(entry)
    far = kl.Conv2D(1, 5, padding="same")(entry)
    return keras.Model(entry, kl.Conv2D(1, 3, strides=2, padding="same", name="last")(kl.Add()([near, far])))


NETWORKS: dict[str, Callable[[], Any]] = {
    "pooled": lambda: keras.Sequential(
        [kl.Input((SIDE, SIDE, 1)), kl.Conv2D(1, 3), kl.AveragePooling2D(2), kl.Conv2D(1, 3, name="last")]
    ),
    "strided and dilated": lambda: keras.Sequential(
        [
            kl.Input((SIDE, SIDE, 1)),
            kl.Conv2D(1, 3, strides=2, padding="same"),
            kl.Conv2D(1, (2, 1), dilation_rate=2, name="last"),
        ]
    ),
    "branches": branches,
    "upsampled": lambda: keras.Sequential(
        [kl.Input((SIDE, SIDE, 1)), kl.AveragePooling2D(3), kl.UpSampling2D(2), kl.Conv2D(1, 3, name="last")]
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_position_changes_with_no_pixel_outside_and_with_those_at_the_sides(name: str) -> None:
    model = NETWORKS[name]()
    for layer in model.layers:  # positive weights: nothing cancels
        layer.set_weights([np.abs(weights) + 0.1 for weights in layer.get_weights()])
    field = receptive_field(model, "last")
    assert field is not None
    trunk = responses_of(model, ["last"])
    pixels = np.concatenate([np.zeros((1, SIDE, SIDE, 1)), np.eye(SIDE**2).reshape(-1, SIDE, SIDE, 1)])
    maps = np.asarray(trunk.maps(pixels.astype(np.float32))["last"][0])[..., 0]
    seen = (maps[1:] != maps[0]).reshape(SIDE, SIDE, *maps.shape[1:])
    slack = 0 if name != "upsampled" else 3
    for row, column in np.ndindex(maps.shape[1:]):
        for axis, at in enumerate((row, column)):
            own = np.flatnonzero(seen[:, :, row, column].any(axis=1 - axis))
            low = field["start"][axis] + field["stride"][axis] * at
            high = low + field["size"][axis]
            assert max(low, 0) <= own[0] <= max(low, 0) + slack
            assert min(high, SIDE) - slack <= own[-1] + 1 <= min(high, SIDE)


def test_of_the_reference_network_it_is_known() -> None:
    model = build((28, 28, 1), 10, seed=0)
    assert receptive_field(model, "Conv2D_1") == {"size": [3, 3], "stride": [1, 1], "start": [0, 0]}
    assert receptive_field(model, "Conv2D_2") == {"size": [8, 8], "stride": [2, 2], "start": [0, 0]}
    assert receptive_field(model, "Conv2D_3") == {"size": [18, 18], "stride": [4, 4], "start": [0, 0]}


def test_dense_layers_and_those_behind_global_pooling_see_all_of_an_image() -> None:
    assert receptive_field(build((28, 28, 1), 10, seed=0), "dense_1") is None
    entry = keras.Input((None, None, 2))
    maps = kl.Conv2D(2, 3, name="first")(entry)
    squeezed = kl.GlobalAveragePooling2D(keepdims=True)(maps)
    model = keras.Model(entry, kl.Conv2D(2, 1, name="last")(kl.Multiply()([maps, squeezed])))
    assert receptive_field(model, "last", (20, 20)) is None
    assert receptive_field(model, "first", (20, 30)) == {"size": [3, 3], "stride": [1, 1], "start": [0, 0]}
    assert receptive_field(model, "first") is None  # where images are of no known size
