"""A picture dreamed by every map of a layer, at a glance."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lib.draw.tour_sheet import TourCell, tour_sheet
from lib.errors import BadInput
from lib.verdict_colours import verdict_colour

DREAMS = np.random.default_rng(0).integers(0, 256, (5, 43, 64, 3), np.uint8)
GREY = np.full((20, 30, 1), 40000, np.uint16)


def sheet(cells: list[TourCell], **more: Any) -> Any:
    png = tour_sheet(cells, **({"title": "Conv2D_3", "subtitle": "flower.jpg · mnist · tiles"} | more))
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def test_every_one_of_128_maps_has_its_dream_large_enough_to_see() -> None:
    drawn = sheet([TourCell(index, DREAMS[index % 5], gain=0.5 + index) for index in range(128)])
    height, wide = 129, 192
    assert drawn.shape[1] == 2 * 14 + 8 * (wide + 8) - 8
    for index in range(128):
        row, column = divmod(index, 8)
        lower = drawn.shape[0] - (15 - row) * (height + 18 + 8) - 14 - 18
        field = drawn[lower - height : lower, 14 + column * (wide + 8) :][:, :wide]
        assert (field != 255).any(axis=-1).all(axis=1).any()
        assert field.std() > 20, f"cell {index} has no dream"


def test_what_failed_and_what_was_left_can_be_told_from_a_dream_without_colours() -> None:
    def grey(cell: TourCell) -> Any:
        return np.asarray(Image.fromarray(sheet([cell])).convert("L"))[-120:-40, 20:100]

    failed, left = (grey(TourCell(3, None, outcome)) < 240 for outcome in ("failed", "left"))  # type: ignore[arg-type]
    assert 0.05 < failed.mean() < 0.7
    assert 0.05 < left.mean() < 0.7
    assert (failed != left).mean() > 0.1


@pytest.mark.parametrize("outcome", ["failed", "left"])
def test_a_cell_without_a_dream_says_why_in_its_own_colour(outcome: Any) -> None:
    cells = [TourCell(index, DREAMS[0], gain=1.0) for index in range(9)]
    cells[4] = TourCell(4, None, outcome)
    drawn = sheet(cells)[100:]
    assert (drawn == verdict_colour(outcome)).all(axis=-1).sum() > 1000
    assert (drawn == verdict_colour("failed" if outcome == "left" else "left")).all(axis=-1).sum() < 50


def test_dreams_of_16_bits_and_of_one_channel_are_shown_in_their_grey() -> None:
    drawn = sheet([TourCell(0, GREY, gain=-0.25)])
    assert (drawn == round(40000 / 65535 * 255)).all(axis=-1).sum() > 100 * 150


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 1000, 1), (1000, 3, 1), (700, 500, 3)])
@pytest.mark.parametrize("gain", [None, 0.0, -1.23456e-7, 12345.678])
def test_nothing_is_clipped_at_the_edges(shape: tuple[int, ...], gain: float | None) -> None:
    image = np.zeros(shape, np.uint8)
    drawn = sheet([TourCell(10**6 + index, image, gain=gain) for index in range(9)], title="a_long_name/" * 30)
    for edge in (drawn[:8], drawn[-8:], drawn[:, :10], drawn[:, -10:]):
        assert (edge == 255).all()


def test_the_same_dreams_give_the_same_bytes_with_nothing_but_pixels() -> None:
    cells = [TourCell(index, DREAMS[index], gain=1.0) for index in range(5)]
    one, other = (tour_sheet(cells, title="a", subtitle="b") for _ in range(2))
    assert one == other
    assert Image.open(io.BytesIO(one)).info == {}


def test_a_dream_without_a_picture_and_a_failure_with_one_are_refused() -> None:
    for image, outcome in ((None, "dreamed"), (DREAMS[0], "failed")):
        with pytest.raises(BadInput, match="map 3 is said to be"):
            TourCell(3, image, outcome)  # type: ignore[arg-type]
