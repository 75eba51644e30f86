"""Circles about what images have in common."""

import numpy as np
import pytest

from lib.draw.activation_marks import MARK_COLOURS, MARK_WORDS, Marks, circle, kinds_of, patterns_of

SOME, NONE = np.array([True, False]), np.array([False, False])


def test_the_legend_names_what_is_marked_and_nothing_else() -> None:
    assert kinds_of(None) == []
    assert kinds_of([None, Marks(own=NONE, both=NONE)]) == []
    assert kinds_of([Marks(both=SOME), None, Marks(own=SOME, other=NONE)]) == ["own", "both"]
    assert set(MARK_WORDS) == set(MARK_COLOURS)


def test_what_is_of_the_class_alone_lies_on_top() -> None:
    assert [kind for kind, _ in patterns_of(Marks(own=SOME, both=SOME, other=SOME))][-1] == "own"
    assert patterns_of(None) == patterns_of(Marks()) == []


@pytest.mark.parametrize("radius", [7, 16])
@pytest.mark.parametrize("kind", MARK_COLOURS)
def test_a_circle_is_a_ring_of_its_colour_that_leaves_its_middle_free(kind, radius) -> None:
    ring = np.asarray(circle(MARK_COLOURS[kind], radius)).astype(int)
    middle = ring.shape[0] // 2
    assert ring.shape == (2 * radius + 6, 2 * radius + 6, 4)
    inside = slice(middle - radius // 2, middle + radius // 2)
    assert ring[inside, inside, 3].max() < 10
    coloured = (np.abs(ring[..., :3] - MARK_COLOURS[kind]).sum(axis=-1) < 60) & (ring[..., 3] > 200)
    assert coloured.any(axis=0).sum() >= 2 * radius
    dark = (ring[..., :3].sum(axis=-1) < 200) & (ring[..., 3] > 100)
    assert dark.sum() > coloured.sum() / 2, "on its own colour it would not be seen"
