"""The compiled ascent: its gradient against NumPy, one trace for everything, and pixels that no batch changes."""

import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as kl
from scipy.ndimage import gaussian_filter

from lib import stop
from lib.deadline import OutOfTime
from lib.errors import BadInput
from lib.network.kernels import rounding_kernels
from lib.network.pixels import PLAIN
from lib.network.trunk import responses_of
from lib.oips.ascent import Ascent, AscentState, cosine_rates
from lib.oips.batcher import Batcher
from lib.oips.constraint import CONSTRAINTS, Constraint, ConstraintName
from lib.oips.measure import Measure
from lib.oips.objective import OBJECTIVES, Objective
from lib.oips.parameterisation import Parameterisation, blur
from lib.oips.start_images import start_image
from tests.lib.keras_zoo import ZOO
from tests.lib.numpy_reference import HAS_AVX512, LAYERS, objective_of, weights_of
from tests.lib.small_networks import reference_with_biases

pytestmark = pytest.mark.heavy

BATCH = 8


@pytest.fixture(scope="module")
def reference() -> Any:
    return reference_with_biases()


@pytest.fixture(scope="module")
def model() -> Any:
    """Small, of colours, not square, and with room over the pooling's windows."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            kl.Input((13, 10, 3)),
            kl.Conv2D(6, 3, activation="relu", name="one"),
            kl.MaxPooling2D(name="pool"),
            kl.Conv2D(7, 3, activation="relu", name="two"),
            kl.Flatten(),
            kl.Dense(24, activation="relu", name="nodes"),
            kl.Dense(4, activation="softmax", name="classes"),
        ]
    )
    two = model.get_layer("two")
    kernel, bias = two.get_weights()
    bias[0], bias[1] = -50, -0.5
    two.set_weights([kernel, bias])
    return model


Ascents = Callable[..., Ascent]


@pytest.fixture(scope="module")
def ascents(model: Any) -> Ascents:
    """Each kind is traced once for all tests."""
    made: dict[Any, Ascent] = {}

    def ascent(
        layer: str = "two",
        constraint: ConstraintName = "standardised",
        objective: str = "response",
        **how: Any,
    ) -> Ascent:
        key = (layer, constraint, objective, *how.items())
        if key not in made:
            made[key] = Ascent(
                model,
                layer,
                Constraint(constraint, 0.0, 1.0),
                objectives=[objective],
                parameterise=partial(Parameterisation, **how),
                batch=BATCH,
            )
        return made[key]

    return ascent


def starts(ascent: Ascent, count: int, seed: int = 0) -> AscentState:
    noise = np.stack([start_image(seed + number, (1.0, 3.0), ascent.shape) for number in range(count)])
    return AscentState.from_starts(ascent.starts(noise))


def rates(steps: int, images: int, first: float = 0.4) -> np.ndarray:
    return np.repeat(cosine_rates(steps, first)[:, None], images, axis=1)


def assert_same_bits(found: AscentState, expected: AscentState, but_for: float = 0.0) -> None:
    for name, array in vars(expected).items():
        np.testing.assert_allclose(getattr(found, name), array, rtol=but_for, atol=but_for, err_msg=name)


def keeps(constraint: Constraint, images: np.ndarray) -> bool:
    if constraint.name == "box":
        return bool(images.min() >= constraint.low and images.max() <= constraint.high)
    images = images.astype(np.float64)
    return bool((np.abs(images.mean((1, 2, 3))) < 1e-5).all() and (np.abs(images.var((1, 2, 3)) - 1) < 1e-4).all())


@pytest.mark.parametrize("jitter", [False, True], ids=["seen as they are", "shifted"])
def test_where_the_calls_of_an_ascent_end_changes_no_bit(
    ascents: Ascents, monkeypatch: pytest.MonkeyPatch, jitter: bool
) -> None:
    """In one call; a step a call; and in calls that grow longer and longer."""
    ascent = ascents(jitter=1, smoothing=0.5) if jitter else ascents()
    steps = 24
    shifts = np.random.default_rng(2).integers(-2, 3, (steps, BATCH, 2))
    shifts[-6:] = 0
    calls: list[int] = []
    as_usual = ascent._optimise

    def count(*arguments: Any) -> Any:
        *_, moves, _ = arguments
        calls.append(len(moves))
        return as_usual(*arguments)

    monkeypatch.setattr(ascent, "_optimise", count)
    found = []
    for seconds, already, expected in (
        (1e9, steps, [steps]),
        (0.0, 1, [1] * steps),
        (1e9, 1, [1, 4, 16, 3]),
    ):
        monkeypatch.setattr("lib.oips.ascent.SECONDS_A_CALL", seconds)
        monkeypatch.setattr(ascent, "_steps_a_call", {BATCH: already})
        calls.clear()
        found.append(ascent.optimise(starts(ascent, BATCH), np.arange(BATCH) % 7, rates(steps, BATCH), shifts))
        assert calls == expected
    assert_same_bits(found[1], found[0])
    assert_same_bits(found[2], found[0])
    assert ascent.traces == 1


def test_what_few_images_take_says_nothing_of_many(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ascent = Ascent(model, "two", Constraint("box", 0.0, 1.0), batch=24)
    calls: list[int] = []
    as_usual = ascent._optimise

    def count(*arguments: Any) -> Any:
        *_, moves, _ = arguments
        calls.append(len(moves))
        return as_usual(*arguments)

    monkeypatch.setattr(ascent, "_optimise", count)
    monkeypatch.setattr("lib.oips.ascent.SECONDS_A_CALL", 1e9)
    for images in (2, 24, 24):
        ascent.optimise(starts(ascent, images), np.zeros(images, int), rates(6, images))
    assert calls == [1, 4, 1, 1, 4, 1, 6]


@pytest.mark.parametrize("constraint", CONSTRAINTS)
def test_one_trace_serves_several_objectives_and_each_gives_what_it_gives_alone(
    model: Any, ascents: Ascents, constraint: ConstraintName
) -> None:
    names = ["response", "negative", "peak"]
    several = Ascent(model, "two", Constraint(constraint, 0.0, 1.0), objectives=names, batch=BATCH)
    for name in names:
        alone = ascents(constraint=constraint, objective=name)
        images, units, sizes = starts(alone, BATCH), np.arange(BATCH) % 7, rates(12, BATCH)
        found = several.towards(name).optimise(images, units, sizes)
        assert_same_bits(found, alone.optimise(images, units, sizes))
        if name == names[0]:
            assert_same_bits(several.optimise(images, units, sizes), found)
    assert several.traces == 1


def test_a_slope_without_end_of_one_objective_is_none_of_another(
    model: Any, ascents: Ascents, monkeypatch: pytest.MonkeyPatch
) -> None:
    def root(before: Any, after: Any) -> Any:
        import tensorflow as tf

        return tf.reduce_mean(tf.sqrt(after), [1, 2])  # its slope is infinite where the unit does not respond

    known = {"root": Objective("root", "the mean root of the activation", root), "negative": OBJECTIVES["negative"]}
    monkeypatch.setattr("lib.oips.ascent.OBJECTIVES", known)
    both = Ascent(model, "two", Constraint("box", 0.0, 1.0), objectives=list(known), batch=BATCH)
    images, units, sizes = starts(both, BATCH), np.arange(BATCH) % 7, rates(12, BATCH)
    assert not np.isfinite(both.towards("root").optimise(images, units, sizes).images).all()
    found = both.towards("negative").optimise(images, units, sizes)
    assert_same_bits(found, ascents(constraint="box", objective="negative").optimise(images, units, sizes))


def test_an_ascent_that_is_told_to_stop_ends_with_the_call_that_it_is_in(
    ascents: Ascents, monkeypatch: pytest.MonkeyPatch
) -> None:
    ascent = ascents()
    monkeypatch.setattr("lib.oips.ascent.SECONDS_A_CALL", 0.0)
    monkeypatch.setattr(ascent, "_steps_a_call", {})
    calls = 0
    as_usual = ascent._optimise

    def tell(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:
            stop.tell()
        return as_usual(*arguments)

    monkeypatch.setattr(ascent, "_optimise", tell)
    with ThreadPoolExecutor(1) as thread:
        grown = thread.submit(ascent.optimise, starts(ascent, BATCH), np.arange(BATCH) % 7, rates(24, BATCH))
        try:
            with pytest.raises(stop.Stopped):
                grown.result()
        finally:
            stop.forget()
    assert calls == 3


def test_what_looks_after_an_ascent_ends_it_between_two_calls(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lib.oips.ascent.SECONDS_A_CALL", 0.0)
    looks: list[int] = []

    def look() -> None:
        looks.append(1)
        if len(looks) == 3:
            raise OutOfTime("the deadline has long passed")

    ascent = Ascent(model, "two", Constraint("standardised", 0.0, 1.0), batch=BATCH)
    with pytest.raises(OutOfTime):
        ascent.towards("response", look).optimise(starts(ascent, BATCH), np.arange(BATCH) % 7, rates(24, BATCH))
    assert len(looks) == 3


@pytest.mark.parametrize(("layer", "constraint"), [*((layer, "standardised") for layer in LAYERS), ("Conv2D_2", "box")])
def test_the_first_step_goes_where_float64_numpy_goes(reference: Any, layer: str, constraint: ConstraintName) -> None:
    """Without a step before it, the velocity is the direction of the gradient of response + 0.01 pre-activation."""
    bounds = Constraint(constraint, -1.0, 1.5)
    ascent = Ascent(reference, layer, bounds, batch=BATCH)
    begun = starts(ascent, 5)
    units = np.random.default_rng(1).integers(ascent.units, size=5)
    grown = ascent.optimise(begun, units, rates(1, 5))
    weights = weights_of(reference)
    for at, unit in enumerate(units):
        image = begun.images[at].astype(np.float64)
        expected = objective_of(weights, image, layer, int(unit), 0.01)
        assert grown.curve[at, 0] == pytest.approx(expected.response, rel=1e-4, abs=1e-6)
        way = expected.gradient
        if constraint == "standardised":
            way = way - way.mean()
            way = way - image * (way * image).mean()
            unit_length = 1.0
        else:
            ends = ((image <= -1) & (way < 0)) | ((image >= 1.5) & (way > 0))
            assert ends.any()
            way = np.where(ends, 0, way)
            unit_length = 1.25
        way = unit_length * way / np.sqrt((way**2).mean())
        np.testing.assert_allclose(grown.velocity[at], way, atol=2e-3 * np.abs(way).max())
        moved = image + 0.4 * way
        moved = np.clip(moved, -1, 1.5) if constraint == "box" else (moved - moved.mean()) / moved.std()
        np.testing.assert_allclose(grown.images[at], moved, atol=5e-3)


def test_momentum_carries_on_what_went_before(ascents: Ascents) -> None:
    ascent = ascents()
    units = np.arange(2, 6)
    first = ascent.optimise(starts(ascent, 4), units, rates(1, 4))
    alone = ascent.optimise(AscentState.from_starts(first.images), units, rates(1, 4))
    second = ascent.optimise(first, units, rates(1, 4))
    np.testing.assert_allclose(second.velocity, 0.8 * first.velocity + alone.velocity, atol=1e-4)


def test_whatever_is_grown_there_is_one_trace(ascents: Ascents) -> None:
    ascent = ascents()
    for number, (images, steps) in enumerate([(1, 1), (8, 3), (5, 7), (3, 0), (2, 11), (8, 1)]):
        units = np.random.default_rng(number).integers(ascent.units, size=images)
        grown = ascent.optimise(starts(ascent, images, number), units, rates(steps, images, 0.1 * number))
        assert grown.curve.shape == (images, steps)
        ascent.optimise(grown.take([0]), [int(units[0])], rates(2, 1))
        ascent.measure(grown.best, list(units))
    ascent.measure(starts(ascent, 19).images, np.zeros(19, np.int64))
    with Batcher(ascent, BATCH) as batcher:
        batcher.optimise(starts(ascent, 21), np.arange(21) % ascent.units, rates(2, 21))
    assert ascent.traces == 1


@pytest.mark.parametrize("constraint", CONSTRAINTS)
@pytest.mark.parametrize("how", [{}, {"smoothing": 1.0, "jitter": 1}], ids=["plain", "clean"])
def test_every_image_of_an_ascent_keeps_the_constraint(
    ascents: Ascents, constraint: ConstraintName, how: dict[str, Any]
) -> None:
    ascent = ascents("two", constraint, **how)
    state = starts(ascent, 6)
    assert keeps(ascent.constraint, state.images)
    random = np.random.default_rng(1)
    for step in range(12):
        shifts = random.integers(-2, 3, (1, 6, 2))
        state = ascent.optimise(state, np.arange(1, 7), np.full((1, 6), 0.1 * step, np.float32), shifts)
        assert keeps(ascent.constraint, state.images)
        assert keeps(ascent.constraint, state.best)


@pytest.mark.parametrize("how", [{}, {"smoothing": 1.0, "jitter": 1}], ids=["plain", "clean"])
def test_a_unit_grown_alone_is_the_same_to_the_bit_as_in_a_full_batch(ascents: Ascents, how: dict[str, Any]) -> None:
    ascent = ascents("two", "standardised", **how)
    state = starts(ascent, BATCH)
    units = np.arange(BATCH)[::-1] % ascent.units
    shifts = np.random.default_rng(1).integers(-2, 3, (9, BATCH, 2))
    together = ascent.optimise(state, units, rates(9, BATCH), shifts)
    for at in range(BATCH):
        alone = ascent.optimise(state.take([at]), units[[at]], rates(9, 1), shifts[:, [at]])
        assert_same_bits(alone, together.take([at]))
    order = np.array([5, 0, 7])
    assert_same_bits(
        ascent.optimise(state.take(order), units[order], rates(9, 3), shifts[:, order]), together.take(order)
    )


@pytest.mark.parametrize("layer", LAYERS)
def test_a_map_of_the_reference_network_is_the_same_alone_and_among_64(reference: Any, layer: str) -> None:
    ascent = Ascent(reference, layer, Constraint("standardised", 0.0, 1.0), batch=64)
    state = starts(ascent, 64)
    units = np.random.default_rng(1).integers(ascent.units, size=64)
    together = ascent.optimise(state, units, rates(12, 64))
    for at in (0, 17, 63):
        assert_same_bits(ascent.optimise(state.take([at]), units[[at]], rates(12, 1)), together.take([at]))


@pytest.mark.parametrize("layer", [*LAYERS, "dense_2"])
def test_no_size_of_a_batch_changes_a_bit_of_an_image(reference: Any, layer: str) -> None:
    """Whatever place an image has in it. Of dense units the last bit differs on processors without AVX-512."""
    but_for = 1e-5 if layer == "dense_2" and not HAS_AVX512 else 0.0
    ascent = Ascent(reference, layer, Constraint("standardised", 0.0, 1.0), batch=64)
    state = starts(ascent, 64)
    units = np.random.default_rng(1).integers(ascent.units, size=64)
    together = ascent.optimise(state, units, rates(6, 64))
    responses, pre_activations = ascent.measure(together.best, units)
    for size in range(16, 64, 8):
        rows = np.arange((64 - size) // 2, (64 + size) // 2)
        assert_same_bits(ascent.optimise(state.take(rows), units[rows], rates(6, size)), together.take(rows), but_for)
        measured = ascent.measure(together.best[rows], units[rows])
        np.testing.assert_allclose(measured[0], responses[rows], rtol=but_for, atol=but_for)
        np.testing.assert_allclose(measured[1], pre_activations[rows], rtol=but_for, atol=but_for)
    assert ascent.traces == 1


def test_few_images_are_not_padded_to_a_whole_batch(ascents: Ascents, monkeypatch: pytest.MonkeyPatch) -> None:
    ascent = ascents()
    wide = 4 * BATCH
    monkeypatch.setattr(ascent, "batch", wide)
    sizes: list[int] = []
    as_usual = ascent._optimise

    def count(*arguments: Any) -> Any:
        sizes.append(len(arguments[0]))
        return as_usual(*arguments)

    monkeypatch.setattr(ascent, "_optimise", count)
    for images in (1, 6, 8, 9, 16, 27):
        ascent.optimise(starts(ascent, images), np.arange(images) % 7, rates(1, images))
    assert sizes == [16, 16, 16, 16, 16, 32]


def test_stages_lead_where_one_ascent_leads(ascents: Ascents) -> None:
    ascent = ascents()
    state, units, every = starts(ascent, 4), np.arange(1, 5), rates(10, 4)
    whole = ascent.optimise(state, units, every)
    staged = state
    for part in (every[:3], every[3:4], every[4:]):
        staged = ascent.optimise(staged, units, part)
    np.testing.assert_array_equal(staged.images, whole.images)
    np.testing.assert_array_equal(staged.velocity, whole.velocity)
    np.testing.assert_array_equal(staged.curve, whole.curve)
    np.testing.assert_allclose(staged.response, whole.response, rtol=1e-5)


def test_what_is_traced_for_an_ascent_goes_with_it(model: Any) -> None:
    def graphs() -> list[Any]:
        gc.collect()
        return [one for one in gc.get_objects() if type(one).__name__ == "FuncGraph"]

    before = len(graphs())
    ascent = Ascent(model, "two", Constraint("box", 0.0, 1.0), batch=BATCH)  # it pools, with a gradient of our own
    measure = Measure(model, "two", PLAIN, batch=BATCH)
    ascent.optimise(starts(ascent, 2), [0, 1], rates(2, 2))
    measure(np.zeros((2, *ascent.shape), np.float32), [0, 1])
    assert len(graphs()) > before
    del ascent, measure
    assert len(graphs()) == before


@pytest.mark.parametrize("constraint", CONSTRAINTS)
def test_the_best_image_seen_is_kept(ascents: Ascents, constraint: ConstraintName) -> None:
    """Steps far too long overshoot, so that the last image is not the best."""
    ascent = ascents("two", constraint)
    units = np.array([2, 3, 4, 5, 6, 2, 3, 4])
    grown = ascent.optimise(starts(ascent, 8), units, np.full((15, 8), 2.0, np.float32))
    last, _ = ascent.measure(grown.images, units)
    assert (last < grown.response).any()
    response, pre_activation = ascent.measure(grown.best, units)
    np.testing.assert_allclose(response, grown.response, rtol=1e-5)
    np.testing.assert_allclose(pre_activation, grown.pre_activation, rtol=1e-4, atol=1e-5)
    assert (grown.response > 0).all()
    seen = np.maximum(grown.curve.max(1), last)
    np.testing.assert_allclose(grown.response, seen, rtol=1e-5)
    further = ascent.optimise(grown, units, np.full((4, 8), 5.0, np.float32))
    assert (further.response >= grown.response).all()


def test_the_last_image_counts_too(ascents: Ascents) -> None:
    ascent = ascents()
    units = np.arange(2, 7)
    grown = ascent.optimise(starts(ascent, 5), units, np.full((1, 5), 0.3, np.float32))
    assert (grown.response > grown.curve[:, 0]).all()
    np.testing.assert_array_equal(grown.best, grown.images)


def test_what_is_measured_is_what_the_model_answers(ascents: Ascents, model: Any) -> None:
    ascent = ascents()
    images, units = starts(ascent, 20).images, np.arange(20) % ascent.units
    responses, pre_activations = ascent.measure(images, units)
    trunk_responses, trunk_before = (np.asarray(part) for part in responses_of(model, ["two"])(images)["two"])
    np.testing.assert_allclose(responses, trunk_responses[np.arange(20), units], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(pre_activations, trunk_before[np.arange(20), units], rtol=1e-4, atol=1e-5)


def test_a_start_in_the_dead_zone_of_the_relu_gets_out_of_it(ascents: Ascents) -> None:
    """The gradient of the response is exactly zero there; the leak is what moves the image."""
    ascent = ascents()
    state, units = starts(ascent, 8), np.ones(8, np.int64)
    before, _ = ascent.measure(state.images, units)
    dead = np.flatnonzero(before == 0)
    assert len(dead) >= 1
    grown = ascent.optimise(state.take(dead), units[dead], rates(30, len(dead)))
    assert (grown.curve[:, 0] == 0).all()
    assert (grown.response > 0).all()


def test_a_unit_that_cannot_respond_comes_as_near_as_it_can(ascents: Ascents) -> None:
    ascent = ascents()
    state, units = starts(ascent, 4), np.zeros(4, np.int64)
    _, before = ascent.measure(state.images, units)
    grown = ascent.optimise(state, units, rates(30, 4))
    assert (grown.response == 0).all()
    assert (grown.pre_activation > before + 0.5).all()
    assert (grown.pre_activation < 0).all()
    np.testing.assert_allclose(ascent.measure(grown.best, units)[1], grown.pre_activation, rtol=1e-5)


@pytest.mark.parametrize("constraint", CONSTRAINTS)
def test_a_jittered_step_is_a_plain_one_of_the_shifted_image_shifted_back(
    ascents: Ascents, constraint: ConstraintName
) -> None:
    jittered, plain = ascents("two", constraint, jitter=1), ascents("two", constraint)
    state, units = starts(plain, 6), np.arange(1, 7)
    shifts = np.array([(1, 0), (0, -2), (3, 4), (-1, 5), (20, -31), (0, 0)])
    found = jittered.optimise(state, units, rates(4, 6), np.repeat(shifts[None], 4, axis=0))

    def rolled(images: np.ndarray, sign: int) -> np.ndarray:
        pairs = zip(images, sign * shifts, strict=True)
        return np.stack([np.roll(image, tuple(shift), axis=(0, 1)) for image, shift in pairs])

    expected = plain.optimise(AscentState.from_starts(rolled(state.images, 1)), units, rates(4, 6))
    np.testing.assert_allclose(found.images, rolled(expected.images, -1), atol=1e-4)
    np.testing.assert_allclose(found.velocity, rolled(expected.velocity, -1), atol=2e-3)


def test_what_is_seen_of_a_shifted_image_does_not_count(ascents: Ascents) -> None:
    ascent = ascents("two", "standardised", jitter=1)
    shifts = np.array([[(1, 0), (0, 0)], [(0, 0), (0, 0)], [(0, 2), (-1, 0)]])
    grown = ascent.optimise(starts(ascent, 2), [3, 4], rates(3, 2), shifts)
    np.testing.assert_array_equal(np.isnan(grown.curve), (shifts != 0).any(-1).T)
    response, _ = ascent.measure(grown.best, [3, 4])
    np.testing.assert_allclose(response, grown.response, rtol=1e-5)


def fine_share(images: np.ndarray) -> float:
    """How much of the images' power lies in waves shorter than 3 pixels."""
    power = np.abs(np.fft.fft2(images - images.mean((1, 2, 3), keepdims=True), axes=(1, 2))) ** 2
    down, right = np.meshgrid(*(np.fft.fftfreq(side) for side in images.shape[1:3]), indexing="ij")
    return float(power[:, np.hypot(down, right) > 1 / 3].sum() / power.sum())


