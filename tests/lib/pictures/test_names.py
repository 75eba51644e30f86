"""Any file name can be shown, and found again by what is shown."""

import json
import os

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lib.pictures.names import LONGEST, fitting, parse_name, show_name

# Names as the system has them: any bytes but 0; among them many that are nearly escapes, or nearly UTF-8.
NAMES = st.one_of(
    st.binary(max_size=30),
    st.lists(st.sampled_from([b"%", b"4", b"1", b"F", b"e", b"\xc3", b"\xa9", b"\n", b"/"]), max_size=12).map(b"".join),
    st.text(max_size=20).map(lambda text: text.encode("utf-8", "replace")),
).map(lambda name: name.decode("utf-8", "surrogateescape"))


@given(NAMES)
@example("%")
@example("%%41")
@example("%2541")
def test_a_name_is_found_again_by_what_is_shown(name: str) -> None:
    assert parse_name(show_name(name)) == name


@given(NAMES)
def test_what_is_shown_is_one_line_of_valid_text(name: str) -> None:
    text = show_name(name)
    assert json.loads(json.dumps(text, ensure_ascii=False).encode()) == text
    assert len(text.splitlines()) <= 1


@given(NAMES, NAMES)
def test_two_names_are_never_shown_alike(one: str, other: str) -> None:
    assert (show_name(one) == show_name(other)) == (one == other)


@pytest.mark.parametrize(
    "name",
    [
        "holiday 2026/IMG_0001 (2).JPG",
        "🏝️ 👩‍👩‍👧.png",
        "Füße.png",
        "50% off.png",
        "100%.png",
        "日本/写真.webp",
        "a\\b.png",
    ],
)
def test_ordinary_names_are_shown_as_they_are(name: str) -> None:
    assert show_name(name) == name


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("caf\udce9.png", "caf%E9.png"),
        ("a\nb.png", "a%0Ab.png"),
        ("\x1b[31mred.png", "%1B[31mred.png"),
        ("a%20b.png", "a%2520b.png"),
        ("\u202egnp.exe", "%E2%80%AEgnp.exe"),
    ],
)
def test_what_cannot_be_shown_is_escaped(name: str, text: str) -> None:
    assert show_name(name) == text


@given(st.lists(st.binary(min_size=1, max_size=300).map(lambda part: part.replace(b"/", b"_")), min_size=1, max_size=3))
def test_a_path_that_fits_stays_and_any_other_is_cut_to_one_that_does(parts: list[bytes]) -> None:
    path = os.fsdecode(b"/".join(parts))
    fitted = os.fsencode(fitting(path, ".strip.png")).split(b"/")
    assert len(fitted) == len(parts)
    assert fitted[-1].endswith(b".strip.png")
    for part, fits in zip([*parts[:-1], parts[-1] + b".strip.png"], fitted, strict=True):
        assert len(fits) <= LONGEST
        assert (fits == part) == (len(part) <= LONGEST)


@given(NAMES, NAMES)
def test_long_names_that_differ_in_any_letter_stay_apart(one: str, other: str) -> None:
    long = "ü" * 200
    names = [os.fsencode(fitting(f"{one}{long}{other}{end}", ".png")) for end in ("", "x")]
    assert names[0] != names[1]
    assert names == [os.fsencode(fitting(f"{one}{long}{other}{end}", ".png")) for end in ("", "x")]
