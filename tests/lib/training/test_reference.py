"""The blog's network."""

import numpy as np
import pytest

from lib.errors import BadInput
from lib.training import reference


def test_it_is_the_blogs_network():
    model = reference.build((28, 28, 1), 10)
    assert model.count_params() == 208_982
    assert [(layer.name, layer.output.shape[1:]) for layer in model.layers[:5]] == [
        ("Conv2D_1", (26, 26, 32)),
        ("Max_Pool_1", (13, 13, 32)),
        ("Conv2D_2", (11, 11, 64)),
        ("Max_Pool_2", (5, 5, 64)),
        ("Conv2D_3", (3, 3, 128)),
    ]


def test_any_size_channels_and_number_of_classes():
    model = reference.build((reference.LEAST_SIDE, 40, 3), 4)
    assert model(np.zeros((2, reference.LEAST_SIDE, 40, 3))).shape == (2, 4)


def test_images_too_small_are_refused():
    with pytest.raises(BadInput, match=r"17x40 are too small.*18"):
        reference.build((17, 40, 3), 4)


def test_one_class_is_refused():
    with pytest.raises(BadInput, match="2 classes"):
        reference.build((28, 28, 1), 1)


def test_starting_weights_come_from_the_seed_alone():
    import keras

    keras.utils.set_random_seed(1)
    first = reference.build((28, 28, 1), 10, seed=3)
    keras.utils.set_random_seed(2)
    again, other = reference.build((28, 28, 1), 10, seed=3), reference.build((28, 28, 1), 10, seed=4)
    for one, same, different in zip(first.weights, again.weights, other.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), same.numpy())
        assert "bias" in one.path or not np.array_equal(one.numpy(), different.numpy())


def test_layers_of_one_shape_do_not_start_alike():
    weights = [w.numpy().ravel()[:32] for w in reference.build((28, 28, 1), 10).weights if "kernel" in w.path]
    scaled = [w / np.abs(w).max() for w in weights]
    assert not any(np.allclose(a, b) for n, a in enumerate(scaled) for b in scaled[:n])
