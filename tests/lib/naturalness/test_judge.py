"""What a judge makes of pictures, and a trial of a tiny network by itself and by another, against NumPy."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.errors import BadInput
from lib.naturalness.judge import Judge
from lib.naturalness.trial import MOST, Trial, draw_sample, hold_trial
from lib.network.trunk import responses_of
from lib.network.units import Unit
from lib.oips.constraint import Constraint
from tests.flows.tiny import MAPS, SIDE, small_cnn

BOX, STANDARDISED = Constraint("box", 0.0, 1.0), Constraint("standardised", 0.0, 1.0)
LAYER = "Conv2D_2"


@pytest.fixture(scope="module")
def images() -> Any:
    """Ninety pictures of three kinds: bars that lie, bars that stand, and grey noise."""
    rng = np.random.default_rng(2)
    made = rng.uniform(0, 0.4, (90, SIDE, SIDE, 1))
    for number, image in enumerate(made):
        at = rng.integers(1, SIDE - 3)
        if number % 3 == 0:
            image[at : at + 2] += 0.6
        elif number % 3 == 1:
            image[:, at : at + 2] += 0.6
    return made.astype(np.float32)


@pytest.fixture(scope="module")
def judge(images: Any) -> Judge:
    """The very network whose units are judged: it knows best what they see."""
    return Judge(small_cnn(), images)


@pytest.fixture(scope="module")
def held(judge: Judge, images: Any) -> Trial:
    return hold_trial(judge, small_cnn(), [LAYER], images, BOX, 0)


def test_features_are_the_responses_of_all_convolutions_whatever_the_batch(images: Any) -> None:
    model = small_cnn(1)
    trunk = responses_of(model, list(MAPS))
    wanted = np.concatenate([np.asarray(trunk(images)[layer][0]) for layer in MAPS], axis=1)
    for batch in (7, 64):
        judge = Judge(model, images, batch=batch)
        np.testing.assert_allclose(judge.look(images, "box"), wanted, rtol=1e-4, atol=1e-5)
    assert wanted.shape == (90, sum(MAPS.values()))


def test_standardised_images_are_shown_as_bright_as_pictures_are(images: Any) -> None:
    judge = Judge(small_cnn(1), images)
    standardised = (images - images.mean()) / images.std()
    np.testing.assert_allclose(judge.look(standardised, "standardised"), judge.look(images, "box"), atol=1e-4)


def test_a_judge_of_another_size_is_shown_resized_images(images: Any) -> None:
    from lib.pictures.resample import resize

    large = np.stack([resize(image, 20, 24) for image in images])
    judge = Judge(small_cnn(1), large)
    small = np.stack([resize(image, SIDE, SIDE) for image in large])
    np.testing.assert_allclose(judge.look(large, "box"), Judge(small_cnn(1), small).look(small, "box"), atol=1e-4)


def test_a_model_without_convolutions_cannot_judge(images: Any) -> None:
    import keras

    dense = keras.Sequential([keras.Input((SIDE, SIDE, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    with pytest.raises(BadInput, match="no convolution that sees space"):
        Judge(dense, images)


@pytest.mark.parametrize("constraint", [BOX, STANDARDISED])
def test_a_trial_orders_images_as_the_unit_does(images: Any, constraint: Constraint) -> None:
    model = small_cnn()
    trial = hold_trial(Judge(small_cnn(1), images), model, [LAYER], images, constraint, 3, batch=32)
    responses, before = responses_of(model, [LAYER])(constraint.image(images))[LAYER]
    wanted = np.where(np.asarray(responses) > 0, responses, np.minimum(before, 0))
    np.testing.assert_allclose(trial.strengths[LAYER], wanted, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(trial.numbers, np.arange(90))


@given(
    unit=st.integers(0, MAPS[LAYER] - 1),
    used=st.sets(st.integers(0, 89), max_size=60),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=30)
def test_the_unit_s_own_strongest_images_tell_better_than_its_weakest(
    unit: int, used: set[int], seed: int, images: Any, judge: Judge, held: Trial
) -> None:
    trial = replace(held, seed=seed)
    order = np.argsort(trial.strengths[LAYER][:, unit], kind="stable")
    order = order[~np.isin(order, list(used))]
    shown = {"strong": judge.look(images[order[-3:]], "box"), "weak": judge.look(images[order[:3]], "box")}
    scores = trial.scores(Unit(LAYER, unit), sorted(used), shown)
    for one in scores.values():
        assert one.pairs in (0, 200)
        if one.pairs:
            assert 0 <= one.low <= one.share <= one.high <= 1
    if scores["strong"].pairs:
        assert scores["strong"].share > scores["weak"].share
    assert trial.scores(Unit(LAYER, unit), sorted(used), shown) == pytest.approx(scores, nan_ok=True)


@given(count=st.integers(1, 3 * MOST), seed=st.integers(0, 2**32))
def test_a_sample_is_of_different_images_the_same_ones_for_a_seed(count: int, seed: int) -> None:
    numbers = draw_sample(count, seed)
    assert len(set(numbers.tolist())) == len(numbers) == min(count, MOST)
    assert (np.diff(numbers) > 0).all()
    assert numbers.min() >= 0
    assert numbers.max() < count
    np.testing.assert_array_equal(draw_sample(count, seed), numbers)
