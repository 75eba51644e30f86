"""Whatever a stranger calls a thing, its name steers no terminal, breaks no line and can be written anywhere."""

import json
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lib.errors import BadInput, BadValue, Question
from lib.printable import printable, printable_lines, show_name

# Any text that Python can hold, halves of characters too, and much of what steers terminals.
TEXTS = st.one_of(
    st.text(st.characters(codec=None), max_size=30),
    st.text(st.sampled_from("\x1b\x9b[]\x07\r\n\t\x00\x7f\u202e\u2066\u2028\ufeff\udce9\ud800%41a"), max_size=20),
)


def steers(text: str) -> bool:
    """Whether there is anything in a text but what is seen."""
    kinds = {unicodedata.category(character) for character in text}
    return bool(kinds & {"Cc", "Cs", "Zl", "Zp"} or set(text) & set("\u061c\u200e\u200f\u202e\u2066\ufeff"))


@given(TEXTS)
@example("\x1b]0;title\x07")
@example("\ud800")
def test_what_is_printable_is_one_line_that_steers_nothing(text: str) -> None:
    shown = printable(text)
    assert not steers(shown)
    assert printable(shown) == shown
    assert json.loads(json.dumps(shown, ensure_ascii=False).encode()) == shown


@given(TEXTS)
def test_lines_and_tabs_stay_where_they_may_be(text: str) -> None:
    assert not steers(printable_lines(text).replace("\n", "").replace("\t", ""))
    assert printable_lines("one\n\ttwo") == "one\n\ttwo"


@given(TEXTS)
def test_a_shown_name_steers_nothing_either(text: str) -> None:
    assert not steers(show_name(text))


@pytest.mark.parametrize(
    "problem",
    [
        BadInput("there is no \x1b[31mmodel\n\udce9"),
        BadValue("data\x1b", "x", "it \x9b must be"),
        Question("pixels", "what is \u202e?"),
    ],
)
def test_no_message_of_ours_hands_a_strangers_name_on(problem: BadInput) -> None:
    assert not steers(str(problem))
