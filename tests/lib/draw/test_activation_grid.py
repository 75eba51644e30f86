"""The grids of a layer's activations."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lib.draw.activation_grid import GridGroup, activation_grid
from lib.draw.activation_marks import MARK_COLOURS, Marks
from lib.errors import BadInput

RANDOM = np.random.default_rng(0)


def grid(values: list[Any], **more: Any) -> Any:
    given = {"layer": "Conv2D_3", "titles": [f"test/{at}" for at in range(len(values))], "colours": "gray"} | more
    return np.asarray(Image.open(io.BytesIO(activation_grid(values, **given))))


def count(drawn: Any, colour: tuple[int, int, int]) -> int:
    return int((drawn == colour).all(axis=-1).sum())


YELLOW = (255, 255, 0)
"""What the greatest value has in the colours "autumn"; the least is red."""
HEAD = 110
"""Below it there is no scale of colours, which has all of them."""


@pytest.mark.parametrize("shape", [(1,), (10,), (100,), (3, 3, 128), (2, 2, 9), (5, 2, 12)])
def test_every_unit_has_a_cell_in_the_last_row_too(shape: tuple[int, ...]) -> None:
    """One unit after another is lit; each must be seen, at a place of its own."""
    units = {0, shape[-1] // 2, max(0, shape[-1] - 4), shape[-1] - 1}
    places = set()
    for unit in units:
        values = np.zeros(shape)
        values[..., unit] = 1
        lit = (grid([values], colours="autumn")[HEAD:] == YELLOW).all(axis=-1)
        longest = max(shape[:-1], default=1)
        factor = round(40 / longest)
        assert lit.sum() == factor**2 * np.prod(shape[:-1], initial=1)
        rows, columns = np.nonzero(lit)
        places.add((rows.min(), columns.min()))
    assert len(places) == len(units)


def test_maps_stand_eight_a_row_from_the_top() -> None:
    def at(unit: int) -> Any:
        values = np.zeros((3, 3, 24))
        values[..., unit] = 1
        return np.argwhere((grid([values], colours="autumn")[HEAD:] == YELLOW).all(axis=-1))[0]

    assert at(1)[0] == at(7)[0] == at(0)[0]
    assert at(0)[1] < at(1)[1] < at(7)[1]
    assert at(8)[0] > at(7)[0]
    assert at(8)[1] == at(16)[1] == at(0)[1]


def test_images_stand_side_by_side_on_one_scale() -> None:
    one, other = np.zeros((2, 2, 8)), np.zeros((2, 2, 8))
    one[0, 0, 0], other[0, 0, 0] = 1.0, 2.0
    drawn = grid([one, other], colours="autumn")[HEAD:]
    assert count(drawn, YELLOW) == 20 * 20  # the greatest of both, in the second alone
    halves = np.array_split(drawn, 2, axis=1)
    assert count(halves[0], YELLOW) == 0
    assert count(halves[0], (255, 128, 0)) == 20 * 20


def test_groups_begin_new_rows_and_nothing_is_lost() -> None:
    values = [np.full((4,), float(at)) for at in range(8)]
    together = grid(values, groups=[GridGroup("4", 3), GridGroup("9", 3), GridGroup("unclear", 2)], colours="autumn")
    alone = grid(values, colours="autumn")
    assert together.shape[0] > alone.shape[0]
    for drawn in (together, alone):
        assert count(drawn[HEAD:], YELLOW) == 4 * 40 * 40


@pytest.mark.parametrize("kind", MARK_COLOURS)
def test_marks_are_circles_about_their_positions_and_are_explained(kind: Any) -> None:
    values = np.zeros((3, 3, 16))
    pattern = np.zeros((3, 3, 16), bool)
    plain = grid([values, values])
    marked = grid([values, values], marks=[Marks(), Marks(**{kind: pattern})])
    np.testing.assert_array_equal(plain, marked)
    pattern[0, 2, 9] = True
    marked = grid([values, values], marks=[None, Marks(**{kind: pattern})])
    assert marked.shape[0] > plain.shape[0], "there is no legend"
    near = np.abs(marked[130:].astype(int) - MARK_COLOURS[kind]).sum(axis=-1) < 60
    rows, columns = np.nonzero(near)
    assert 14 <= rows.max() - rows.min() + 1 <= 22
    assert columns.min() > marked.shape[1] // 2 - 20, "the mark is in the wrong image"


def test_large_maps_are_averaged_and_many_units_stand_in_longer_rows() -> None:
    large = grid([RANDOM.random((224, 200, 8))])
    assert large.shape[1] < 700
    many = grid([RANDOM.random((7, 7, 2048))])
    assert many.shape[0] < 5000
    assert many.shape[1] < 2000
    eight = grid([RANDOM.random((7, 7, 2048))], per_row=8)
    assert eight.shape[0] > 256 * 42


def test_a_dead_map_is_not_stretched_to_noise_when_standardised() -> None:
    values = np.zeros((3, 3, 8), np.float32)
    values[..., 1] = RANDOM.random((3, 3))
    drawn = grid([values], standardise=True)
    assert count(drawn[HEAD:], (128, 128, 128)) >= 7 * 39 * 39


@pytest.mark.parametrize("title", ["c", "a_very_long_name_of_a_layer_" * 12 + " many words" * 20])
@pytest.mark.parametrize("shape", [(1,), (10,), (26, 26, 32), (1, 60, 3)])
def test_nothing_is_clipped_at_the_edges(title: str, shape: tuple[int, ...]) -> None:
    image = RANDOM.random((28, 20, 3))
    drawn = grid([RANDOM.random(shape)] * 2, layer=title, titles=[title] * 2, subtitle=title, images=[image] * 2)
    for edge in (drawn[:8], drawn[-6:], drawn[:, :8], drawn[:, -8:]):
        assert (edge == 255).all()


def test_equal_activations_have_equal_bytes() -> None:
    values = [RANDOM.random((3, 3, 12))]
    first = activation_grid(values, layer="a", titles=["b"])
    assert first == activation_grid(values, layer="a", titles=["b"])
    assert Image.open(io.BytesIO(first)).info == {}


VALUES = [np.zeros((3, 3, 4)), np.zeros((3, 3, 4))]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"values": []}, "at least one image"),
        ({"values": [VALUES[0], np.zeros(4)]}, "different layers"),
        ({"titles": ["one"]}, "1 titles"),
        ({"images": [np.zeros((2, 2, 1))]}, "1 images"),
        ({"marks": [None]}, "1 marks"),
        ({"marks": [None, Marks(own=np.zeros(4, bool))]}, "do not suit"),
        ({"groups": [GridGroup("a", 1)]}, "1 images, and there are 2"),
        ({"colours": "virids"}, "viridis"),
        ({"per_row": 0}, "one map per row"),
        ({"clip": (2.0, 1.0)}, "lower and a higher"),
        ({"images": [np.zeros((2, 2))] * 2}, "height, width, channels"),
    ],
)
def test_what_makes_no_grid_is_refused(given: Any, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        grid(**({"values": VALUES} | given))
