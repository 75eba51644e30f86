"""What a sweep keeps ready while it goes from layer to layer."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lib.oips.ascent import AscentState
from tasks.session.session import Session
from tests.flows.tiny import MAPS


def test_layers_that_were_asked_for_longest_ago_are_closed_and_opened_again_when_asked_for(
    open_session: Session, sweep_context_in: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    context = sweep_context_in(open_session)
    first, second = MAPS

    def climb(ground: Any) -> float:
        images = ground.starts(np.zeros((1, *ground.parameterisation.canvas), np.float32))
        state = AscentState.from_starts(images, ground.parameterisation.shape)
        return float(ground.ascent.optimise(state, [0], np.full((2, 1), 0.1, np.float32)).pre_activation[0])

    monkeypatch.setattr("tasks.sweep.open_layers.LAYERS_OPEN", 1)
    ground = context.usual_ground(first)
    reached = climb(ground)
    assert context.usual_ground(first) is ground
    context.usual_ground(second)
    with pytest.raises(RuntimeError, match="closed"):
        climb(ground)
    again = context.usual_ground(first)
    assert again is not ground
    assert climb(again) == reached


def test_what_silences_a_unit_and_its_peak_are_climbed_with_what_is_traced_for_its_oips(
    open_session: Session, sweep_context_in: Callable[..., Any]
) -> None:
    context = sweep_context_in(open_session)
    growth, layer = context.growth, next(iter(MAPS))
    usual = context.usual_ground(layer)
    grounds = [context.ground(layer, growth.style, growth.constraint, name) for name in ("negative", "peak")]
    assert all(ground.parameterisation is usual.parameterisation for ground in grounds)
    images = AscentState.from_starts(usual.starts(np.zeros((1, *usual.parameterisation.canvas), np.float32)))
    rates = np.full((3, 1), 0.1, np.float32)
    ends = [ground.ascent.optimise(images, [0], rates).pre_activation[0] for ground in (usual, *grounds)]
    assert ends[1] < min(ends[0], ends[2])
