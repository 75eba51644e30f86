"""What weights say as artifacts."""

from collections.abc import Callable
from typing import Any

import numpy as np

from lib.responses.similar_units import nearest_by_weights
from tasks.session.session import Session
from tasks.sweep.weights import compare_weights, weights_recipe
from tests.flows.tiny import MAPS


def test_each_layer_has_a_record_of_its_own_and_no_data_set_is_wanted(
    open_session: Session, sweep_context_in: Callable[..., Any]
) -> None:
    context = sweep_context_in(open_session)
    context.natural = None
    state = compare_weights.fn(list(MAPS), open_session.run.id)
    assert state.name == "Completed"
    for layer in MAPS:
        record = open_session.find(weights_recipe(context, layer))
        assert record is not None
        assert record.key == state.data[layer]
        assert [item.digest for item in record.inputs] == [context.network.digest]
        expected = nearest_by_weights(context.network.model, layer)
        np.testing.assert_array_equal(open_session.store.array(record.output("nearest").digest), expected.units)
        likeness = open_session.store.array(record.output("nearest_likeness").digest)
        np.testing.assert_array_equal(likeness, expected.likeness)
    about: Any = open_session.store.record(state.data["Conv2D_1"]).output("nearest").attributes
    assert about == {"layer": "Conv2D_1", "receptive_field": {"size": [3, 3], "stride": [1, 1], "start": [0, 0]}}
    assert compare_weights.fn(list(MAPS), open_session.run.id).name == "Reused"