def test_smoothing_leaves_out_what_is_fine(ascents: Ascents) -> None:
    shares = {}
    for smoothing in (0.0, 1.0, 2.0):
        ascent = ascents("two", "standardised", smoothing=smoothing)
        grown = ascent.optimise(starts(ascent, 6), np.arange(1, 7), rates(20, 6))
        shares[smoothing] = fine_share(grown.best)
        assert (grown.response[1:] > 0).all()
    assert shares[1.0] < 0.25 * shares[0.0]
    assert shares[2.0] < shares[1.0]


@pytest.mark.parametrize("sigma", [0.3, 0.5, 1.0, 1.7])
def test_blur_is_a_gaussian_whose_borders_are_mirrored(sigma: float) -> None:
    images = np.random.default_rng(1).normal(size=(2, 13, 9, 3)).astype(np.float32)
    reach = max(1, round(3 * sigma))
    expected = gaussian_filter(images, (0, sigma, sigma, 0), mode="reflect", radius=(0, reach, reach, 0))
    np.testing.assert_allclose(blur(images, sigma), expected, atol=1e-5)


def test_a_blur_wider_than_the_image_is_cut_to_it() -> None:
    images = np.random.default_rng(1).normal(size=(2, 3, 4, 1)).astype(np.float32)
    blurred = np.asarray(blur(images, 9.0))
    assert blurred.shape == images.shape
    assert blurred.std() < 0.5 * images.std()
    np.testing.assert_allclose(blur(np.ones((1, 3, 4, 1), np.float32), 9.0), 1, rtol=1e-5)


