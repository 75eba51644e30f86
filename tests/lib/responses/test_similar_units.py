"""Likeness of units: by plain loops over Keras's kernels."""

import tracemalloc
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from keras import layers as kl

from lib.responses import similar_units
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


def test_many_units_are_compared_a_few_rows_at_a_time_and_come_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    keras.utils.set_random_seed(3)
    network = keras.Sequential([kl.Input((2, 2, 16)), kl.Conv2D(700, 1, name="many")])
    layer = network.get_layer("many")
    layer.kernel.assign(np.where(np.arange(700) % 97 == 5, 0, layer.kernel))  # some have no weights
    whole = nearest_by_weights(network, "many")
    seen: list[tuple[int, ...]] = []
    argsort = np.argsort
    monkeypatch.setattr(
        np, "argsort", lambda array, *rest, **more: seen.append(array.shape) or argsort(array, *rest, **more)
    )
    monkeypatch.setattr(similar_units, "WHOLE", 100)
    parts = nearest_by_weights(network, "many")
    assert max(rows for rows, _ in seen) == similar_units.ROWS
    np.testing.assert_array_equal(parts.units, whole.units)
    np.testing.assert_allclose(parts.likeness, whole.likeness, atol=1e-6)
    assert (parts.units[5] == -1).all()


def test_memory_for_likeness_does_not_grow_with_the_square_of_the_units() -> None:
    network = keras.Sequential([kl.Input((2, 2, 4)), kl.Conv2D(5000, 1, name="many")])
    tracemalloc.start()
    try:
        nearest_by_weights(network, "many")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 60e6  # all with all at once: 100 MB for their likeness alone, and 500 MB for its order
