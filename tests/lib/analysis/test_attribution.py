"""Attribution against plain loops, and against what must hold of it."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as kl

from lib.analysis.attribution import Attribution
from lib.analysis.classifier import Classifier, classifier_of
from lib.errors import BadInput

IMAGE = np.random.default_rng(3).random((9, 8, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def model() -> Any:
    keras.utils.set_random_seed(2)
    return keras.Sequential(
        [
            kl.Input((9, 8, 2)),
            kl.Conv2D(5, 3, activation="relu"),
            kl.MaxPooling2D(),
            kl.Flatten(),
            kl.Dense(6, activation="relu"),
            kl.Dense(3, activation="softmax"),
        ]
    )


def linear(weights: Any) -> Any:
    model = keras.Sequential([kl.Input(weights.shape[:-1]), kl.Flatten(), kl.Dense(weights.shape[-1])])
    model.layers[-1].set_weights([weights.reshape(-1, weights.shape[-1]), np.ones(weights.shape[-1])])
    return model


def classifier(model: Any) -> Classifier:
    found = classifier_of(model)
    assert found is not None
    return found


@pytest.mark.parametrize(("window", "step"), [(1, 1), (2, 1), (5, 1), (8, 2)])
@pytest.mark.parametrize("empty", [0.0, 0.5])
def test_occlusion_is_as_a_plain_loop_covers_and_asks(model: Any, window: int, step: int, empty: float) -> None:
    asked = classifier(model)
    found = Attribution(asked, empty=empty).occlusion(IMAGE, 1, window=window)

    def logit(image: Any) -> float:
        return float(asked.of(image[None]).logits[0, 1])

    falls: dict[tuple[int, int], list[float]] = {(y, x): [] for y in range(9) for x in range(8)}
    tops, lefts = (sorted({*range(0, side - window + 1, step), side - window}) for side in (9, 8))
    for top in tops:
        for left in lefts:
            covered = IMAGE.copy()
            covered[top : top + window, left : left + window] = empty
            for place in falls:
                if top <= place[0] < top + window and left <= place[1] < left + window:
                    falls[place].append(logit(IMAGE) - logit(covered))
    expected = [[np.mean(falls[y, x]) for x in range(8)] for y in range(9)]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("label", [0, 1, 2])
@pytest.mark.parametrize("empty", [0.0, 0.7])
def test_integrated_gradients_add_up_to_what_the_image_has_over_the_empty_one(
    model: Any, label: int, empty: float
) -> None:
    image = 20 * IMAGE
    found = Attribution(classifier(model), empty=empty).integrated_gradients(image, label, steps=1000)
    whole, nothing = classifier(model).of(np.stack([image, np.full_like(image, empty)])).logits[:, label]
    assert abs(whole - nothing) > 0.1
    assert found.sum() == pytest.approx(whole - nothing, abs=0.02)


def test_of_a_linear_network_they_are_weight_times_pixel_with_a_single_step() -> None:
    weights = np.random.default_rng(0).normal(size=(9, 8, 2, 3)).astype(np.float32)
    attribution = Attribution(classifier(linear(weights)), empty=0.25)
    found = attribution.integrated_gradients(IMAGE, 2, steps=1)
    np.testing.assert_allclose(found, ((IMAGE - 0.25) * weights[..., 2]).sum(-1), atol=1e-5)
    one_pixel = attribution.occlusion(IMAGE, 2, window=1)
    np.testing.assert_allclose(one_pixel, found, atol=1e-4)


def test_what_the_network_does_not_read_carries_nothing() -> None:
    weights = np.zeros((9, 8, 2, 2), np.float32)
    weights[2, 3, :, 1] = 4.0
    attribution = Attribution(classifier(linear(weights)))
    gradients = attribution.integrated_gradients(IMAGE, 1)
    assert list(zip(*np.nonzero(gradients), strict=True)) == [(2, 3)]
    covered = attribution.occlusion(IMAGE, 1, window=2)
    assert set(zip(*np.nonzero(np.abs(covered) > 1e-4), strict=True)) == {(y, x) for y in (1, 2, 3) for x in (2, 3, 4)}


def test_the_window_is_a_seventh_of_the_image_by_itself(model: Any) -> None:
    attribution = Attribution(classifier(model))
    np.testing.assert_array_equal(attribution.occlusion(IMAGE, 0), attribution.occlusion(IMAGE, 0, window=1))


def test_what_cannot_be_asked_is_refused(model: Any) -> None:
    attribution = Attribution(classifier(model))
    for label in (-1, 3):
        with pytest.raises(BadInput, match="no class"):
            attribution.occlusion(IMAGE, label)
    with pytest.raises(BadInput, match="9x8x2"):
        attribution.integrated_gradients(IMAGE[:5], 0)
    for window in (0, 9):
        with pytest.raises(BadInput, match="window"):
            attribution.occlusion(IMAGE, 0, window=window)
    with pytest.raises(BadInput, match="step"):
        attribution.integrated_gradients(IMAGE, 0, steps=0)
