"""One unit at several checkpoints, as frames and as a film."""

import io

import numpy as np
import pytest
from PIL import Image

from lib.draw.tones import to_uint8, tone_window
from lib.errors import BadInput
from lib.gallery.film import film, frames

RANDOM = np.random.default_rng(0)
IMAGES = [(scale * RANDOM.normal(size=(12, 12, 1))).astype(np.float32) for scale in (1, 3, 0.2)]
NAMES = ["epoch 1", "epoch 2", "epoch 3, the model"]


def test_all_frames_are_on_one_scale_of_tones() -> None:
    window = tone_window(np.stack(IMAGES))
    for made, image in zip(frames(IMAGES), IMAGES, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(made))), to_uint8(image, window))


def test_a_film_has_a_frame_for_each_checkpoint_with_its_name_below() -> None:
    made = Image.open(io.BytesIO(film(IMAGES, NAMES)))
    assert made.n_frames == 3  # type: ignore[attr-defined]
    assert made.size == (168, 188)  # 14 pixels for each of 12, and a line
    assert made.info["loop"] == 0
    for number in range(3):
        made.seek(number)
        line = np.asarray(made.convert("L"))[172:]
        assert (line < 100).sum() > 20, "the name is drawn"


def test_a_bar_says_how_much_of_the_training_has_passed() -> None:
    made = Image.open(io.BytesIO(film(IMAGES, NAMES)))
    passed = []
    for number in range(3):
        made.seek(number)
        passed.append(int((np.asarray(made.convert("L"))[169] < 100).sum()))
    assert passed == sorted(passed)
    assert passed[0] < 70
    assert passed[2] > 160


@pytest.mark.parametrize("shape", [(5, 9, 3), (64, 64, 1), (300, 200, 4)])
def test_images_of_any_size_and_any_number_of_channels_become_a_film(shape: tuple[int, int, int]) -> None:
    images = [RANDOM.normal(size=shape), np.full(shape, np.nan)]
    assert Image.open(io.BytesIO(film(images, ["a" * 300, ""]))).n_frames == 2  # type: ignore[attr-defined]


def test_images_of_two_sizes_and_none_at_all_are_refused() -> None:
    with pytest.raises(BadInput, match="one size"):
        film([IMAGES[0], np.zeros((9, 9, 1))], NAMES[:2])
    with pytest.raises(BadInput, match="at least one frame"):
        film([], [])
