"""Activations as colours."""

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lib.draw.activation_tones import as_maps, colours_of, scale_of, standardise_maps, tiles
from lib.draw.tones import NOT_A_NUMBER
from lib.errors import BadInput


@given(arrays(np.float32, (4, 3, 5), elements=st.floats(-50, 50, width=32)))
def test_each_map_is_standardised_by_itself(values) -> None:
    maps = as_maps(values)
    found = standardise_maps(maps)
    for unit in range(5):
        own, shown = maps[..., unit], found[..., unit]
        if own.std() <= 1e-6 * np.abs(maps[..., unit]).max():
            assert not shown.any()
        else:
            np.testing.assert_allclose(shown, (own - own.mean()) / own.std(), atol=1e-9)


def test_nodes_are_standardised_together() -> None:
    found = standardise_maps(as_maps(np.array([1.0, 2.0, 3.0, 6.0])))
    assert found.mean() == pytest.approx(0)
    assert found.std() == pytest.approx(1)


def test_a_constant_map_with_crumbs_stays_flat() -> None:
    crumbs = np.full((3, 3, 1), 0.1, np.float32)
    crumbs[1, 1] = np.nextafter(crumbs[1, 1], 1)
    assert not standardise_maps(as_maps(crumbs)).any()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([[0.0, 3.0], [1.0, 5.0]], (0, 5)),
        ([[2.0, 3.0], [1.0, 5.0]], (0, 5)),
        ([[-2.0, 3.0]], (-2, 3)),
        ([[-2.0, -1.0]], (-2, 0)),
        ([[0.0, 0.0]], (0, 1)),
        ([[np.nan, np.inf], [1.0, 4.0]], (0, 4)),
        ([[np.nan, np.nan]], (0, 1)),
    ],
)
def test_one_scale_for_all_images_has_zero_in_it(values, expected) -> None:
    scale = scale_of([as_maps(np.array(part)) for part in values], None)
    assert (scale.low, scale.high) == expected


def test_clipping_says_the_ends_of_the_scale() -> None:
    maps = as_maps(np.array([-5.0, -1.0, 0.0, 1.0, 5.0]))
    scale = scale_of([maps], (-1, 1))
    table = colours_of("gray")
    shown = tiles(maps, scale, table, factor=1, block=1)[:, 0, 0, 0]
    assert shown.tolist() == [0, 0, 128, 255, 255]
    with pytest.raises(BadInput, match="lower and a higher"):
        scale_of([maps], (1, 1))


def test_tiles_are_top_down_and_enlarged_without_blur() -> None:
    maps = np.zeros((2, 3, 4))
    maps[0, 2, 1] = 1.0
    shown = tiles(maps, scale_of([maps], None), colours_of("gray"), factor=5, block=1)
    assert shown.shape == (4, 10, 15, 3)
    expected = np.zeros((10, 15))
    expected[:5, 10:] = 255
    np.testing.assert_array_equal(shown[1, :, :, 0], expected)
    assert not shown[[0, 2, 3]].any()


def test_what_is_no_number_is_magenta() -> None:
    maps = as_maps(np.array([1.0, np.nan, np.inf]))
    shown = tiles(maps, scale_of([maps], None), colours_of("viridis"), factor=1, block=1)
    assert [tuple(colour) == NOT_A_NUMBER for colour in shown[:, 0, 0].tolist()] == [False, True, True]


def test_any_colours_of_matplotlib_are_taken() -> None:
    for name in ("viridis", "jet", "magma", "RdBu_r", "tab20"):
        table = colours_of(name)
        assert table.shape == (256, 3)
        assert table.dtype == np.uint8
        assert tuple(table[0]) == tuple(matplotlib.colormaps[name](0.0, bytes=True)[:3])


@pytest.mark.parametrize(("name", "near"), [("Viridis", "viridis"), ("magme", "magma"), ("!?", "viridis, magma")])
def test_unknown_colours_are_refused_with_near_ones(name: str, near: str) -> None:
    with pytest.raises(BadInput, match=near):
        colours_of(name)


@pytest.mark.parametrize("shape", [(), (2, 0), (1, 2, 3, 4)])
def test_what_are_no_activations_of_an_image_is_refused(shape) -> None:
    with pytest.raises(BadInput, match=r"\[units\]"):
        as_maps(np.zeros(shape))
