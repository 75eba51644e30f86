"""Scores as artifacts: of the OIPs that are there, by a judge, reused, and without any part in what is judged."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.deadline import Deadline
from storage.store import Record, Store
from tasks.session.recorded import PARTIAL
from tasks.session.session import Session, session
from tasks.sweep.interpretability import ENDS, SHOWN, find_or_judge, interpretability_recipes
from tasks.sweep.oips import make_oips, oip_recipe
from tests.flows.tiny import GROWN, MAPS, small_cnn, write_pictures

LAYER = "Conv2D_2"
UNITS = list(range(MAPS[LAYER]))


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A data set of 90 grey pictures of 12x12: a judge needs more than other tests do."""
    return write_pictures(tmp_path_factory.mktemp("judged") / "pictures", each=30)


def with_judge(context: Any, seed: int = 1) -> Any:
    """The context, with the same network of another seed as the judge."""
    from lib.network import model_file
    from tasks.model.network import Network

    model = small_cnn(seed)
    digest = context.session.store.put(model_file.keras_bytes(model))
    context.judge = Network(model, f"model/judge{seed}", digest, model_file.identity(model))
    return context


def grow(context: Any, indices: Sequence[int] = UNITS, layer: str = LAYER) -> None:
    for index in indices:
        make_oips.fn(f"{layer}/{index}", [f"{layer}/{index}"], context.session.run.id)


def judged(context: Any, indices: Sequence[int] = UNITS, layer: str = LAYER) -> tuple[Record, Any, str]:
    """The record, its scores and the ends of their intervals [units, 3, 3], and the name of the task's state."""
    state = find_or_judge({layer: list(indices)}, context.session.run.id)
    record = context.session.store.record(state.data[layer])
    return record, scores_in(context.session.store, record), state.name


def scores_in(store: Store, record: Record) -> Any:
    roles = [[name, *(f"{name}_{end}" for end in ENDS)] for name in SHOWN]
    arrays = [[store.array(record.output(role).digest) for role in three] for three in roles]
    return np.moveaxis(np.array(arrays), -1, 0)


@pytest.fixture
def context(open_session: Session, sweep_context_in: Callable[..., Any]) -> Any:
    """The tiny network's, whose units have OIPs, with a judge."""
    made = with_judge(sweep_context_in(open_session, layers=(LAYER,)))
    grow(made)
    return made


def test_scores_are_shares_within_their_intervals_and_say_what_they_are_of(context: Any) -> None:
    record, scores, how = judged(context)
    assert how == "Completed"
    for output in record.outputs:
        assert (output.dtype, output.shape) == ("float64", (len(UNITS),))
        assert output.attributes == {
            "layer": LAYER,
            "units": UNITS,
            "judge": "model/judge1",
            "pairs": 200,
            "images": len(context.natural.images),
            "data": {"interpretability": pytest.approx(scores[:, 1, 0].mean())},
        }
    share, low, high = np.moveaxis(scores, -1, 0)
    assert np.isfinite(scores).all()
    assert ((low >= 0) & (low <= share) & (share <= high) & (high <= 1)).all()
    np.testing.assert_allclose(share * 400, np.rint(share * 400), atol=1e-3)  # of 200 pairs, each right, wrong or even
    read = {item.digest for item in record.inputs}
    oips = {context.session.find(oip_recipe(context, unit)).output("oips").digest for unit in units_of(UNITS)}
    assert oips | {context.judge.digest, context.network.digest, context.natural.digest} < read


def units_of(indices: Sequence[int]) -> list[Any]:
    from lib.network.units import Unit

    return [Unit(LAYER, index) for index in indices]


def test_a_unit_s_scores_do_not_depend_on_what_else_is_judged_nor_on_batches(context: Any) -> None:
    _, whole, _ = judged(context)

    @given(indices=st.lists(st.sampled_from(UNITS), min_size=1, unique=True), batch=st.integers(1, 40))
    @settings(max_examples=6)
    def check(indices: list[int], batch: int) -> None:
        context.batch = batch
        _, some, _ = judged(context, indices)
        # where the judge finds two images all but equally like, a batch may round them the other way round
        np.testing.assert_allclose(some, whole[indices], atol=0.011)

    check()


