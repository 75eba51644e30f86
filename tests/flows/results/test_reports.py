"""The small pictures in a report: what is shown of a large one, and how much of it is decoded for that."""

import io

import numpy as np
import pytest
from PIL import Image

from flows.results.reports import HEIGHT, WIDTH, thumbnail
from lib.pictures.files import Picture
from lib.pictures.png import encode_png


def picture(width: int, height: int) -> Image.Image:
    """A smooth one, of which no two parts are alike."""
    down, across = np.linspace(0, 1, height)[:, None], np.linspace(0, 1, width)[None, :]
    planes = [across + 0 * down, down + 0 * across, 0.5 + 0.5 * np.sin(9 * (down + across))]
    return Image.fromarray((255 * np.dstack(planes)).astype(np.uint8))


def png_of(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("size", [(1108, 9000), (1108, 1500), (600, 2000), (300, 200), (WIDTH, HEIGHT)])
def test_a_long_picture_shows_its_upper_part_as_the_whole_one_made_smaller_does(size: tuple[int, int]) -> None:
    whole = picture(*size)
    smaller = min(1.0, WIDTH / size[0])
    expected = whole.resize((round(size[0] * smaller), round(size[1] * smaller)), Image.Resampling.LANCZOS)
    webp, cut = thumbnail(png_of(whole))
    with Image.open(io.BytesIO(webp)) as shown:
        assert shown.size == (expected.width, min(HEIGHT, expected.height))
        off = np.abs(np.asarray(shown, float) - np.asarray(expected.crop((0, 0, *shown.size)), float))
    assert off.mean() < 3  # of 255, by WebP
    assert cut == (expected.height > HEIGHT)


def test_of_an_animated_picture_the_first_frame_is_shown() -> None:
    frames = np.stack([np.asarray(picture(300, 3000)), np.zeros((3000, 300, 3), np.uint8)])
    webp, cut = thumbnail(encode_png(Picture(frames, None, (100, 100), 0)))
    with Image.open(io.BytesIO(webp)) as shown:
        assert (shown.size, cut) == ((300, HEIGHT), True)
        assert np.asarray(shown).mean() > 60


def test_no_more_of_a_long_picture_is_decoded_than_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[int] = []
    opened = Image.open

    def watch(file: io.BytesIO) -> Image.Image:
        found = opened(file)
        load = found.load
        found.load = lambda: decoded.append(found.height) or load()  # type: ignore[method-assign,func-returns-value]
        return found

    monkeypatch.setattr(Image, "open", watch)
    thumbnail(png_of(picture(1108, 9000)))
    assert decoded
    assert max(decoded) < 1.1 * HEIGHT * 1108 / WIDTH
