"""The picture of what carries a prediction."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lib.draw.attribution_picture import AttributionMap, attribution_picture
from lib.errors import BadInput

RANDOM = np.random.default_rng(0)
BLACK = np.zeros((28, 28, 1))


def picture(values: Any, image: Any = BLACK, **more: Any) -> Any:
    maps = [AttributionMap("occlusion", part, "How far the logit falls.") for part in values]
    png = attribution_picture(image, maps, **({"title": "test/4860"} | more))
    return np.asarray(Image.open(io.BytesIO(png))).astype(int)


def left_panel(drawn: Any) -> Any:
    """The middle of the first map: 28 times 9 pixels wide, behind the image and a gap."""
    return drawn[90:280, 16 + 252 + 22 : 16 + 252 + 22 + 252]


def test_red_speaks_for_the_class_and_blue_against_it() -> None:
    values = np.zeros((28, 28))
    values[10, 10], values[10, 20] = 2.0, -2.0
    panel = left_panel(picture([values]))
    assert ((panel[..., 0] - panel[..., 2]) > 60).sum() == 81
    assert ((panel[..., 2] - panel[..., 0]) > 60).sum() == 81


def test_the_scale_goes_as_far_to_either_side() -> None:
    values = np.zeros((28, 28))
    values[10, 10], values[10, 20] = 2.0, -0.2
    weak = left_panel(picture([values]))
    blue = weak[..., 2] - weak[..., 0]
    assert 0 < blue.max() < 60


def test_one_pixel_does_not_fade_all_others() -> None:
    values = RANDOM.normal(size=(28, 28))
    values[3, 3] = 1e6
    assert left_panel(picture([values])).std() > 20


@pytest.mark.parametrize("paper", [0.0, 1.0])
def test_strokes_are_darker_on_black_and_on_white(paper: float) -> None:
    image = np.full((28, 28, 1), paper)
    image[5:25, 14] = 1 - paper
    panel = left_panel(picture([np.zeros((28, 28))], image))
    assert panel[100, 9 * 14 + 4].sum() < panel[100, 20].sum() - 60


@pytest.mark.parametrize("title", ["c", "many words " * 40])
@pytest.mark.parametrize("shape", [(28, 28, 1), (224, 200, 3), (9, 40, 2), (1, 1, 1)])
def test_nothing_is_clipped_at_the_edges(shape: tuple[int, ...], title: str) -> None:
    drawn = picture([RANDOM.normal(size=shape[:2])] * 2, RANDOM.random(shape), title=title, subtitle=title)
    for edge in (drawn[:8], drawn[-6:], drawn[:, :8], drawn[:, -8:]):
        assert (edge == 255).all()


def test_a_map_of_nothing_and_one_that_is_no_number_are_drawn() -> None:
    panel = left_panel(picture([np.zeros((28, 28))]))
    assert panel.std() < 2
    picture([np.full((28, 28), np.nan)])


def test_equal_maps_have_equal_bytes() -> None:
    values = RANDOM.normal(size=(28, 28))
    maps = [AttributionMap("occlusion", values, "")]
    first = attribution_picture(BLACK, maps, title="a")
    assert first == attribution_picture(BLACK, maps, title="a")
    assert Image.open(io.BytesIO(first)).info == {}


def test_what_makes_no_picture_is_refused() -> None:
    for values, image in (([], BLACK), ([np.zeros((3, 3))], BLACK), ([np.zeros((28, 28))], BLACK[..., 0])):
        with pytest.raises(BadInput):
            picture(values, image)
