"""Shares of fine detail and of colour of pictures whose shares are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lib.naturalness.likeness import colour_shares, fine_shares

SIDE = 32
IMAGES = arrays(np.float32, st.tuples(st.integers(1, 3), st.just(8), st.just(8), st.sampled_from([1, 3])),
                elements=st.floats(0, 1, width=32))  # fmt: skip


def wave(cycles: float) -> np.ndarray:
    return np.tile(np.sin(2 * np.pi * cycles * np.arange(SIDE) / SIDE)[None, :, None], (SIDE, 1, 1))


@pytest.mark.parametrize(("cycles", "share"), [(1, 0), (7, 0), (8, 1), (15, 1)])
def test_a_wave_is_fine_from_a_quarter_of_a_cycle_a_pixel_on(cycles: int, share: float) -> None:
    np.testing.assert_allclose(fine_shares(wave(cycles)[None]), share, atol=1e-9)


def test_two_waves_share_by_their_power() -> None:
    np.testing.assert_allclose(fine_shares((wave(2) + 2 * wave(12))[None]), 0.8)


def test_grey_has_no_colour_and_opposite_channels_have_nothing_else() -> None:
    grey = np.repeat(wave(3), 3, axis=2)
    opposite = np.concatenate([wave(3), -wave(3), 0 * wave(3)], axis=2)
    np.testing.assert_allclose(colour_shares(np.stack([grey, opposite])), [0, 1], atol=1e-12)
    np.testing.assert_allclose(colour_shares(wave(3)[None]), 0)


@given(IMAGES)
@pytest.mark.filterwarnings("error")
def test_shares_are_shares(images: np.ndarray) -> None:
    for found in (fine_shares(images), colour_shares(images)):
        assert found.shape == (len(images),)
        assert ((found >= 0) & (found <= 1 + 1e-9)).all()
