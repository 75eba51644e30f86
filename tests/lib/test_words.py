"""Numbers, times and parameters as people read them."""

import math
import re
from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from lib import words

ANY = st.floats()
FINITE = st.floats(allow_nan=False, allow_infinity=False)
SECONDS = {"h": 3600, "min": 60, "s": 1}
BYTES = {"byte": 1, "bytes": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "PB": 1e15}


def read(shown: str) -> float:
    """The number that a text says."""
    return float(shown.replace("−", "-").replace(",", ""))


def read_percent(shown: str) -> float:
    percent = Decimal(shown.removesuffix(" %").lstrip("<").replace("−", "-").replace(",", ""))
    return float(percent / (200 if shown.startswith("<") else 100))


def read_size(shown: str) -> float:
    amount, unit = shown.split(" ")
    return read(amount) * BYTES[unit]


def read_duration(shown: str) -> float:
    sign, words = (-1, shown[1:]) if shown.startswith("−") else (1, shown)
    return sign * sum(read(amount) * SECONDS[unit] for amount, unit in re.findall(r"([\d.,]+) (\w+)", words))


def test_numbers_of_a_column_have_the_same_digits() -> None:
    shown = {3.6: "3.60", 3.594: "3.59", 12.0: "12.0", 128.0: "128", 0.05: "0.0500", -3.6: "−3.60", 0.0: "0.00"}
    assert {value: words.number(value) for value in shown} == shown
    assert words.number(-0.0) == "0.00"


def test_large_and_small_numbers_are_written_as_people_write_them() -> None:
    shown = {
        999.6: "1,000",
        1234.5: "1,234",
        250_000.0: "250,000",
        1.5e7: "1.50e7",
        5e-5: "0.0000500",
        -2e-7: "−2.00e−7",
    }
    assert {value: words.number(value) for value in shown} == shown


@given(st.floats(-1e308, 1e308), st.integers(2, 6))
def test_a_number_is_rounded_and_never_cut(value: float, digits: int) -> None:
    shown = words.number(value, digits)
    assert math.isclose(read(shown), value, rel_tol=0.51 * 10 ** (1 - digits), abs_tol=5e-324)
    assert "e+" not in shown
    assert "e0" not in shown


@given(FINITE, FINITE, st.integers(1, 6))
def test_a_greater_number_is_not_shown_as_a_smaller_one(one: float, other: float, digits: int) -> None:
    assume(one <= other)
    assert read(words.number(one, digits)) <= read(words.number(other, digits))


@given(FINITE, FINITE, st.integers(0, 4))
@example(5.52e-14, 0.0, 2)
@example(-1.7e308, 1.7e308, 0)
def test_shares_keep_their_order_and_have_no_exponent(one: float, other: float, digits: int) -> None:
    assume(one <= other)
    shown = [words.percent(value, digits) for value in (one, other)]
    assert read_percent(shown[0]) <= read_percent(shown[1])
    for value, text in zip((one, other), shown, strict=True):
        assert re.fullmatch(r"<?−?[\d,.]+ %", text)
        assert math.isclose(read_percent(text), value, rel_tol=1e-12, abs_tol=0.51 * 10 ** (-2 - digits))


def test_a_share_that_is_almost_nothing_is_not_shown_as_nothing() -> None:
    assert [words.percent(value) for value in (0, 5.52e-14, 0.00005, 0.99343, 1)] == [
        "0.00 %",
        "<0.01 %",
        "0.01 %",
        "99.34 %",
        "100.00 %",
    ]
    assert [words.percent(value, 0) for value in (0, 0.004, 0.006, -0.004)] == ["0 %", "<1 %", "1 %", "0 %"]


@given(st.floats(-1e20, 1e20))
@example(999_600)
@example(999.6)
@example(999.6e9)
def test_a_size_has_three_digits_no_exponent_and_no_thousand_of_a_unit(value: float) -> None:
    shown = words.size(value)
    assert "e" not in shown.removesuffix("bytes").removesuffix("byte")
    assert not re.match(r"−?1,?000 (bytes|kB|MB|GB|TB)", shown)
    assert math.isclose(read_size(shown), value, rel_tol=0.0051, abs_tol=0.5)


@given(st.floats(-1e20, 1e20), st.floats(-1e20, 1e20))
def test_a_larger_size_is_not_shown_as_a_smaller_one(one: float, other: float) -> None:
    assume(one <= other)
    assert read_size(words.size(one)) <= read_size(words.size(other))


