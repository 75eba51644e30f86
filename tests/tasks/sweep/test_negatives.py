"""Negative OIPs as artifacts: of the units that are asked for, a batch at a time, and none twice."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from lib.deadline import Deadline
from lib.oips.settings import GrowthSettings
from storage.store import Record
from tasks.session.recorded import PARTIAL
from tasks.session.session import Session, session
from tasks.sweep.negatives import make_negatives
from tests.flows.tiny import GROWN, MAPS

LAYER = "Conv2D_2"
UNITS = MAPS[LAYER]


def made(open_session: Session, indices: list[int]) -> tuple[Record, Any, str]:
    """The record, its images, and the name of the task's state."""
    state = make_negatives.fn(LAYER, indices, UNITS, open_session.run.id)
    record = open_session.store.record(state.data)
    return record, np.array(open_session.store.array(record.output("images").digest)), state.name


def test_images_do_not_depend_on_batches_and_say_how_far_below_they_are(
    open_session: Session, sweep_context_in: Callable[..., Any]
) -> None:
    context = sweep_context_in(open_session)
    context.batch = 4
    record, images, _ = made(open_session, list(range(UNITS)))
    about: Any = record.output("images").attributes
    assert (about["layer"], about["units"], about["constraint"]) == (LAYER, list(range(UNITS)), GROWN.constraint)
    assert record.output("images").shape == images.shape == (UNITS, 12, 12, 1)
    ground = context.ground(LAYER, GROWN.style, GROWN.constraint, "negative")
    responses, before = ground.measure(images, np.arange(UNITS))
    np.testing.assert_allclose(about["responses"], responses, atol=1e-6)
    np.testing.assert_allclose(about["pre_activations"], before, atol=1e-6)
    with session(open_session.store.root, "test", {}) as other:
        sweep_context_in(other, replace(GROWN, seed=GROWN.seed + 1))
        assert not np.array_equal(made(other, list(range(UNITS)))[1], images)


def test_some_units_are_taken_from_the_whole_layer_where_that_is_there(
    open_session: Session, sweep_context_in: Callable[..., Any]
) -> None:
    sweep_context_in(open_session)
    few, image, how = made(open_session, [4])
    assert (how, image.shape) == ("Completed", (1, 12, 12, 1))
    whole, images, how = made(open_session, list(range(UNITS)))
    assert how == "Completed"
    np.testing.assert_array_equal(images[4], image[0])
    again, _, how = made(open_session, [2, 4])
    assert (again.key, how) == (whole.key, "Reused")
    assert made(open_session, [4])[0].key == whole.key != few.key


def test_the_number_of_oips_and_the_objective_are_no_matter(
    open_session: Session, sweep_context_in: Callable[..., Any]
) -> None:
    sweep_context_in(open_session)
    first, *_ = made(open_session, [1])
    with session(open_session.store.root, "test", {}) as other:
        sweep_context_in(other, replace(GROWN, oips=1, objective="peak"))
        assert made(other, [1])[0].key == first.key


def test_nothing_is_stored_of_a_layer_for_which_the_time_is_over(
    open_session: Session, sweep_context_in: Callable[..., Any]
) -> None:
    sweep_context_in(open_session)
    open_session.deadline = Deadline(datetime.now(UTC))
    before = len(list(open_session.store.records()))
    state = make_negatives.fn(LAYER, [0], UNITS, open_session.run.id)
    assert (state.name, state.message) == (PARTIAL, f"the negative OIPs of {LAYER} are not all grown")
    assert len(list(open_session.store.records())) == before


def test_a_unit_that_answers_with_no_number_harms_no_other(
    open_session: Session, sweep_context_in: Callable[..., Any]
) -> None:
    context = sweep_context_in(open_session)
    layer = context.network.model.get_layer(LAYER)
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel, np.where(np.arange(UNITS) == 3, np.nan, bias)])
    record, images, _ = made(open_session, list(range(UNITS)))
    about: Any = record.output("images").attributes
    assert [index for index, value in enumerate(about["pre_activations"]) if value is None] == [3]
    assert np.isfinite(images).all()


@pytest.mark.parametrize("constraint", ["standardised", "box"])
def test_every_constraint_has_records_of_its_own(
    open_session: Session, sweep_context_in: Callable[..., Any], constraint: Any
) -> None:
    sweep_context_in(open_session, replace(GROWN, constraint=constraint))
    record, *_ = made(open_session, [0])
    assert record.output("images").attributes["constraint"] == record.parameters["constraint"] == constraint


def test_those_of_a_style_that_is_like_pictures_are_of_the_pictures_that_it_is_like(
    open_session: Session, sweep_context_in: Callable[..., Any]
) -> None:
    """What the data set is like decides about their pixels, so it stands in their recipe."""
    context = sweep_context_in(open_session, GrowthSettings(steps=4).in_style("natural"))
    record, *_ = made(open_session, [0])
    assert record.recipe_inputs == {"model": context.network.identity, "train_imgs": context.natural.digest}
    assert {item.role for item in record.inputs} == {"model", "train_imgs"}
    context.natural = None
    without, *_ = made(open_session, [0])
    assert without.recipe_inputs == {"model": context.network.identity}
    assert {item.role for item in without.inputs} == {"model"}


def test_of_large_images_half_the_bytes_are_stored_and_what_is_said_is_measured_on_what_is_stored(
    open_session: Session, sweep_context_in: Callable[..., Any]
) -> None:
    growth = GrowthSettings(steps=16).in_style("natural", margin=True)
    context = sweep_context_in(open_session, growth)
    record, images, _ = made(open_session, [0, 3])
    assert (images.dtype, record.output("images").dtype) == (np.float16, "float16")
    about: Any = record.output("images").attributes
    ground = context.ground(LAYER, growth.style, growth.constraint, "negative")
    responses, before = ground.measure(context.network.pixels.to_pictures(images), np.array([0, 3]))
    np.testing.assert_allclose(about["responses"], responses, atol=1e-6)
    np.testing.assert_allclose(about["pre_activations"], before, atol=1e-6)
