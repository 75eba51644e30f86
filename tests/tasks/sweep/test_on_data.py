"""Whether any image of the data set makes a unit respond, told from what records of every version say."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.sweep.on_data import is_far, on_data

positive = st.floats(2**-40, 2**40)


def about(
    exemplars: Sequence[float],
    *,
    response: float = 2.0,
    pre_activation: float = 1.0,
    ratio: float | None = None,
    curve: Sequence[float | None] = (0.5,),
    **more: Any,
) -> dict[str, Any]:
    """The attributes of a unit, as far as they matter here."""
    oip = {"response": response, "pre_activation": pre_activation, "curve": list(curve)}
    return {"exemplar_responses": list(exemplars), "response_ratio": ratio, "oips": [oip], **more}


@given(st.lists(positive, min_size=1, max_size=9), st.integers(0, 8))
def test_one_image_that_makes_it_respond_is_enough(responses: list[float], zeros: int) -> None:
    assert on_data(about([*sorted(responses, reverse=True), *[0.0] * zeros])) == "active"


@given(st.integers(1, 9), positive)
def test_a_unit_that_no_image_makes_respond_is_never_active_whatever_its_oip_does(count: int, response: float) -> None:
    assert on_data(about([0.0] * count, response=response)) == "never"


def test_without_a_data_set_nothing_is_said() -> None:
    assert on_data(about([])) is None


@pytest.mark.parametrize("exemplars", [[3.0, 2.0], [0.0, 0.0], [-1.0, -2.0]])
def test_of_a_linear_unit_nothing_is_said(exemplars: list[float]) -> None:
    assert on_data(about(exemplars, signed=True)) is None


@pytest.mark.parametrize(
    "linear",
    [
        about([-0.5, -1.0], response=2.0, pre_activation=2.0),
        about([1.5, 1.0], response=2.0, pre_activation=2.0, curve=[None, -0.25, 2.0]),
        about([-0.5], response=-0.25, pre_activation=-0.25),
    ],
)
def test_an_old_record_tells_a_linear_unit_by_responses_below_zero_that_are_its_pre_activations(linear: Any) -> None:
    assert on_data(linear) is None


def test_a_node_that_always_responds_is_not_taken_for_a_linear_one() -> None:
    assert on_data(about([1.5, 1.0], response=2.0, pre_activation=2.0, curve=[0.5, 2.0])) == "active"


def test_a_unit_whose_activation_goes_below_zero_is_active_where_a_response_is_above() -> None:
    """As after a swish: what it answers is not its pre-activation."""
    assert on_data(about([-0.1, -0.2], response=2.0, pre_activation=2.1)) == "never"
    assert on_data(about([0.1, -0.2], response=2.0, pre_activation=2.1)) == "active"


@pytest.mark.parametrize(("ratio", "far"), [(None, False), (1.2, False), (20.0, False), (20.5, True), (51.0, True)])
def test_an_oip_is_far_from_anything_natural_above_twenty_times_the_best_exemplar(
    ratio: float | None, far: bool
) -> None:
    assert is_far(about([1.0], ratio=ratio)) is far
