"""How natural pictures are, as artifacts: of the units that are made, from what is stored of them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from lib.deadline import Deadline
from lib.network.pixels import Pixels
from storage.store import Record
from tasks.session.recorded import PARTIAL
from tasks.session.session import Session, session
from tasks.sweep.measures import LayerMeasures, measures_of
from tasks.sweep.naturalness import SAMPLE, measure_naturalness, naturalness_recipe
from tasks.sweep.oips import make_oips
from tests.flows.tiny import GROWN, MAPS

LAYER = "Conv2D_1"
UNITS = MAPS[LAYER]
ROLES = ("response", "kept_shift", "kept_turn", "kept_blur", "fine_detail")


def grow(open_session: Session, indices: list[int]) -> dict[int, Record]:
    """The records of the units' OIPs."""
    store, run = open_session.store, open_session.run.id
    made = {index: make_oips.fn(str(index), [f"{LAYER}/{index}"], run) for index in indices}
    return {index: store.record(state.data[0]) for index, state in made.items()}


def measure(open_session: Session, indices: list[int]) -> tuple[Record, dict[str, Any], str]:
    """The record, its arrays, and the name of the task's state."""
    state = measure_naturalness.fn(LAYER, indices, open_session.run.id)
    record = open_session.store.record(state.data)
    arrays = {output.role: np.array(open_session.store.array(output.digest)) for output in record.outputs}
    return record, arrays, state.name


def test_what_is_kept_is_that_of_the_stored_images_by_numpy(
    open_session: Session, sweep_context_in: Callable[..., Any]
) -> None:
    context = sweep_context_in(open_session)
    context.batch = 3  # of four units: the last batch is not full
    oips = grow(open_session, list(range(UNITS)))
    record, found, _ = measure(open_session, list(range(UNITS)))
    assert tuple(found) == ROLES
    kernel, bias = (np.asarray(array, np.float64) for array in context.network.model.get_layer(LAYER).get_weights())

    def response(image: Any, unit: int) -> float:
        """Of the one layer: the mean over the positions of a convolution after its ReLU."""
        windows = np.lib.stride_tricks.sliding_window_view(image[..., 0], kernel.shape[:2])
        return float(np.maximum(np.einsum("ijkl,kl->ij", windows, kernel[:, :, 0, unit]) + bias[unit], 0).mean())

    for unit, made in oips.items():
        image = np.array(open_session.store.array(made.output("oips").digest), np.float64)[0]
        whole = response(image, unit)
        assert found["response"][unit] == pytest.approx(whole, rel=1e-4)
        wider = np.pad(image, ((2, 2), (2, 2), (0, 0)), "symmetric")
        shifted = [
            response(wider[top : top + 12, left : left + 12], unit)
            for top in (0, 2, 4)
            for left in (0, 2, 4)
            if (top, left) != (2, 2)
        ]
        assert found["kept_shift"][unit] == pytest.approx(np.mean(shifted) / whole, rel=1e-3)
        blurred = ndimage.gaussian_filter(image, (1, 1, 0), mode="reflect")
        assert found["kept_blur"][unit] == pytest.approx(response(blurred, unit) / whole, rel=1e-3)
        power = np.abs(np.fft.fft2(image[..., 0] - image.mean())) ** 2
        fine = np.hypot(*np.meshgrid(np.fft.fftfreq(12), np.fft.fftfreq(12))) >= 0.25
        assert found["fine_detail"][unit] == pytest.approx(power[fine].sum() / power.sum(), rel=1e-4)
    about: Any = record.output("kept_shift").attributes
    assert about["units"] == list(range(UNITS))
    natural = context.natural.images
    assert len(natural) < SAMPLE  # so all of them count
    power = np.abs(np.fft.fft2(natural[..., 0] - natural[..., 0].mean((1, 2), keepdims=True))) ** 2
    expected = np.mean(power[:, fine].sum(1) / power.sum((1, 2)))
    assert about["data"] == {"fine_detail": pytest.approx(expected, rel=1e-4)}


