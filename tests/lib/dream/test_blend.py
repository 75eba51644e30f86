"""The result of a dream, to the bit."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lib.dream.blend import blend
from lib.errors import BadInput
from lib.pictures.colours import luminance

DTYPES = st.sampled_from([np.uint8, np.uint16])
COLOURS: Any = st.sampled_from(["kept", "grey", "dreamed"])


@st.composite
def sources(draw: Any) -> Any:
    shape = (draw(st.integers(1, 6)), draw(st.integers(1, 6)), draw(st.sampled_from([1, 3])))
    return draw(hnp.arrays(draw(DTYPES), shape))


def dreams(source: Any, channels: int) -> Any:
    random = np.random.default_rng(int(source.sum()))
    return random.random((*source.shape[:2], channels)).astype(np.float32)


@given(sources(), COLOURS, st.sampled_from([1, 3]))
def test_strength_0_gives_the_source_to_the_bit(source: Any, colours: Any, channels: int) -> None:
    result = blend(source, dreams(source, channels), colours=colours, strength=0)
    assert result.dtype == source.dtype
    np.testing.assert_array_equal(result, np.broadcast_to(source, result.shape))


@given(sources(), COLOURS, st.sampled_from([1, 3]), st.floats(0, 1))
def test_where_the_mask_is_black_the_source_stays_to_the_bit(
    source: Any, colours: Any, channels: int, strength: float
) -> None:
    mask = np.random.default_rng(1).random(source.shape[:2]).astype(np.float32)
    mask[mask < 0.5] = 0
    result = blend(source, dreams(source, channels), colours=colours, strength=strength, mask=mask)
    np.testing.assert_array_equal(result[mask == 0], np.broadcast_to(source, result.shape)[mask == 0])


@settings(max_examples=50)
@given(sources(), st.floats(0, 1))
def test_the_result_is_the_formula_rounded_once(source: Any, strength: float) -> None:
    dream = dreams(source, 1)
    mask = dreams(source, 1)[:, :, 0]
    top = np.iinfo(source.dtype).max
    result = blend(source, dream, colours="grey", strength=strength, mask=mask)
    before = source.astype(np.float64)
    exact = before + strength * mask[:, :, None].astype(np.float64) * (dream.astype(np.float64) * top - before)
    assert np.abs(result - exact).max() <= 0.5 + 1e-9


def test_full_strength_without_a_mask_is_the_dream() -> None:
    source = np.random.default_rng(0).integers(0, 256, (300, 1500, 3), np.uint8)  # more than one strip of rows
    dream = dreams(source, 3)
    np.testing.assert_array_equal(blend(source, dream, colours="dreamed"), np.rint(dream.astype(np.float64) * 255))
    kept = blend(source, dream, colours="kept")
    assert np.abs(luminance(kept / 255) - luminance(dream)).max() < 0.6 / 255


def test_colours_are_dreamed_into_a_grey_picture_of_8_bits_and_not_of_16() -> None:
    grey = np.full((4, 5, 1), 100, np.uint8)
    assert blend(grey, dreams(grey, 3), colours="dreamed").shape == (4, 5, 3)
    deep = blend(grey.astype(np.uint16), dreams(grey, 3), colours="dreamed")
    assert deep.shape == (4, 5, 1)
    assert deep.dtype == np.uint16


def test_a_mask_of_another_size_is_refused() -> None:
    source = np.zeros((4, 5, 1), np.uint8)
    with pytest.raises(BadInput, match="mask has"):
        blend(source, dreams(source, 1), mask=np.zeros((5, 4), np.float32))
