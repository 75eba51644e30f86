"""Where units respond most, against the network's own maps, one image at a time."""

from typing import Any

import numpy as np
import pytest

from lib.network.trunk import responses_of
from lib.oips.constraint import Constraint
from lib.responses.peaks import find_peaks
from tests.lib.small_networks import two_convolutions

LAYERS = ("one", "two")


@pytest.fixture(scope="module")
def model() -> Any:
    model = two_convolutions(9, 7, second="gelu")
    one = model.get_layer("one")
    kernel, bias = one.get_weights()
    bias[2] = -100  # responds to nothing
    kernel[..., 3] = 0  # everywhere the same
    bias[3] = 1
    one.set_weights([kernel, bias])
    return model


def test_peaks_are_where_the_maps_are_greatest(model: Any) -> None:
    random = np.random.default_rng(1)
    pictures = random.random((30, 9, 7, 1)).astype(np.float32)
    numbers = {name: np.stack([random.permutation(30)[:6] for _ in range(units)]) for name, units in
               (("one", 5), ("two", 4), ("nodes", 3))}  # fmt: skip
    constraint = Constraint("standardised", 0.0, 1.0)
    found = find_peaks(model, numbers, pictures, constraint, batch=7)
    assert set(found) == set(LAYERS)
    trunk = responses_of(model, LAYERS)
    for layer in LAYERS:
        assert found[layer].dtype == np.int64
        for unit, images in enumerate(numbers[layer]):
            for at, number in enumerate(images):
                after, before = (
                    np.asarray(maps)[0, ..., unit] for maps in trunk.maps(constraint.image(pictures[[number]]))[layer]
                )
                maps = after if after.max() > 0 else before
                row, column = found[layer][unit, at]
                assert maps[row, column] >= maps.max() - 1e-5
    assert not found["one"][3].any()  # of equals the first


def test_layers_without_positions_alone_have_no_peaks(model: Any) -> None:
    pictures = np.ones((3, 9, 7, 1), np.float32)
    assert find_peaks(model, {"nodes": np.zeros((3, 1), np.int64)}, pictures, Constraint("box", 0.0, 1.0)) == {}
