"""A data set at another size, whose images are made when they are asked for."""

from typing import Any

import numpy as np

from lib.data.resized import ResizedImages
from lib.pictures.resample import resize

IMAGES = np.random.default_rng(0).random((5, 20, 30, 3)).astype(np.float32)
SIZE = (8, 12)


def test_it_has_the_shape_of_the_smaller_images() -> None:
    small = ResizedImages(IMAGES, SIZE)
    assert (small.shape, len(small)) == ((5, 8, 12, 3), 5)


def test_images_are_taken_out_of_it_as_out_of_an_array() -> None:
    small = ResizedImages(IMAGES, SIZE)
    whole = np.stack([np.clip(resize(image, *SIZE), 0, 1) for image in IMAGES])
    for key in (2, np.int64(-1), slice(1, 4), slice(0, 0), np.array([3, 0, 3])):
        found = small[key]
        np.testing.assert_array_equal(found, whole[key])
        assert found.dtype == np.float32


def test_pictures_stay_pictures() -> None:
    checks = np.indices((1, 20, 30, 1)).sum(0).astype(np.float32) // 4 % 2
    small = ResizedImages(checks, (13, 17))[0]
    assert small.min() >= 0
    assert small.max() <= 1


def test_no_image_is_read_before_it_is_asked_for() -> None:
    asked: list[Any] = []

    class Watched:
        shape = IMAGES.shape

        def __len__(self) -> int:
            return len(IMAGES)

        def __getitem__(self, key: Any) -> Any:
            asked.append(key)
            return IMAGES[key]

    small = ResizedImages(Watched(), SIZE)
    assert not asked
    small[1:3]
    assert asked == [slice(1, 3)]
