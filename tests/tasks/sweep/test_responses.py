"""Responses to the data set as artifacts: what they hold, and that one pass makes whatever is missing."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lib.network.trunk import responses_of
from storage.runs import UnitResult
from storage.store import Record, Store
from tasks.session.session import Session, session
from tasks.sweep.exemplars import exemplars_recipe
from tasks.sweep.responses import responses_recipe
from tests.flows.tiny import MAPS

BOTH = tuple(MAPS)


def record(context: Any, layer: str) -> Record:
    """Of the layer's responses."""
    exemplars = exemplars_recipe(context, layer)
    found: Record | None = context.session.find(responses_recipe(context, context.natural.labels, exemplars))
    assert found is not None
    return found


def arrays(store: Store, found: Record) -> dict[str, Any]:
    return {output.role: np.asarray(store.array(output.digest)) for output in found.outputs}


def test_a_record_holds_what_the_network_answers_to_every_image(
    open_session: Session, sweep_context_in: Callable[..., Any]
) -> None:
    context = sweep_context_in(open_session, layers=BOTH)
    natural = context.natural
    for layer, units in MAPS.items():
        found = arrays(open_session.store, record(context, layer))
        trunk = responses_of(context.network.model, [layer])
        images = context.constraint(context.growth.constraint).image(np.asarray(natural.images))
        responses = np.asarray(trunk(images)[layer][0])
        labels = np.asarray(natural.labels.numbers)
        counts = np.bincount(labels, minlength=3)
        np.testing.assert_array_equal(found["histogram"].sum(-1) + found["silent"], np.tile(counts, (units, 1)))
        for label in range(3):
            np.testing.assert_allclose(found["class_means"][:, label], responses[labels == label].mean(0), rtol=1e-4)
        for unit in range(units):
            own = responses[:, unit].astype(np.float64)
            inside = (found["edges"][unit, 0] <= own) & (own < found["edges"][unit, -1])
            assert inside.all()
        maps = np.asarray(trunk.maps(images)[layer][0])
        exemplars = context.exemplars_of(layer, context.growth.constraint)
        for unit in range(units):
            for at, number in enumerate(exemplars.numbers[unit]):
                row, column = found["peaks"][unit, at]
                assert maps[number, row, column, unit] == pytest.approx(maps[number, ..., unit].max(), rel=1e-5)


def test_a_record_says_of_which_classes_it_speaks_and_what_it_was_made_from(
    open_session: Session, sweep_context_in: Callable[..., Any]
) -> None:
    context = sweep_context_in(open_session)
    found = record(context, "Conv2D_1")
    about = {"layer": "Conv2D_1", "classes": ["class 0", "class 1", "class 2"], "by_class": True}
    counts = np.bincount(context.natural.labels.numbers).tolist()
    assert all(output.attributes == about | {"class_counts": counts} for output in found.outputs)
    read = {item.digest for item in found.inputs}
    exemplars = context.session.find(exemplars_recipe(context, "Conv2D_1"))
    assert {output.digest for output in exemplars.outputs} < read
    assert {context.natural.labels.digest, context.natural.digest, context.network.digest} < read


def test_exemplars_that_there_are_stay_where_only_responses_are_missing(
    open_session: Session, store: Store, sweep_context_in: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    context = sweep_context_in(open_session)
    exemplars = open_session.find(exemplars_recipe(context, "Conv2D_1"))
    store.files.delete(f"records/{record(context, 'Conv2D_1').key}.json")
    for how in ("computed", "reused"):
        with session(store.root, "test", {}) as later:
            sweep_context_in(later)
            units = later.run.close("completed", {}).units
            assert units["responses of Conv2D_1"].how == how
            assert units["exemplars of Conv2D_1"] == UnitResult(
                exemplars.key if exemplars else "", "reused", "exemplars"
            )
        monkeypatch.setattr("tasks.sweep.image_parts.find_exemplars", lambda *_, **__: pytest.fail("looked again"))
