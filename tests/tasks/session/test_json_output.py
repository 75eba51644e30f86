"""What is told in words and numbers, as JSON that every reader takes."""

import json
import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tasks.session.json_output import json_output

told = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


def _null(value: object) -> object:
    if isinstance(value, list):
        return [_null(one) for one in value]
    if isinstance(value, dict):
        return {name: _null(one) for name, one in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


@given(told)
def test_everything_comes_back_and_what_is_no_number_as_null(value: object) -> None:
    output = json_output("summary", value, {"title": "x"})
    assert json.loads(output.data, parse_constant=lambda name: (_ for _ in ()).throw(AssertionError(name))) == _null(
        value
    )
    assert (output.role, output.media_type, output.attributes) == ("summary", "application/json", {"title": "x"})


def test_a_numpy_number_that_is_none_becomes_null() -> None:
    assert json_output("s", [np.float64("nan"), np.float64(0.5)], {}).data == b"[null, 0.5]"
