"""What a person sees of an OIP."""

import io
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from lib.draw.lettering import font, number, shorten, width, wrap
from lib.draw.oip_picture import unit_picture
from lib.draw.tones import FLAT, NOT_A_NUMBER, to_uint8, tone_window
from lib.errors import BadInput
from lib.verdict_colours import verdict_colour

ANY_IMAGE = st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 5)).flatmap(
    lambda shape: st.sampled_from(["float16", "float32", "float64"]).flatmap(
        lambda dtype: arrays(dtype, shape, elements=st.floats(width=16 if dtype == "float16" else 32))
    )
)


def noise(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def opened(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png))


def colours(pixels: Any) -> set[tuple[int, ...]]:
    return {tuple(int(part) for part in colour) for colour in np.reshape(pixels, (-1, pixels.shape[-1]))}


@given(ANY_IMAGE)
@settings(max_examples=100, deadline=None)
def test_any_image_is_shown_and_only_what_is_not_a_number_is_magenta(image: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shown = to_uint8(image)
    assert shown.shape == (*image.shape[:2], 3)
    assert shown.dtype == np.uint8
    broken = ~np.isfinite(image).all(axis=2)
    assert (shown[broken] == NOT_A_NUMBER).all()
    if image.shape[2] == 1:
        assert not (shown[~broken] == NOT_A_NUMBER).all(axis=-1).any()


@pytest.mark.parametrize("value", [0.0, 1.0, -7.5, 1e-30, 1e300])
def test_a_constant_image_is_flat_mid_grey(value: float) -> None:
    assert colours(to_uint8(np.full((5, 4, 1), value))) == {FLAT}
    assert colours(to_uint8(np.full((5, 4, 3), value), (0.0, 1.0))) == {FLAT}


def test_the_crumbs_of_float32_on_a_constant_image_are_not_shown_as_a_pattern() -> None:
    image = np.full((8, 8, 1), 0.7, np.float32)
    image[3, 3] = np.nextafter(np.float32(0.7), np.float32(1))
    assert colours(to_uint8(image)) == {FLAT}


def test_a_few_extreme_pixels_do_not_turn_the_rest_into_one_grey() -> None:
    image = noise(28, 28, 3)
    image[0, 0], image[9, 20] = 14.0, -14.0
    assert to_uint8(image)[10:, :10].std() > 25


def test_ordinary_contrast_is_hardly_cut_off() -> None:
    shown = to_uint8(noise(96, 96, 3))
    assert np.isin(shown, (0, 255)).mean() < 0.01
    assert shown.std() > 35


def test_the_window_is_the_same_for_an_image_that_is_scaled_and_shifted() -> None:
    image = noise(28, 28, 1).astype(np.float64)
    np.testing.assert_array_equal(to_uint8(image), to_uint8(image * 4096 + 8192))


def test_brighter_pixels_are_never_shown_darker() -> None:
    image = np.sort(noise(400), axis=0).reshape(20, 20, 1).repeat(3, axis=2)
    tones = to_uint8(image)[:, :, 0].ravel().astype(int)
    assert (np.diff(tones) >= 0).all()


def test_an_oip_within_a_box_is_shown_on_the_box_so_that_tones_say_values() -> None:
    image = np.clip(0.5 + 0.2 * noise(28, 28, 3), 0, 1)
    assert tone_window(image, (0.0, 1.0)) == (0.0, 1.0)
    np.testing.assert_allclose(to_uint8(image, (0.0, 1.0)), image * 255, atol=0.51)


def test_an_oip_that_uses_little_of_its_box_is_not_shown_as_grey_mush() -> None:
    image = 0.5 + 0.01 * noise(28, 28, 3)
    assert to_uint8(image, tone_window(image, (0.0, 1.0))).std() > 35


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 0), (0, 28, 1), (1, 28, 28, 1)])
def test_what_is_not_an_image_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(BadInput, match=r"height, width, channels"):
        to_uint8(np.zeros(shape))


