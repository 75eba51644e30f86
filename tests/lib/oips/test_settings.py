"""Every setting of a growth is checked where it is made, by one message that names it."""

import math
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lib.errors import BadInput
from lib.oips.settings import GrowthSettings
from lib.oips.style import LEAST_MARGIN, STYLES, in_style, is_small, usual_style


def test_the_defaults_are_good() -> None:
    assert GrowthSettings() == GrowthSettings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("constraint", "sphere"),
        ("objective", "loss"),
        ("starts", -3),
        ("steps", -10),
        ("step_size", -0.1),
        ("step_size", math.inf),
        ("step_size", math.nan),
        ("smoothing", -0.5),
        ("smoothing", math.inf),
        ("smoothing", math.nan),
        ("jitter", -1),
        ("seed", -1),
        ("length_scales", ()),
        ("length_scales", ((),)),
        ("length_scales", ((1.0,), ())),
        ("length_scales", ((0.0,),)),
        ("length_scales", ((1.0, -2.0),)),
        ("length_scales", ((math.inf,),)),
        ("length_scales", ((math.nan,),)),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused_by_its_name_in_one_line(name: str, value: Any) -> None:
    with pytest.raises(BadInput) as refused:
        GrowthSettings(**{name: value})
    assert name in str(refused.value)
    assert "\n" not in str(refused.value)


def test_fewer_starts_than_oips_are_refused() -> None:
    with pytest.raises(BadInput, match="3 restarts cannot give 4 OIPs"):
        GrowthSettings(starts=3, oips=4)
    assert GrowthSettings(starts=4, oips=4).starts == 4


@pytest.mark.parametrize("style", STYLES)
def test_what_is_left_open_is_the_styles_and_what_was_said_stays(style: str) -> None:
    said = {"seed": 7, "steps": 12, "step_size": 0.3, "jitter": 5}
    open_left, settled = GrowthSettings().in_style(style), GrowthSettings(**said).in_style(style)
    for field in fields(settled):
        usual = STYLES[style].defaults.get(field.name, getattr(open_left, field.name))
        assert getattr(open_left, field.name) == usual
        assert getattr(settled, field.name) == said.get(field.name, usual)


def test_a_style_gives_way_where_more_oips_or_fewer_restarts_are_wanted() -> None:
    assert GrowthSettings(oips=4).in_style("natural").starts == 4
    assert GrowthSettings(starts=2).in_style("strong").oips == 2


def test_the_constraint_is_what_was_said_then_the_styles_then_the_networks() -> None:
    assert GrowthSettings(constraint="box").in_style("strong", constraint="standardised").constraint == "box"
    assert GrowthSettings(constraint="standardised").in_style("natural").constraint == "standardised"
    assert GrowthSettings().in_style("natural", constraint="standardised").constraint == "box"
    assert GrowthSettings().in_style("strong", constraint="standardised").constraint == "standardised"


@pytest.mark.parametrize(
    ("input_shape", "size", "style"),
    [
        ((None, 28, 28, 1), None, "strong"),
        ((None, 63, 63, 1), None, "strong"),
        ((None, 28, 64, 1), None, "natural"),
        ((None, 28, 28, 3), None, "natural"),
        ((None, None, None, 1), (28, 28), "strong"),
        ((None, 28, 28, 1), (64, 64), "natural"),
    ],
)
def test_small_grey_images_are_grown_strong_and_others_natural(
    input_shape: tuple[int | None, ...], size: tuple[int, int] | None, style: str
) -> None:
    assert usual_style(small=is_small(input_shape, size)) == style


def test_images_that_are_not_small_grow_with_a_margin_at_least_so_wide_and_small_ones_without() -> None:
    small = GrowthSettings().in_style("strong")
    assert (small.margin, small.jitter) == (False, 0)
    large = GrowthSettings().in_style("strong", margin=True)
    assert (large.margin, large.jitter) == (True, LEAST_MARGIN)
    assert GrowthSettings(jitter=2).in_style("strong", margin=True).jitter == 2
    natural = GrowthSettings().in_style("natural", margin=True)
    assert natural.jitter > LEAST_MARGIN
    assert in_style(natural, "strong") == GrowthSettings(constraint="box").in_style("strong", margin=True)


def test_an_unknown_style_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(BadInput, match="choose from natural, strong, clean"):
        GrowthSettings().in_style("loud")


def test_settings_are_checked_when_one_is_replaced() -> None:
    with pytest.raises(BadInput, match="steps"):
        replace(GrowthSettings(), steps=-1)


def test_what_was_asked_for_stays_in_the_style_that_a_search_falls_back_on() -> None:
    asked = in_style(GrowthSettings(oips=80, steps=16).in_style("natural", margin=True), "strong")
    strong = STYLES["strong"].defaults
    assert (asked.oips, asked.starts, asked.steps) == (80, 80, 16)
    assert asked.step_size == strong["step_size"]


@given(
    st.sampled_from(list(STYLES)), st.sampled_from(list(STYLES)), st.integers(0, 9), st.integers(0, 9), st.booleans()
)
def test_whatever_was_asked_for_there_is_a_style_to_fall_back_on(
    first: str, second: str, oips: int, starts: int, margin: bool
) -> None:
    assume(not 0 < starts < oips)
    asked = GrowthSettings(oips=oips, starts=starts).in_style(first, margin=margin)
    again = in_style(asked, second)
    assert again.style == second
    if starts and starts != STYLES[first].defaults["starts"]:
        assert again.starts >= starts
    if oips and oips != STYLES[first].defaults["oips"]:
        assert again.oips == oips


def test_restarts_that_more_oips_alone_have_raised_were_not_asked_for() -> None:
    again = in_style(GrowthSettings(oips=3).in_style("natural"), "strong")
    assert (again.oips, again.starts) == (3, STYLES["strong"].defaults["starts"])
    assert in_style(GrowthSettings(starts=2).in_style("natural"), "strong").starts == 2
