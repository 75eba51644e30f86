"""How many images are computed where few are wanted; what is measured of them."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from lib.network.pixels import Pixels
from lib.oips.measure import Measure, measure_batches, padded_size
from tests.lib.small_networks import two_convolutions


def test_batches_are_padded_to_the_next_multiple_of_eight_from_sixteen_on() -> None:
    assert [padded_size(images, 64) for images in (1, 8, 9, 16, 33, 64)] == [16, 16, 16, 16, 40, 64]
    assert [padded_size(images, 20) for images in (1, 15, 17, 20)] == [16, 16, 20, 20]
    assert padded_size(1, 3) == 3


def test_on_a_gpu_they_are_always_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: ["one"] if kind == "GPU" else [])
    assert [padded_size(images, 64) for images in (1, 64)] == [64, 64]


def test_any_number_of_images_is_measured_in_batches_of_few_sizes() -> None:
    sizes: list[int] = []

    def measure(images: np.ndarray, units: np.ndarray) -> Any:
        assert len(images) == len(units)
        sizes.append(len(images))
        return images[:, 0, 0, 0], units

    images = np.arange(69, dtype=np.float32).reshape(69, 1, 1, 1)
    responses, pre_activations = measure_batches(measure, 32, images, np.arange(69) + 100)
    np.testing.assert_array_equal(responses, np.arange(69))
    np.testing.assert_array_equal(pre_activations, np.arange(69) + 100)
    assert sizes == [32, 32, 16]


def test_a_stored_picture_has_the_same_response_whatever_is_measured_beside_it() -> None:
    measure = Measure(two_convolutions(9, 11), "two", Pixels.parse("0..255"), batch=32)
    pictures = np.random.default_rng(0).random((32, 9, 11, 1)).astype(np.float32)
    units = np.arange(32) % 4
    responses, pre_activations = measure(pictures, units)
    for at in range(0, 32, 5):
        found = measure(pictures[[at]], units[[at]])
        assert (found[0][0], found[1][0]) == (responses[at], pre_activations[at])
