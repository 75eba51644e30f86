"""Descriptions of networks, changed in every way: each is one, or is refused in a line, before Keras is imported."""

import copy
import random

import hypothesis.strategies as st
import pytest
from hypothesis import given

from lib.errors import BadInput
from lib.network import model_config
from lib.network.guard.form import LONGEST_NAME, check_form
from lib.network.keras2.config import mend
from tests.corpus.making import chain, conv, functional, image, layer

NETWORK = chain(image(), conv("a"), conv("b"), layer("Flatten", "flat"), layer("Dense", "d", units=3))
ODD: st.SearchStrategy[object] = st.sampled_from(
    [
        None,
        True,
        7,
        -1,
        10**30,
        1.5,
        float("nan"),
        "",
        "a",
        "\ud800",
        "a\nb",
        [],
        {},
        [[]],
        {"class_name": 3},
        {"class_name": "X"},
    ]
)


def places(value: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [place for key, one in inside for place in places(one, (*path, key))]


def attempt(config: object) -> str:
    """What is said of a description; nothing where it is one."""
    try:
        check_form(config, "it")
        model_config.units(config)
        mend(config, "it")
    except BadInput as problem:
        return str(problem)
    return ""


@given(st.randoms(use_true_random=False), st.lists(ODD, min_size=1, max_size=3))
def test_a_changed_description_is_one_or_is_refused(chance: random.Random, odd: list[object]) -> None:
    config = copy.deepcopy(NETWORK)
    for value in odd:
        *path, last = chance.choice(places(config))
        owner: object = config
        for key in path:
            owner = owner[key]  # type: ignore[index]
        if chance.random() < 0.2:
            del owner[last]  # type: ignore[attr-defined]
        else:
            owner[last] = copy.deepcopy(value)  # type: ignore[index]
    said = attempt(config)
    assert said == "" or said.startswith("it ")
    assert said.isprintable()


@pytest.mark.parametrize("name", ["", "a\nb", "\x1b[31m", "\ud800", "a\u202eb", "x" * (LONGEST_NAME + 1)])
def test_a_name_that_no_page_can_show_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="give it a name of 1 to"):
        check_form(functional(image(), conv(name)), "it")


@pytest.mark.parametrize("name", ["conv (1)", "Fläche", "画", "100 %", " a ", "x" * LONGEST_NAME])
def test_other_names_are_left_alone(name: str) -> None:
    check_form(functional(image(), conv(name)), "it")