@pytest.mark.parametrize("objective", ["pre-activation", "peak"])
def test_the_other_objectives_are_maximised_too(ascents: Ascents, objective: str) -> None:
    ascent = ascents("two", "standardised", objective)
    state, units = starts(ascent, 5), np.arange(2, 7)
    before = ascent.measure(state.images, units)
    grown = ascent.optimise(state, units, rates(15, 5))
    assert (grown.response > before[0]).all()
    assert (ascent.measure(grown.images, units)[1] > before[1]).all() or objective == "peak"


@pytest.mark.parametrize("layer", ["nodes", "classes"])
def test_nodes_and_classes_are_optimised_as_maps_are(ascents: Ascents, layer: str, model: Any) -> None:
    ascent = ascents(layer)
    state, units = starts(ascent, 4), np.arange(4)
    grown = ascent.optimise(state, units, rates(15, 4))
    assert (grown.pre_activation > ascent.measure(state.images, units)[1]).all()
    if layer == "classes":  # before the softmax: signed, beyond 1, and the class that the model then sees
        assert ascent.signed
        np.testing.assert_array_equal(grown.response, grown.pre_activation)
        np.testing.assert_array_equal(np.asarray(model(grown.best)).argmax(1), units)


@pytest.mark.parametrize("name", ["residual", "other_convolutions", "nested", "on_the_way"])
def test_networks_of_every_kind_are_optimised(name: str) -> None:
    found = ZOO[name]()
    layer = list(found.expected)[-1]
    ascent = Ascent(found.model, layer, Constraint("standardised", 0.0, 1.0), batch=4, size=free_size(found.model))
    state, units = starts(ascent, 4), np.arange(4) % ascent.units
    before = ascent.measure(state.images, units)[1]
    grown = ascent.optimise(state, units, rates(12, 4, 0.2))
    assert np.isfinite(grown.best).all()
    assert (grown.pre_activation > before).all()
    assert ascent.traces == 1