def test_a_picture_holds_its_oips_pixel_by_pixel() -> None:
    oips = noise(4, 28, 28, 1)
    shown = np.asarray(opened(unit_picture(oips, [1, 2, 3, 4], title="Conv2D_3/17", verdict="responded")))
    window = tone_window(oips)
    for place, oip in enumerate(oips):
        field = to_uint8(oip, window).repeat(5, axis=0).repeat(5, axis=1)
        left = 10 + place * (140 + 8)
        np.testing.assert_array_equal(shown[58 : 58 + 140, left : left + 140], field)


@pytest.mark.parametrize(
    "shape",
    [(4, 28, 28, 1), (1, 28, 28, 1), (9, 32, 32, 3), (4, 96, 96, 3), (2, 224, 224, 3), (3, 17, 61, 2), (1, 1, 1, 5)],
)
@pytest.mark.parametrize("title", ["c/0", "a_very_long_name_of_a_layer_" * 20 + "/1023"])
def test_no_text_of_a_picture_touches_its_edge(shape: tuple[int, ...], title: str) -> None:
    responses = [10.0 ** (place - 3) for place in range(shape[0])]
    png = unit_picture(noise(*shape), responses, title=title, verdict="unreached", response_ratio=0.123456)
    pixels = np.asarray(opened(png))
    for edge in (pixels[:4], pixels[-3:], pixels[:, :8], pixels[:, -8:]):
        assert (edge == 255).all()


def test_a_unit_without_oips_has_a_picture_too() -> None:
    png = unit_picture(np.zeros((0, 28, 28, 1)), [], title="Conv2D_3/9", verdict="dead")
    assert verdict_colour("dead") in colours(np.asarray(opened(png)))


def test_a_picture_wants_as_many_responses_as_oips() -> None:
    with pytest.raises(BadInput, match="one response for each OIP"):
        unit_picture(noise(2, 8, 8, 1), [1.0], title="c/0", verdict="responded")


def test_a_verdict_that_does_not_exist_is_refused() -> None:
    with pytest.raises(BadInput, match="responded, unreached, silent, dead, failed"):
        unit_picture(noise(1, 8, 8, 1), [1.0], title="c/0", verdict="asleep")


def test_pictures_drawn_in_many_threads_have_the_same_bytes_and_nothing_but_pixels() -> None:
    def draw(seed: int) -> bytes:
        oips = noise(4, 28, 28, 1, seed=seed)
        return unit_picture(oips, [0.5, seed, 2, 3], title=f"Conv2D_2/{seed}", verdict="responded", response_ratio=1.1)

    alone = [draw(seed) for seed in range(16)]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(draw, list(range(16)) * 3))
    assert together == alone * 3
    assert len(set(alone)) == 16
    assert opened(alone[0]).info == {}


@given(st.text(max_size=200), st.integers(40, 400))
@settings(max_examples=40, deadline=None)
def test_shortened_and_wrapped_text_fits(text: str, room: int) -> None:
    face = font(13)
    assert width(shorten(text, face, room), face) <= room
    lines = wrap(text, face, room)
    assert all(width(line, face) <= room for line in lines)
    kept = "".join(letter for letter in text if letter.isprintable() and letter != " ")
    assert "".join(lines).replace(" ", "") == kept.replace(" ", "")


def test_a_shortened_name_keeps_the_units_index() -> None:
    assert shorten("block14_sepconv2_" * 30 + "/1023", font(13), 200).endswith("/1023")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.4, "3.40"),
        (0.00123, "0.00123"),
        (1234567.0, "1.23e6"),
        (0.0, "0"),
        (-12.345, "-12.3"),
        (128.0, "128"),
        (None, ""),
    ],
)
def test_a_number_has_three_digits(value: float | None, text: str) -> None:
    assert number(value) == text
    assert number(float("nan")) == "nan"
