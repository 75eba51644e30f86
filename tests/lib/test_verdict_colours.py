"""The colours of what came of a unit: readable wherever they stand, and the same everywhere."""

from typing import get_args

import pytest

from lib.errors import BadInput
from lib.oips.verdict import Verdict
from lib.verdict_colours import VERDICTS, Colour, verdict_colour


def luminance(colour: Colour) -> float:
    """As WCAG 2 defines it."""
    parts = [part / 255 for part in colour]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("verdict", VERDICTS)
def test_white_words_on_each_colour_can_be_read(verdict: str) -> None:
    for colour in (VERDICTS[verdict].light, VERDICTS[verdict].dark):
        assert 1.05 / (luminance(colour) + 0.05) >= 4.5


def test_every_verdict_has_a_colour_and_so_have_what_failed_and_what_is_left() -> None:
    assert tuple(VERDICTS) == (*get_args(Verdict), "failed", "left")


def test_a_word_that_is_no_verdict_is_refused() -> None:
    with pytest.raises(BadInput, match="verdict 'alive' is none of responded, unreached, silent, dead, failed, left"):
        verdict_colour("alive")
