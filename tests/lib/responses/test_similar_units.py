"""Likeness of units: by plain loops over Keras's kernels."""

from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from keras import layers as kl

from lib.responses.similar_units import NEAREST, nearest, nearest_by_weights


def cosine(first: Any, second: Any) -> float:
    first, second = (np.ravel(kernel).astype(np.float64) for kernel in (first, second))
    return float(first @ second / np.sqrt((first @ first) * (second @ second)))


@pytest.fixture(scope="module")
def model() -> Any:
    keras.utils.set_random_seed(2)
    return keras.Sequential(
        [
            kl.Input((12, 12, 3)),
            kl.Conv2D(12, 3, activation="relu", name="plain"),
            kl.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise"),
            kl.SeparableConv2D(10, 3, depth_multiplier=2, activation="relu", name="separable"),
            kl.Conv2DTranspose(12, 2, activation="relu", name="transposed"),
            kl.Conv2D(12, 3, groups=3, activation="relu", name="grouped"),
            kl.Flatten(),
            kl.Dense(3, name="nodes"),
        ]
    )


def kernels(layer: Any) -> list[Any]:
    """What each unit multiplies its input with."""
    weights = layer.get_weights()
    kernel = weights[0]
    match layer.name:
        case "depthwise":
            return [kernel[:, :, at // 2, at % 2] for at in range(24)]
        case "separable":
            return [
                sum(
                    np.eye(24)[c][None, None] * kernel[:, :, c, m, None] * weights[1][0, 0, 2 * c + m, unit]
                    for c in range(24)
                    for m in range(2)
                )
                for unit in range(10)
            ]
        case "transposed":
            return [kernel[:, :, unit] for unit in range(12)]
    return [kernel[..., unit] for unit in range(kernel.shape[-1])]


@pytest.mark.parametrize("name", ["plain", "depthwise", "separable", "transposed", "grouped", "nodes"])
def test_units_are_alike_whose_weights_point_the_same_way(model: Any, name: str) -> None:
    each = kernels(model.get_layer(name))
    found = nearest_by_weights(model, name)
    assert found.units.shape == found.likeness.shape == (len(each), NEAREST)
    for unit, kernel in enumerate(each):
        others = sorted(
            ((cosine(kernel, other), at) for at, other in enumerate(each) if at != unit), key=lambda pair: -pair[0]
        )[:NEAREST]
        expected = [at for _, at in others] + [-1] * (NEAREST - len(others))
        np.testing.assert_array_equal(found.units[unit], expected)
        values = [value for value, _ in others] + [0.0] * (NEAREST - len(others))
        np.testing.assert_allclose(found.likeness[unit], values, atol=1e-6)


def test_a_unit_without_weights_is_like_none_and_none_is_like_it(model: Any) -> None:
    layer = keras.Sequential([kl.Input((5, 5, 1)), kl.Conv2D(4, 3, name="conv")]).get_layer("conv")
    kernel, bias = layer.get_weights()
    kernel[..., 2] = 0
    layer.set_weights([kernel, bias])
    found = nearest_by_weights(keras.Sequential([kl.Input((5, 5, 1)), layer]), "conv")
    assert (found.units[2] == -1).all()
    assert 2 not in found.units
    assert not np.isnan(found.likeness).any()


@given(arrays(np.float64, st.integers(1, 14).map(lambda n: (n, n)), elements=st.sampled_from([np.nan, -1, 0, 0.5, 1])))
def test_the_likest_come_first_and_of_equals_the_lower_index(likeness: Any) -> None:
    found = nearest(likeness)
    for unit, row in enumerate(likeness):
        others = [at for at in range(len(row)) if at != unit and not np.isnan(row[at])]
        others = sorted(others, key=lambda at: (-row[at], at))[:NEAREST]
        assert found.units[unit].tolist() == others + [-1] * (NEAREST - len(others))
        np.testing.assert_array_equal(found.likeness[unit, : len(others)], row[others])
