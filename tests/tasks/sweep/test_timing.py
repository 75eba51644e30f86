"""What a layer takes is timed once, and kept; what was not timed lies between what was."""

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from lib.network.work import Work
from tasks.session.session import Session
from tasks.sweep import timing
from tasks.sweep.timing import Timing, between, spread, timings_of
from tests.flows.tiny import MAPS, small_cnn

LAYERS = list(MAPS)


def told(step: float, ready: float = 1.0) -> Timing:
    return Timing(step, step / 2, step / 3, ready, 0.001, 10**9)


def test_few_layers_are_timed_of_many_and_the_first_and_the_last_are_among_them() -> None:
    work = {f"layer {number}": Work(float(number**2), number) for number in range(1, 101)}
    chosen = spread(work)
    assert len(chosen) == timing.MOST_TIMED
    assert (chosen[0], chosen[-1]) == ("layer 1", "layer 100")
    reached = [work[one].operations for one in chosen]
    steps = [after - before for before, after in pairwise(reached)]
    assert max(steps) < 1.3 * min(steps)  # as even as the layers allow
    few = dict(list(work.items())[:5])
    assert spread(few) == list(few)


def test_what_was_not_timed_lies_between_by_its_work() -> None:
    work = {"a": Work(100, 1), "b": Work(150, 5), "c": Work(300, 11), "d": Work(300, 11)}
    found = between(work, {"a": told(1.0, 2.0), "c": told(5.0, 12.0)})
    assert found["a"].step == 1.0
    assert found["b"].step == pytest.approx(2.0)
    assert found["b"].measured == pytest.approx(2 / 3)
    assert found["b"].ready == pytest.approx(6.0)
    assert found["d"].step == 5.0


def test_layers_are_timed_once_and_others_later(
    open_session: Session, sweep_context_in: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = sweep_context_in(open_session)
    first = timings_of(context, LAYERS[:1], tmp_path / "kept")
    assert (first.timed, first.now) == (("Conv2D_1",), ("Conv2D_1",))
    both = timings_of(context, LAYERS, tmp_path / "kept")
    assert (both.timed, both.now) == (tuple(LAYERS), ("Conv2D_2",))
    assert both.layers["Conv2D_1"] == first.layers["Conv2D_1"]
    for one in both.layers.values():
        assert 0 < one.step < 1
        assert 0 < one.ready < 60
        assert one.memory > 10**8
    monkeypatch.setattr(timing, "time_layer", lambda *_: pytest.fail("it was timed before"))
    assert timings_of(context, LAYERS, tmp_path / "kept").now == ()


def test_another_training_of_the_same_network_is_not_timed_again(
    open_session: Session, sweep_context_in: Callable[..., Any], tmp_path: Path
) -> None:
    context = sweep_context_in(open_session)
    timings_of(context, LAYERS[:1], tmp_path)
    context.network = replace(context.network, saved=small_cnn(seed=1), identity="ab" * 32)
    assert timings_of(context, LAYERS[:1], tmp_path).now == ()


def test_another_batch_is_timed_by_itself(
    open_session: Session, sweep_context_in: Callable[..., Any], tmp_path: Path
) -> None:
    context = sweep_context_in(open_session)
    timings_of(context, LAYERS[:1], tmp_path)
    context.batch = 8
    assert timings_of(context, LAYERS[:1], tmp_path).now == ("Conv2D_1",)


@pytest.mark.parametrize(
    "damaged",
    ["{", "[]", '{"Conv2D_1": {"step": 1}}', '{"Conv2D_1": 3}'],
)
def test_a_file_that_cannot_be_read_is_as_none(
    damaged: str, open_session: Session, sweep_context_in: Callable[..., Any], tmp_path: Path
) -> None:
    context = sweep_context_in(open_session)
    timings_of(context, LAYERS[:1], tmp_path / "kept")
    (file,) = (tmp_path / "kept").iterdir()
    whole = json.loads(file.read_text())
    file.write_text(damaged)
    assert timings_of(context, LAYERS[:1], tmp_path / "kept").now == ("Conv2D_1",)
    whole["Conv2D_1"]["step"] = float("nan")
    file.write_text(json.dumps(whole))
    assert timings_of(context, LAYERS[:1], tmp_path / "kept").now == ("Conv2D_1",)


def test_what_cannot_be_kept_is_timed_again(
    open_session: Session, sweep_context_in: Callable[..., Any], tmp_path: Path
) -> None:
    context = sweep_context_in(open_session)
    (tmp_path / "kept").write_text("no folder")
    for _ in range(2):
        assert timings_of(context, LAYERS[:1], tmp_path / "kept").now == ("Conv2D_1",)