def free_size(model: Any) -> tuple[int, int] | None:
    return None if model.inputs[0].shape[1] else (14, 14)


def test_a_network_of_mixed_precision_is_optimised() -> None:
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            kl.Input((12, 12, 1)),
            kl.Conv2D(4, 3, activation="relu", dtype="mixed_float16"),
            kl.MaxPooling2D(dtype="mixed_float16"),
            kl.Conv2D(4, 3, activation="relu", dtype="mixed_float16", name="half"),
        ]
    )
    ascent = Ascent(model, "half", Constraint("standardised", 0.0, 1.0), batch=4)
    state, units = starts(ascent, 4), np.arange(4)
    grown = ascent.optimise(state, units, rates(10, 4))
    assert grown.response.dtype == np.float32
    assert (grown.response > ascent.measure(state.images, units)[0]).all()


def test_a_free_size_must_be_chosen_and_a_chosen_one_is_grown() -> None:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([kl.Input((None, None, 1)), kl.Conv2D(3, 3, activation="relu", name="map")])
    constraint = Constraint("standardised", 0.0, 1.0)
    with pytest.raises(BadInput, match="choose one"):
        Ascent(model, "map", constraint)
    ascent = Ascent(model, "map", constraint, batch=2, size=(9, 17))
    assert ascent.shape == (9, 17, 1)
    assert ascent.optimise(starts(ascent, 2), [0, 1], rates(2, 2)).best.shape == (2, 9, 17, 1)


