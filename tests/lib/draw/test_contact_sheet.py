"""A layer at a glance."""

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lib.draw.contact_sheet import SheetCell, contact_sheet
from lib.errors import BadInput
from lib.verdict_colours import VERDICTS, verdict_colour

NOISE = np.random.default_rng(0).normal(size=(8, 28, 28, 1)).astype(np.float32)
OTHERS = [verdict for verdict in VERDICTS if verdict != "responded"]


def cells(count: int) -> list[SheetCell]:
    return [SheetCell(index, NOISE[index % 8], "responded", 1.5 + index, 1.25) for index in range(count)]


def sheet(some: list[SheetCell], **more: Any) -> bytes:
    return contact_sheet(some, **({"title": "Conv2D_3", "subtitle": "model mnist-cnn, data set mnist"} | more))


def pixels(png: bytes) -> Any:
    return np.asarray(Image.open(io.BytesIO(png)))


def has(field: Any, colour: tuple[int, int, int]) -> bool:
    return bool((field == colour).all(axis=-1).any())


@pytest.mark.parametrize("count", [1, 3, 8, 9, 100, 128])
def test_every_unit_has_a_cell_in_the_last_row_too(count: int) -> None:
    drawn = pixels(sheet(cells(count)))
    rows = -(-count // 8)
    for index in range(count):
        row, column = divmod(index, 8)
        lower = drawn.shape[0] - (rows - 1 - row) * (112 + 18 + 8) - 14 - 18
        field = drawn[lower - 112 : lower, 14 + column * 120 : 14 + column * 120 + 112]
        assert not (field == 255).all(axis=-1).any(), f"cell {index} is not filled with its OIP"


@pytest.mark.parametrize("with_image", [True, False])
@pytest.mark.parametrize("verdict", OTHERS)
def test_a_unit_that_did_not_respond_differs_from_all_others(verdict: str, with_image: bool) -> None:
    plain = cells(16)
    marked = [*plain]
    marked[11] = replace(plain[11], verdict=verdict, image=plain[11].image if with_image else None)
    drawn = pixels(sheet(marked))
    below_the_head = drawn[112:]
    found = {other: int((below_the_head == verdict_colour(other)).all(axis=-1).sum()) for other in OTHERS}
    assert found.pop(verdict) > 1000
    assert max(found.values()) < 50  # a few shades of letters are like one of them


def test_verdicts_can_be_told_apart_without_colours() -> None:
    def grey(verdict: str) -> Any:
        picture = Image.open(io.BytesIO(sheet([SheetCell(0, None, verdict)])))
        # The hatched field alone, in black and white, without the frame and the word.
        field = np.asarray(picture.convert("L"))[112 + 3 : 112 + 101, 17:115]
        return field < 240

    fields = [grey(verdict) for verdict in OTHERS]
    for place, one in enumerate(fields):
        assert 0.03 < one.mean() < 0.7
        for other in fields[place + 1 :]:
            assert (one != other).mean() > 0.1


@pytest.mark.parametrize("title", ["c", "a_very_long_name_of_a_layer_" * 12 + " many words" * 20])
@pytest.mark.parametrize("shape", [(28, 28, 1), (224, 224, 3), (20, 61, 2), (1, 1, 1), (3, 1000, 1)])
@pytest.mark.parametrize("count", [1, 9])
def test_nothing_is_clipped_at_the_edges(title: str, shape: tuple[int, ...], count: int) -> None:
    image = np.random.default_rng(0).normal(size=shape)
    some = [
        SheetCell(10**9 + index, image, list(VERDICTS)[index % 5], -0.00987654, 12345.678) for index in range(count)
    ]
    drawn = pixels(sheet(some, title=title, subtitle=title))
    for edge in (drawn[:8], drawn[-8:], drawn[:, :10], drawn[:, -10:]):
        assert (edge == 255).all()


def test_fine_structure_of_a_large_image_is_not_averaged_to_grey() -> None:
    image = np.random.default_rng(0).normal(size=(500, 500, 3))
    drawn = pixels(sheet([SheetCell(0, image, "responded")]))
    assert drawn[140:220, 20:120].std() > 35


def test_large_images_do_not_make_a_sheet_wider_than_small_ones_can() -> None:
    large = np.random.default_rng(0).normal(size=(224, 224, 3))
    width = Image.open(io.BytesIO(sheet([SheetCell(index, large, "responded") for index in range(8)]))).width
    assert width == 2 * 14 + 8 * 112 + 7 * 8


def test_an_odd_last_row_of_a_large_image_is_averaged_over_what_is_there() -> None:
    # With anything else beside these values the last row would be far off, and the rest one grey.
    image = 5 + 0.01 * np.random.default_rng(0).normal(size=(129, 129, 3))
    assert pixels(sheet([SheetCell(0, image, "responded")]))[130:170, 30:80].std() > 35


def test_a_pixel_that_is_not_a_number_stays_visible_in_a_large_image() -> None:
    image = np.random.default_rng(0).normal(size=(224, 224, 1))
    image[100, 100] = np.nan
    assert has(pixels(sheet([SheetCell(0, image, "responded")])), (255, 0, 255))


def test_a_sheet_drawn_in_many_threads_has_the_same_bytes() -> None:
    some = [replace(cell, verdict=OTHERS[cell.index % 4]) if cell.index % 3 == 0 else cell for cell in cells(20)]
    alone = sheet(some)
    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(lambda _: sheet(some), range(12))) == {alone}
    assert Image.open(io.BytesIO(alone)).info == {}


def test_a_layer_of_2048_units_has_its_sheet() -> None:
    assert pixels(sheet(cells(2048))).shape[0] > 256 * 112


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda: sheet([]), "at least one cell"),
        (lambda: sheet(cells(1), columns=0), "at least one column"),
        (lambda: SheetCell(3, None, "asleep"), "responded, unreached, silent, dead, failed"),
        (lambda: sheet([SheetCell(0, NOISE, "responded")]), "height, width, channels"),
    ],
)
def test_what_makes_no_sheet_is_refused(attempt: Any, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        attempt()
