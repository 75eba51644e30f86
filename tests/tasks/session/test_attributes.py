"""What records say of themselves, read as types."""

import pytest
from typing_extensions import TypedDict

from storage.errors import StoreError
from tasks.session.attributes import read_as


class Curve(TypedDict):
    name: str
    values: list[float]


class Dream(TypedDict):
    title: str
    curves: list[Curve]


def test_attributes_are_read_as_what_they_are_and_the_rest_is_left_out() -> None:
    about = read_as(Dream, {"title": "rose", "curves": [{"name": "octave 1", "values": [0.5, 2]}], "other": 1})
    assert about == {"title": "rose", "curves": [{"name": "octave 1", "values": [0.5, 2.0]}]}


def test_what_is_missing_or_of_another_type_is_named() -> None:
    with pytest.raises(StoreError, match="curves of a stored Dream is not as expected"):
        read_as(Dream, {"title": "rose"})
    with pytest.raises(StoreError, match=r"curves\.0\.values\.1 of a stored Dream"):
        read_as(Dream, {"title": "rose", "curves": [{"name": "octave 1", "values": [0.5, "high"]}]})
