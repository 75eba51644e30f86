"""Numbers, times and parameters as people read them."""

import math

from hypothesis import given
from hypothesis import strategies as st

from lib import words


def test_numbers_of_a_column_have_the_same_digits() -> None:
    assert [words.number(value) for value in (3.6, 3.594, 12.0, 128.0, 0.05, -3.6)] == [
        "3.60",
        "3.59",
        "12.0",
        "128",
        "0.0500",
        "−3.60",
    ]
    assert words.number(None) == "–"


@given(st.floats(1e-6, 1e6), st.integers(2, 6))
def test_a_number_is_rounded_and_never_cut(value: float, digits: int) -> None:
    shown = words.number(value, digits).replace("−", "-")
    assert math.isclose(float(shown), value, rel_tol=10 ** (1 - digits))


@given(st.floats(0, 1e6))
def test_a_duration_never_has_sixty_of_anything(seconds: float) -> None:
    assert " 60 " not in f" {words.duration(seconds)} "


def test_durations_sizes_and_shapes_read_as_people_write_them() -> None:
    assert [words.duration(value) for value in (0.42, 42, 192, 7500)] == ["0.4 s", "42 s", "3 min 12 s", "2 h 5 min"]
    assert [words.size(value) for value in (512, 3400, 1_230_000_000)] == ["512 bytes", "3.4 kB", "1.23 GB"]
    assert words.shape([26, None, 32]) == "26 × any × 32"
    assert words.moment("2026-11-22T12:04:03.186458+00:00") == "2026-11-22 12:04 UTC"
    assert words.percent(0.99343) == "99.34 %"
    assert words.plural(1, "map") + words.plural(1234, "map") == "1 map1,234 maps"


def test_parameters_of_every_kind_are_words() -> None:
    known = {None: "none", True: "yes", 0.5: "0.5", "a": "a"}
    assert [words.parameter(value) for value in known] == list(known.values())
    assert words.parameter([[1.0, 3.0], [7.0]]) == "1, 3; 7"
    assert words.parameter({"blur": 0.5, "kinds": []}) == "blur 0.5, kinds none"