@given(st.floats(-1e15, 1e15))
@example(59.96)
@example(119.7)
@example(3599.6)
@example(7199.0)
def test_a_duration_never_has_sixty_of_anything_and_says_how_long_it_was(seconds: float) -> None:
    shown = words.duration(seconds)
    assert not re.search(r"\b60 (s|min)|(?<![.\d])0 (s|min)", shown)
    assert "e" not in shown
    precision = 0.051 if abs(seconds) < 9.95 else 0.51 if abs(seconds) < 3599 else 30.51
    assert math.isclose(read_duration(shown), seconds, rel_tol=1e-12, abs_tol=precision)


@given(st.floats(-1e15, 1e15), st.floats(-1e15, 1e15))
@example(3599.4, 3599.6)
def test_a_longer_duration_is_not_shown_as_a_shorter_one(one: float, other: float) -> None:
    assume(one <= other)
    assert read_duration(words.duration(one)) <= read_duration(words.duration(other))


def test_durations_and_sizes_read_as_people_write_them() -> None:
    durations = {
        0.42: "0.4 s",
        9.96: "10 s",
        42: "42 s",
        59.96: "1 min",
        119.7: "2 min",
        192: "3 min 12 s",
        3599.7: "1 h",
        7500: "2 h 5 min",
        -3.0: "−3.0 s",
    }
    assert {seconds: words.duration(seconds) for seconds in durations} == durations
    sizes = {0: "0 bytes", 1: "1 byte", 512: "512 bytes", 3400: "3.4 kB", 999_600: "1 MB", 1_230_000_000: "1.23 GB"}
    assert {value: words.size(value) for value in sizes} == sizes


@given(ANY, st.sampled_from((words.number, words.percent, words.size, words.duration)))
def test_what_is_no_finite_number_is_a_dash(value: float, say: object) -> None:
    assert callable(say)
    shown = say(value)
    assert shown
    assert (shown == "–") == (not math.isfinite(value))
    assert say(None) == "–"


@pytest.mark.parametrize(
    ("ticks", "share", "shown"),
    [
        ([0.0, 0.25, 0.5], True, ["0 %", "25 %", "50 %"]),
        ([0.975, 0.98, 0.985], True, ["97.5 %", "98.0 %", "98.5 %"]),
        ([-2.0, 0.0, 2.0], False, ["−2", "0", "2"]),
        ([0.0, 2.5, 5.0], False, ["0.0", "2.5", "5.0"]),
        ([0.0, 500.0, 1000.0], False, ["0", "500", "1,000"]),
        ([0.0, 1.5e7], False, ["0", "1.5e7"]),
        ([0.0, 250_000.0], False, ["0", "250000"]),
        ([0.0, 2e-12], False, ["0", "2e−12"]),
        ([], False, []),
    ],
)
def test_the_labels_of_an_axis_have_as_many_decimals_as_tell_them_apart(
    ticks: list[float], share: bool, shown: list[str]
) -> None:
    assert words.labels(ticks, share=share) == shown


def test_times_and_shapes_read_as_people_write_them() -> None:
    stamp = "2026-11-22T12:04:03.186458+00:00"
    assert words.shape([26, None, 32]) == "26 × any × 32"
    assert words.moment(stamp) == "2026-11-22 12:04 UTC"
    assert datetime.fromisoformat(words.local_moment(stamp)).astimezone() == datetime.fromisoformat(stamp).replace(
        microsecond=0
    )
    assert (words.moment(None), words.local_moment(None)) == ("–", "")


def test_what_is_counted_has_its_thousands_apart_and_its_plural() -> None:
    assert [words.plural(many, "map") for many in (0, 1, 1234)] == ["0 maps", "1 map", "1,234 maps"]
    assert words.plural(2, "picture depends", "pictures depend") == "2 pictures depend"


def test_parameters_of_every_kind_are_words() -> None:
    known = {None: "none", True: "yes", 0.5: "0.5", "a": "a"}
    assert [words.parameter(value) for value in known] == list(known.values())
    assert words.parameter([[1.0, 3.0], [7.0]]) == "1, 3; 7"
    assert words.parameter({"blur": 0.5, "kinds": []}) == "blur 0.5, kinds none"
