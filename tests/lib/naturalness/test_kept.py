"""What a response keeps when its image moves: known answers, and a float64 reference by interpolation written out."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.naturalness.kept import MOVES, kept_shares

SIDE = 24


def responding(function: Any) -> Any:
    def measure(images: np.ndarray, units: Any) -> tuple[np.ndarray, np.ndarray]:
        found = np.array([function(image, unit) for image, unit in zip(images, units, strict=True)])
        return np.maximum(found, 0), found

    return measure


@given(grey=st.floats(0.1, 1), channels=st.sampled_from([1, 3]))
def test_a_grey_image_keeps_all(grey: float, channels: int) -> None:
    images = np.full((2, SIDE, SIDE, channels), grey, np.float32)
    for share in kept_shares(responding(lambda image, unit: image.mean()), images, [0, 1]).values():
        np.testing.assert_allclose(share, 1, rtol=1e-5)


def test_a_mean_over_what_lies_inside_is_kept_and_one_over_single_pixels_is_not() -> None:
    rng = np.random.default_rng(0)
    images = rng.random((1, SIDE, SIDE, 1)).astype(np.float32)
    pattern = images[0] - images[0].mean()
    kept = kept_shares(responding(lambda image, unit: (image * pattern).mean()), images, [0])
    assert all(share[0] < 0.7 for share in kept.values())
    wide = np.zeros((1, SIDE, SIDE, 1), np.float32)
    wide[:, 6:18, 6:18] = 1
    kept = kept_shares(responding(lambda image, unit: image[8:16, 8:16].mean()), wide, [0])
    np.testing.assert_allclose(kept["shift"], 1, rtol=1e-5)
    assert all(share[0] > 0.95 for share in kept.values())


def test_shifts_go_two_pixels_in_eight_directions_and_borders_are_mirrored() -> None:
    seen: list[np.ndarray] = []

    def measure(images: np.ndarray, units: Any) -> tuple[np.ndarray, np.ndarray]:
        seen.extend(images)
        return np.ones(len(images)), np.ones(len(images))

    image = np.arange(SIDE * SIDE, dtype=np.float32).reshape(SIDE, SIDE, 1)
    kept_shares(measure, image[None], [0])
    mirrored = np.pad(image, ((2, 2), (2, 2), (0, 0)), "symmetric")
    shifted = {
        mirrored[down : down + SIDE, right : right + SIDE].tobytes()
        for down in (0, 2, 4)
        for right in (0, 2, 4)
        if (down, right) != (2, 2)
    }
    assert shifted <= {moved.tobytes() for moved in seen}
    assert len(seen) == 1 + 8 + 2 + 1


def test_each_unit_is_asked_about_its_own_image() -> None:
    images = np.stack([np.full((8, 8, 1), 1, np.float32), np.full((8, 8, 1), 2, np.float32)])
    kept = kept_shares(responding(lambda image, unit: image.mean() - unit), images, [0.5, 1.5])
    assert all(np.allclose(share, 1) for share in kept.values())
    assert list(kept) == list(MOVES)


@pytest.mark.filterwarnings("error")
def test_what_does_not_respond_keeps_nothing_that_could_be_said() -> None:
    kept = kept_shares(responding(lambda image, unit: -1.0), np.ones((1, 8, 8, 1), np.float32), [0])
    assert all(np.isnan(share).all() for share in kept.values())