def test_scores_are_reused_until_judge_or_pictures_are_others(
    context: Any, sweep_context_in: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _, _ = judged(context)
    store = context.session.store
    with session(store.root, "test", {}) as later:
        again = with_judge(sweep_context_in(later, layers=(LAYER,)))
        with monkeypatch.context() as patched:
            patched.setattr("tasks.sweep.interpretability.hold_trial", lambda *_, **__: pytest.fail("judged again"))
            record, _, how = judged(again)
        assert (record.key, how) == (first.key, "Reused")
        assert first.recipe in {recipe.digest for recipe in interpretability_recipes(again, LAYER, UNITS)}
        other, scores, how = judged(with_judge(again, 2))
        assert (how, other.key == first.key) == ("Completed", False)
        assert not np.array_equal(scores, scores_in(store, first))
    with session(store.root, "test", {}) as later:
        changed = with_judge(sweep_context_in(later, replace(GROWN, steps=12), layers=(LAYER,)))
        grow(changed)
        assert judged(changed)[2] == "Completed"


def test_a_judge_has_no_part_in_recipes_of_what_it_judges(context: Any) -> None:
    with_it = [oip_recipe(context, unit).digest for unit in units_of(UNITS)]
    judge, context.judge = context.judge, None
    assert [oip_recipe(context, unit).digest for unit in units_of(UNITS)] == with_it
    assert interpretability_recipes(context, LAYER, UNITS) == []
    context.judge = judge


def test_units_without_oips_are_left_out(open_session: Session, sweep_context_in: Callable[..., Any]) -> None:
    context = with_judge(sweep_context_in(open_session, layers=(LAYER,)))
    assert interpretability_recipes(context, LAYER, UNITS) == []
    assert find_or_judge({LAYER: UNITS}, open_session.run.id).data == {}
    grow(context, [1, 4])
    record, scores, _ = judged(context)
    assert record.output("interpretability").attributes["units"] == [1, 4]
    assert len(scores) == 2


def test_images_that_are_shown_are_never_in_the_pairs(context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from lib.naturalness import trial

    drawn: list[tuple[set[int], set[int]]] = []
    draw = trial.draw_pairs

    def watched(responses: Any, used: Any, **options: Any) -> Any:
        pairs = draw(responses, used, **options)
        drawn.append((set(used), set(pairs.ravel().tolist())))
        return pairs

    monkeypatch.setattr(trial, "draw_pairs", watched)
    judged(context)
    exemplars = context.exemplars_of(LAYER, context.growth.constraint).numbers
    assert len(drawn) == len(UNITS)
    for index, (used, paired) in enumerate(drawn):
        assert set(exemplars[index].tolist()) <= used
        assert not used & paired
        assert paired


def test_a_unit_that_answers_alike_to_all_images_has_no_score(context: Any) -> None:
    layer = context.network.model.get_layer(LAYER)
    kernel, bias = layer.get_weights()
    kernel[..., 3], bias[3] = 0, 1
    layer.set_weights([kernel, bias])
    _, scores, _ = judged(context)
    assert np.isnan(scores[3]).all()
    assert np.isfinite(np.delete(scores, 3, axis=0)).all()


def test_layers_for_which_the_time_is_over_wait(context: Any) -> None:
    context.session.deadline = Deadline(datetime.now(UTC))
    state = find_or_judge({LAYER: UNITS}, context.session.run.id)
    assert (state.name, state.message, state.data) == (PARTIAL, "1 of 1 layers are not judged", {})
    context.session.deadline = Deadline()
    key = judged(context)[0].key
    context.session.deadline = Deadline(datetime.now(UTC))
    assert judged(context)[0].key == key
