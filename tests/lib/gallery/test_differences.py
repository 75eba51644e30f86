"""In what two sets of parameters differ."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lib.gallery.differences import ABSENT, differences

VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2)
NAMES = st.text("abc", min_size=1, max_size=2)
PARAMETERS = st.dictionaries(NAMES, VALUES | st.dictionaries(NAMES, VALUES, max_size=3), max_size=4)


def flat(parameters: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in parameters.items():
        nested = isinstance(value, dict) and value
        found |= {f"{name} {key}": one for key, one in value.items()} if nested else {name: value}
    return found


@given(PARAMETERS, PARAMETERS)
def test_exactly_what_is_not_equal_is_told_with_both_values(first: Any, second: Any) -> None:
    one, other = flat(first), flat(second)
    told = {name: (before, after) for name, before, after in differences(first, second)}
    for name in one.keys() | other.keys():
        if name in one and name in other and one[name] == other[name]:
            assert name not in told
        else:
            assert told[name] == (one.get(name, ABSENT), other.get(name, ABSENT))
    assert list(told) == sorted(told)


@given(PARAMETERS)
def test_nothing_differs_from_itself(parameters: Any) -> None:
    assert differences(parameters, parameters) == []
