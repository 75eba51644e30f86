"""Digests of recipes."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import StoreError
from storage.recipe import Recipe

PARAMETERS = st.dictionaries(st.text("abc", max_size=3), st.integers() | st.booleans() | st.none(), max_size=4)


@given(PARAMETERS)
def test_the_order_of_parameters_does_not_matter(parameters):
    turned = dict(reversed(list(parameters.items())))
    assert (
        Recipe("oip", 1, parameters, {"a": "1", "b": "2"}).digest
        == Recipe("oip", 1, turned, {"b": "2", "a": "1"}).digest
    )


def test_everything_in_a_recipe_changes_its_digest():
    recipes = [
        Recipe("oip", 1, {"steps": 100}, {"checkpoint": "a"}),
        Recipe("layer", 1, {"steps": 100}, {"checkpoint": "a"}),
        Recipe("oip", 2, {"steps": 100}, {"checkpoint": "a"}),
        Recipe("oip", 1, {"steps": 101}, {"checkpoint": "a"}),
        Recipe("oip", 1, {"steps": None}, {"checkpoint": "a"}),
        Recipe("oip", 1, {"steps": 100, "seed": 0}, {"checkpoint": "a"}),
        Recipe("oip", 1, {"steps": 100}, {"checkpoint": "b"}),
        Recipe("oip", 1, {"steps": 100}, {"model": "a"}),
    ]
    assert len({recipe.digest for recipe in recipes}) == len(recipes)


def test_the_digest_is_for_ever():
    # Were it to change, every store would be computed anew.
    recipe = Recipe("oip", 1, {"steps": 100, "step_size": 0.5, "layer": "Conv2D_2"}, {"checkpoint": "ab" * 32})
    assert recipe.digest == "6003dd36a4c4c7c991b2039a6d67ef1b1456026dfc68c0ec08528373593fb0cf"


def test_what_the_caller_changes_later_does_not_change_a_recipe():
    parameters = {"sizes": [1, 2]}
    recipe = Recipe("oip", 1, parameters, {})
    parameters["sizes"].append(3)
    assert recipe.parameters == {"sizes": [1, 2]}
    assert recipe.digest == Recipe("oip", 1, {"sizes": (1, 2)}, {}).digest


def test_a_parameter_that_is_not_a_number_is_refused():
    with pytest.raises(StoreError, match=r"oip\.parameters\.step_size is nan"):
        Recipe("oip", 1, {"step_size": math.nan}, {})