@pytest.mark.parametrize("count", [0, BATCH + 1])
def test_more_images_than_a_batch_or_none_are_refused(ascents: Ascents, count: int) -> None:
    ascent = ascents()
    state = starts(ascent, BATCH + 1).take(slice(0, count))
    with pytest.raises(ValueError, match=f"{count} images in a call that takes 1 to {BATCH}"):
        ascent.optimise(state, np.zeros(count, np.int64), rates(1, count))


def test_rates_fall_along_half_a_cosine() -> None:
    found = cosine_rates(96, 0.4)
    assert found.shape == (96,)
    assert found.dtype == np.float32
    assert found[0] == np.float32(0.4)
    assert found[48] == pytest.approx(0.2)
    assert 0 < found[-1] < 0.001
    assert (np.diff(found) < 0).all()
    assert len(cosine_rates(1, 0.4)) == 1


def test_images_taken_apart_and_joined_are_what_they_were() -> None:
    state = AscentState.from_starts(np.random.default_rng(1).normal(size=(5, 3, 3, 1)).astype(np.float32))
    assert (state.score == -np.inf).all()
    parts = [state.take([at]) for at in range(5)]
    assert_same_bits(AscentState.join(parts), state)


@pytest.fixture(scope="module")
def wide() -> Any:
    """With a normalisation, and a convolution of many channels on the way."""
    keras.utils.set_random_seed(4)
    return keras.Sequential(
        [
            kl.Input((12, 12, 3)),
            kl.Conv2D(64, 3, padding="same"),
            kl.BatchNormalization(epsilon=0.1),
            kl.ReLU(),
            kl.Conv2D(64, 3, padding="same", activation="relu"),
            kl.Conv2D(16, 3, activation="relu", name="maps"),
        ]
    )


