"""How a carved dream came about, in six panels."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lib.draw.tones import to_uint8
from lib.dream.carve import Carved, carve
from lib.dream.strip import strip


def example(height: int = 120, width: int = 180, channels: int = 1) -> Carved:
    random = np.random.default_rng(0)
    source = random.random((height, width, channels)).astype(np.float32)

    def optimise(number: int, small: Any) -> Any:
        return np.clip(small + 0.3 * random.random(small.shape), 0, 1).astype(np.float32), np.zeros(2, np.float32)

    return carve(source, (28, 28), optimise, 2)


def drawn(found: Carved, title: str = "Conv2D_3/56") -> Any:
    return np.asarray(Image.open(io.BytesIO(strip(found, title=title))))


def panels(pixels: Any, wide: int = 256, high: int = 171, top: int = 36) -> list[Any]:
    return [pixels[top : top + high, 14 + at * (wide + 8) :][:, :wide] for at in range(6)]


def test_there_are_six_panels_and_all_are_filled_and_different() -> None:
    shown = panels(drawn(example()))
    for at, one in enumerate(shown):
        assert one.shape == (171, 256, 3)
        assert one.std() > 5
        assert all((one != other).mean() > 0.1 for other in shown[at + 1 :])


def test_the_first_two_are_in_viridis_and_the_others_in_grey() -> None:
    colourful = [bool(np.ptp(panel, axis=-1).max() > 5) for panel in panels(drawn(example()))]
    assert colourful == [True, True, False, False, False, False]


def test_the_pattern_is_drawn_in_squares_and_the_dream_smoothly() -> None:
    found = example()
    pattern, _, grey, upscaled, _, _ = panels(drawn(found))
    assert len(np.unique(grey.reshape(-1, 3), axis=0)) <= 28 * 28
    assert len(np.unique(pattern.reshape(-1, 3), axis=0)) <= 256
    corner = to_uint8(found.pattern, (float(found.pattern.min()), float(found.pattern.max())))[0, 0]
    assert (pattern[:4, :6] == corner).all()
    assert np.abs(np.diff(upscaled[:, :, 0].astype(int), axis=1)).max() < 40


def test_a_network_that_sees_colours_has_them_in_its_strip() -> None:
    assert np.ptp(panels(drawn(example(channels=3)))[-1], axis=-1).max() > 5


@pytest.mark.parametrize("size", [(28, 28), (1, 500), (700, 2), (427, 640), (5, 5)])
@pytest.mark.parametrize("title", ["", "0.7*a_long_layer_name/12 + " * 40])
def test_nothing_is_clipped_at_the_edges(size: tuple[int, int], title: str) -> None:
    pixels = drawn(example(*size), title)
    for edge in (pixels[:10], pixels[-6:], pixels[:, :10], pixels[:, -10:]):
        assert (edge == 255).all()


def test_the_same_dream_gives_the_same_bytes_with_nothing_but_pixels() -> None:
    found = example()
    assert strip(found, title="a") == strip(found, title="a")
    assert Image.open(io.BytesIO(strip(found))).info == {}
