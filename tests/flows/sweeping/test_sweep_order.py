"""In which order units are refined before a deadline: by need, in batches that are as full as may be."""

import itertools
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.sweeping.sweep_order import ROUNDS, neediest_first, rounds_for
from lib.network.units import Unit
from tasks.sweep.context import MAPS_AT_ONCE


def parts_of(needs: dict[str, list[float]]) -> list[tuple[str, list[int], bool]]:
    """The parts, of layers whose units have these needs: the least is what needs it most."""
    units: Any = {name: [Unit(name, index) for index in range(len(own))] for name, own in needs.items()}
    context: Any = SimpleNamespace(
        growth=SimpleNamespace(style="natural"),
        shown=lambda unit: needs[unit.partition("/")[0]][int(unit.split("/")[1])],
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flows.sweeping.sweep_order.need_of", lambda need, _: (1, need))
        return [
            (str(layer), [unit.index for unit in part], last) for layer, part, last in neediest_first(context, units)
        ]


@given(
    st.dictionaries(st.sampled_from(["a", "b", "c"]), st.lists(st.floats(0.1, 1), min_size=1, max_size=150), min_size=1)
)
def test_each_unit_has_its_turn_once_and_no_batch_is_emptier_than_its_layer_makes_it(
    needs: dict[str, list[float]],
) -> None:
    parts = parts_of(needs)
    for layer, own in needs.items():
        turns = [(part, last) for name, part, last in parts if name == layer]
        assert sorted(index for part, _ in turns for index in part) == list(range(len(own)))
        assert [last for _, last in turns] == [False] * (len(turns) - 1) + [True]
        assert len(turns) == rounds_for(len(own)) <= ROUNDS
        assert all(len(part) >= min(MAPS_AT_ONCE, len(own)) for part, _ in turns)
        for (early, _), (late, _) in itertools.pairwise(turns):
            assert max(own[index] for index in early) <= min(own[index] for index in late)


def test_a_layer_whose_units_need_it_most_comes_before_one_that_hardly_needs_it() -> None:
    much = [0.9] * MAPS_AT_ONCE + [0.3] * MAPS_AT_ONCE
    parts = parts_of({"much": much, "little": [0.2] * 5})
    assert [(layer, part[0], len(part)) for layer, part, _ in parts] == [
        ("little", 0, 5),
        ("much", MAPS_AT_ONCE, MAPS_AT_ONCE),
        ("much", 0, MAPS_AT_ONCE),
    ]