def ascent_of(wide: Any, **how: Any) -> Ascent:
    return Ascent(wide, "maps", Constraint("box", 0.0, 1.0), batch=32, **how)


def random_starts(ascent: Ascent, number: int) -> AscentState:
    noise = np.random.default_rng(5).normal(size=(number, *ascent.shape)).astype(np.float32)
    return AscentState.from_starts(ascent.starts(noise))


@pytest.mark.parametrize("bfloat16", [False, True])
def test_steps_may_be_rounded_otherwise_and_what_is_measured_is_not(wide: Any, bfloat16: bool) -> None:
    exact, rounded = ascent_of(wide), ascent_of(wide, kernels=rounding_kernels(bfloat16=bfloat16))
    starts, units = random_starts(exact, 16), np.arange(16)
    one, other = (ascent.optimise(starts, units, rates(1, 16)) for ascent in (exact, rounded))
    assert (one.response != other.response).any()
    np.testing.assert_allclose(other.response, one.response, rtol=0.05, atol=1e-3)
    for found, expected in zip(rounded.measure(one.best, units), exact.measure(one.best, units), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_rounded_in_whichever_way_a_unit_grown_alone_is_the_same_to_the_bit(wide: Any) -> None:
    ascent = ascent_of(wide, kernels=rounding_kernels(bfloat16=True))
    starts, units = random_starts(ascent, 32), np.arange(32) % 16
    together = ascent.optimise(starts, units, rates(5, 32))
    for at in (0, 17, 31):
        alone = ascent.optimise(starts.take([at]), units[[at]], rates(5, 1))
        assert_same_bits(alone, together.take([at]))