def test_units_that_are_not_made_are_left_out_and_those_that_are_there_are_measured_once(
    open_session: Session, sweep_context_in: Callable[..., Any]
) -> None:
    context = sweep_context_in(open_session)
    oips = grow(open_session, [0, 2])
    record, found, how = measure(open_session, list(range(UNITS)))
    assert how == "Completed"
    assert record.output("response").attributes["units"] == [0, 2]
    assert len(found["kept_turn"]) == 2
    told = measures_of(open_session.store, oips[2])
    assert told["kept_turn"] == {"value": found["kept_turn"][1]}
    assert set(told["fine_detail"]) == {"value", "data"}
    assert measures_of(open_session.store, grow(open_session, [1])[1]) == {}
    again, _, how = measure(open_session, [0, 2])
    assert (again.key, how) == (record.key, "Reused")
    more, *_ = measure(open_session, [0, 1, 2])
    assert more.key != record.key
    for indices, key in (([0, 2], record.key), ([0, 1, 2], more.key)):
        recipe = naturalness_recipe(context, LAYER, indices)
        assert recipe is not None
        assert open_session.find(recipe).key == key  # type: ignore[union-attr]
    assert naturalness_recipe(context, LAYER, [0, 3]) is None  # of what is not there nothing is known yet
    assert {item.role: item.digest for item in record.inputs}["Conv2D_1/2"] == oips[2].output("oips").digest


def test_other_pictures_of_the_same_units_are_measured_anew_and_told_apart(
    open_session: Session, sweep_context_in: Callable[..., Any]
) -> None:
    sweep_context_in(open_session)
    first = grow(open_session, [1])[1]
    one, *_ = measure(open_session, [1])
    with session(open_session.store.root, "test", {}) as other:
        sweep_context_in(other, replace(GROWN, seed=99))
        second = grow(other, [1])[1]
        two, *_ = measure(other, [1])
    assert one.key != two.key
    layer = LayerMeasures(open_session.store, [two, one])
    values = [layer.of("Conv2D_1/1", made.output("oips").digest)["kept_blur"]["value"] for made in (first, second)]
    stored = [open_session.store.array(record.output("kept_blur").digest)[0] for record in (one, two)]
    assert values == stored
    assert values[0] != values[1]
    assert layer.of("Conv2D_1/1", "00" * 32) == {}


def test_a_unit_without_a_response_has_no_share_and_without_a_data_set_there_is_nothing_to_lay_beside(
    open_session: Session, sweep_context_in: Callable[..., Any]
) -> None:
    context = sweep_context_in(open_session)
    layer = context.network.model.get_layer(LAYER)
    kernel, bias = layer.get_weights()
    layer.set_weights([np.where(np.arange(UNITS) == 3, 0, kernel), np.where(np.arange(UNITS) == 3, -1, bias)])
    context.natural = None
    oips = grow(open_session, [0, 3])
    record, found, _ = measure(open_session, [0, 3])
    for move in ("kept_shift", "kept_turn", "kept_blur"):
        assert np.isnan(found[move]).tolist() == [False, True]
    told = measures_of(open_session.store, oips[3])
    assert told["kept_shift"] == {"value": None}
    assert "data" not in told["fine_detail"]
    assert "data" not in record.output("response").attributes


def test_of_a_network_that_takes_other_pixels_the_same_shares_are_kept(
    open_session: Session, sweep_context_in: Callable[..., Any]
) -> None:
    growth = replace(GROWN, constraint="box")
    sweep_context_in(open_session, growth)
    grow(open_session, [0, 1])
    _, plain, _ = measure(open_session, [0, 1])
    with session(open_session.store.root, "test", {}) as other:
        context = sweep_context_in(other, growth)
        saved = context.network.saved
        kernel, bias = saved.get_layer(LAYER).get_weights()
        saved.get_layer(LAYER).set_weights([kernel / 255, bias])
        pixels = Pixels.parse("0..255")
        context.network = replace(context.network, saved=saved, identity="25" * 32, pixels=pixels)
        oips = grow(other, [0, 1])
        record, found, _ = measure(other, [0, 1])
    assert np.max(other.store.array(oips[0].output("oips").digest)) > 2  # no pictures: what it takes
    assert record.parameters["pixels"] == "0..255"
    for name, values in plain.items():
        np.testing.assert_allclose(found[name], values, rtol=2e-3, err_msg=name)


def test_nothing_is_stored_of_a_layer_for_which_the_time_is_over(
    open_session: Session, sweep_context_in: Callable[..., Any]
) -> None:
    sweep_context_in(open_session)
    grow(open_session, [0])
    open_session.deadline = Deadline(datetime.now(UTC))
    before = len(list(open_session.store.records()))
    state = measure_naturalness.fn(LAYER, [0], open_session.run.id)
    assert (state.name, state.message) == (PARTIAL, f"the pictures of {LAYER} are not all measured")
    assert len(list(open_session.store.records())) == before
