"""Every setting of a growth is checked where it is made, by one message that names it."""

import math
from dataclasses import fields, replace
from typing import Any

import pytest

from lib.errors import BadInput
from lib.oips.settings import STYLES, GrowthSettings


def test_the_defaults_are_good() -> None:
    assert GrowthSettings() == GrowthSettings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("constraint", "sphere"),
        ("objective", "loss"),
        ("oips", 0),
        ("starts", 0),
        ("starts", -3),
        ("steps", 0),
        ("steps", -10),
        ("step_size", 0.0),
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
def test_a_style_changes_what_it_names_and_nothing_else(style: str) -> None:
    plain = GrowthSettings(seed=7, steps=12)
    styled = plain.in_style(style)
    for field in fields(GrowthSettings):
        if field.name in STYLES[style]:
            assert getattr(styled, field.name) == STYLES[style][field.name]
        else:
            assert getattr(styled, field.name) == getattr(plain, field.name)


def test_a_style_leaves_alone_what_was_set_otherwise() -> None:
    assert GrowthSettings(jitter=5).in_style("clean") == replace(GrowthSettings().in_style("clean"), jitter=5)


def test_the_clean_style_smooths_and_the_strong_one_is_the_default() -> None:
    assert GrowthSettings().in_style("strong") == GrowthSettings()
    assert GrowthSettings().in_style("clean").smoothing > 0


def test_an_unknown_style_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(BadInput, match="choose from strong, clean"):
        GrowthSettings().in_style("loud")


def test_settings_are_checked_when_one_is_replaced() -> None:
    with pytest.raises(BadInput, match="steps"):
        replace(GrowthSettings(), steps=0)
