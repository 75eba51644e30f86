"""A pass over a data set in parts: it comes to what one pass does, and goes on where it was broken off."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage import garbage
from storage.store import Store
from tasks.session.session import Session, session
from tasks.sweep import image_parts
from tasks.sweep.exemplars import missing_layers, pass_recipes
from tasks.sweep.image_parts import missing_parts
from tasks.sweep.kinds.part import KIND
from tests.flows.tiny import MAPS

LAYERS = tuple(MAPS)
IN_PARTS = {"batch": 1, "images_per_part": 7}
"""Of 21 pictures: a batch has 4, and a part whole batches."""
PARTS = [(0, 8), (8, 16), (16, 21)]


def found_in(context: Any) -> dict[str, Any]:
    """Every array that the pass leaves of both layers."""
    store = context.session.store
    return {
        f"{layer} {recipe.task} {output.role}": np.asarray(store.array(output.digest))
        for layer in LAYERS
        for recipe in pass_recipes(context, layer)
        for output in context.session.find(recipe).outputs
    }


def parts_in(store: Store) -> list[tuple[Any, Any]]:
    return sorted((one.parameters["first"], one.parameters["last"]) for one in store.records() if one.task == KIND.task)


def test_parts_come_to_what_one_pass_over_all_images_does(
    open_session: Session, tmp_path: Path, sweep_context_in: Callable[..., Any]
) -> None:
    whole = found_in(sweep_context_in(open_session, layers=LAYERS))
    assert parts_in(open_session.store) == []
    with session(str(tmp_path / "other"), "test", {}) as other:
        context = sweep_context_in(other, layers=LAYERS, **IN_PARTS)
        in_parts = found_in(context)
        assert parts_in(other.store) == PARTS
        assert missing_parts(context, missing_layers(context, LAYERS)) == []
    assert list(in_parts) == list(whole)
    for name, array in in_parts.items():
        if array.dtype == np.int64:
            np.testing.assert_array_equal(array, whole[name], err_msg=name)
        else:
            np.testing.assert_allclose(array, whole[name], rtol=1e-5, atol=1e-6, err_msg=name)


def test_a_pass_that_was_broken_off_goes_on_with_the_parts_that_are_missing(
    store: Store, sweep_context_in: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    find, looked_at = image_parts.find_exemplars, []

    def break_off(*given: Any, within: range, **named: Any) -> Any:
        if within.start == 16 and not looked_at.count(within):
            looked_at.append(within)
            raise ConnectionResetError("a power cut")
        looked_at.append(within)
        return find(*given, within=within, **named)

    monkeypatch.setattr(image_parts, "find_exemplars", break_off)
    with pytest.raises(ConnectionResetError), session(store.root, "test", {}) as broken:
        sweep_context_in(broken, layers=LAYERS, **IN_PARTS)
    assert parts_in(store) == PARTS[:2]
    with session(store.root, "test", {}) as again:
        sweep_context_in(again, layers=LAYERS, **IN_PARTS)
    assert looked_at == [range(0, 8), range(8, 16), range(16, 21), range(16, 21)]


def test_parts_are_kept_while_their_run_is_open_and_go_when_nothing_needs_them_any_more(
    store: Store, sweep_context_in: Callable[..., Any]
) -> None:
    now = timedelta(seconds=-1)
    with session(store.root, "test", {}) as opened:
        context = sweep_context_in(opened, layers=LAYERS, **IN_PARTS)
        garbage.collect(garbage.plan(store, now))
        assert parts_in(store) == PARTS
        opened.run.close("completed", {})
    kept = found_in(context)
    assert len(garbage.collect(garbage.plan(store, now)).records) == len(PARTS)
    assert parts_in(store) == []
    assert list(found_in(context)) == list(kept)


def test_layers_with_images_of_two_sizes_have_passes_of_their_own(
    open_session: Session, sweep_context_in: Callable[..., Any]
) -> None:
    small = {"Conv2D_1": (8, 8)}
    context = sweep_context_in(open_session, layers=LAYERS, smaller=small, **IN_PARTS)
    assert parts_in(open_session.store) == sorted(PARTS * 2)
    assert found_in(context)
    more = [name for name in MAPS if name not in small]
    parts = missing_parts(context, LAYERS)
    assert [(part.layers, part.first) for part in parts if part.first == 16] == [(("Conv2D_1",), 16), (tuple(more), 16)]
