"""What a setting may be stands in its annotation, and whoever makes the settings is held to it."""

import json
import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge, Gt, Lt, MinLen
from pydantic import TypeAdapter

from lib.errors import BadInput
from lib.settings import About, about, check, hints_of, read_number


@dataclass(frozen=True)
class Oven:
    heat: Annotated[float, Ge(0), Lt(300), About("Heat", "How hot it is, in degrees.")] = 180.0
    fan: Annotated[Literal["off", "slow", "fast"], About("Fan", "How fast the fan turns.")] = "off"
    minutes: Annotated[int | None, Ge(1), About("Minutes", "How long; until it is done where none are given.")] = None
    trays: Annotated[
        tuple[Annotated[tuple[Annotated[float, Gt(0)], ...], MinLen(1)], ...],
        MinLen(1),
        About("Trays", "One or more trays, each with heights above 0."),
    ] = ((1.0, 2.0),)

    def __post_init__(self) -> None:
        check(self)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("heat", -1.0, "heat is -1.0; it must be 0 or more and below 300"),
        ("heat", 300, "heat is 300; it must be 0 or more and below 300"),
        ("heat", math.nan, "heat is nan; it must be 0 or more and below 300"),
        ("heat", -math.inf, "heat is -inf; it must be 0 or more and below 300"),
        ("heat", None, "heat is None; it must be 0 or more and below 300"),
        ("fan", "turbo", "fan is 'turbo'; choose from off, slow, fast"),
        ("minutes", 0, "minutes is 0; it must be 1 or more"),
        ("trays", (), "trays is (); it must fit its description: One or more trays, each with heights above 0."),
        ("trays", ((),), "trays is ((),); it must fit its description: One or more trays, each with heights above 0."),
        (
            "trays",
            ((1.0, 0.0),),
            "trays is ((1.0, 0.0),); it must fit its description: One or more trays, each with heights above 0.",
        ),
    ],
)
def test_what_is_outside_of_the_limits_is_refused_in_one_line(name: str, value: Any, message: str) -> None:
    with pytest.raises(BadInput) as refused:
        Oven(**{name: value})
    assert str(refused.value) == message


@pytest.mark.parametrize("given", [{}, {"heat": 0}, {"fan": "fast"}, {"minutes": 1}, {"trays": ((0.5,), (1.0, 2.0))}])
def test_what_is_within_is_taken(given: dict[str, Any]) -> None:
    assert Oven(**given)


def test_what_is_said_of_a_setting_can_be_asked_for() -> None:
    assert about(hints_of(Oven)["fan"]) == About("Fan", "How fast the fan turns.")
    assert list(hints_of(Oven)) == ["heat", "fan", "minutes", "trays"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("heat", "hot", "--heat is 'hot'; it must be a number, 0 or more and below 300"),
        ("heat", "", "--heat is ''; it must be a number, 0 or more and below 300"),
        ("heat", "nan", "--heat is 'nan'; it must be a number, 0 or more and below 300"),
        ("heat", "300", "--heat is 300.0; it must be 0 or more and below 300"),
        ("minutes", "1.5", "--minutes is '1.5'; it must be a whole number, 1 or more"),
        ("minutes", "-2", "--minutes is -2; it must be 1 or more"),
    ],
)
def test_a_text_that_is_no_number_within_the_limits_is_refused(name: str, text: str, message: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_number(f"--{name}", text, hints_of(Oven)[name])
    assert str(refused.value) == message


def test_a_text_is_read_as_the_number_that_it_is() -> None:
    assert read_number("--minutes", "12", hints_of(Oven)["minutes"]) == 12
    assert read_number("--heat", "1e2", hints_of(Oven)["heat"]) == 100.0


def test_a_form_has_the_words_the_limits_the_choices_and_the_default() -> None:
    fields = TypeAdapter(Oven).json_schema()["properties"]
    said = {"title": "Heat", "description": "How hot it is, in degrees."}
    assert fields["heat"] == {**said, "type": "number", "minimum": 0, "exclusiveMaximum": 300, "default": 180.0}
    assert (fields["fan"]["enum"], fields["fan"]["default"]) == (["off", "slow", "fast"], "off")
    assert fields["minutes"]["anyOf"] == [{"minimum": 1, "type": "integer"}, {"type": "null"}]
    assert fields["minutes"]["title"] == "Minutes"
    assert fields["trays"]["items"] == {
        "type": "array",
        "minItems": 1,
        "items": {"type": "number", "exclusiveMinimum": 0},
    }
    assert "NaN" not in json.dumps(fields)
