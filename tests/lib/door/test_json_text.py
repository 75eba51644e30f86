"""JSON from a stranger is what it says, or refused before it takes memory."""

import json

import hypothesis.strategies as st
import pytest
from hypothesis import given

from lib.door.json_text import read_json
from lib.door.limits import DEEPEST_JSON
from lib.errors import BadInput

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(), inside, max_size=4),
    max_leaves=20,
)


def attempt(data: bytes) -> tuple[object, str]:
    """What is read, or what is said instead."""
    try:
        return read_json(data, "it"), ""
    except BadInput as problem:
        return None, str(problem)


@given(VALUES, st.booleans())
def test_what_json_wrote_is_read_whatever_brackets_stand_in_its_texts(value: object, plain: bool) -> None:
    assert (
        read_json(json.dumps([value, '[[[{{\\"[' * 20], ensure_ascii=plain).encode("utf-8", "replace"), "it")
        is not None
    )
    assert read_json(json.dumps(value), "it") == value


@given(st.binary(max_size=80) | st.text(alphabet='[]{}",:\\0eE+-.nult', max_size=80).map(str.encode))
def test_any_bytes_are_json_or_refused_in_a_line(data: bytes) -> None:
    found, said = attempt(data)
    assert said.startswith("it ") or json.loads(data) == found or found != found
    assert "\n" not in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * (DEEPEST_JSON + 1), "deep in its JSON"),
        ('{"a":' * 1_000_000, "deep in its JSON|bytes of JSON"),
        ("[" + "[]," * 600_000 + "0]", "lists and objects"),
        ('"' + "a" * (9 << 20) + '"', "bytes of JSON"),
        ("9" * 10_000, "no JSON"),
    ],
)
def test_what_is_too_much_is_not_parsed(text: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        read_json(text, "it")
