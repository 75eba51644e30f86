"""Classifiers against the models' own answers."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as kl

from lib.analysis.classifier import Classifier, classifier_of
from lib.errors import BadInput

IMAGES = np.random.default_rng(1).normal(size=(7, 6, 6, 1)).astype(np.float32)


def ending_in(*layers: Any) -> Any:
    keras.utils.set_random_seed(5)
    return keras.Sequential([kl.Input((6, 6, 1)), kl.Conv2D(3, 3, activation="relu"), kl.MaxPooling2D(), *layers])


def found(model: Any) -> Classifier:
    classifier = classifier_of(model)
    assert classifier is not None
    return classifier


SOFTMAX = {
    "in the dense layer": lambda: [kl.Flatten(), kl.Dense(4, activation="softmax")],
    "a layer of its own": lambda: [kl.Flatten(), kl.Dense(4), kl.Softmax()],
    "an activation layer": lambda: [kl.Flatten(), kl.Dense(4), kl.Activation("softmax", dtype="float32")],
    "behind global pooling": lambda: [kl.Conv2D(4, 1), kl.GlobalAveragePooling2D(), kl.Softmax()],
}


@pytest.mark.parametrize("layers", SOFTMAX.values(), ids=SOFTMAX)
@pytest.mark.parametrize("batch", [256, 3])
def test_probabilities_are_the_models_own_and_logits_give_them_by_softmax(layers: Any, batch: int) -> None:
    model = ending_in(*layers())
    told: list[int] = []
    classified = found(model).of(IMAGES, batch=batch, progress=told.append)
    np.testing.assert_allclose(classified.probabilities, np.asarray(model(IMAGES)), rtol=1e-4, atol=1e-6)
    powers = np.exp(classified.logits.astype(np.float64))
    np.testing.assert_allclose(powers / powers.sum(1, keepdims=True), classified.probabilities, rtol=1e-4, atol=1e-6)
    assert found(model).classes == 4
    assert told == [*range(batch, 7, batch), 7]


def test_a_dense_end_without_activation_gives_logits() -> None:
    model = ending_in(kl.Flatten(), kl.Dense(3))
    classified = found(model).of(IMAGES)
    np.testing.assert_allclose(classified.logits, np.asarray(model(IMAGES)), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(classified.probabilities.sum(1), 1, rtol=1e-5)


def test_a_single_sigmoid_has_two_classes() -> None:
    model = ending_in(kl.Flatten(), kl.Dense(1, activation="sigmoid"))
    classified = found(model).of(IMAGES)
    assert found(model).classes == 2
    second = np.asarray(model(IMAGES))[:, 0]
    np.testing.assert_allclose(classified.probabilities, np.stack([1 - second, second], 1), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(classified.logits[:, 0], -classified.logits[:, 1])
    assert classified.logits.any()  # each class has a gradient


OTHERS = {
    "maps": lambda: [],
    "a node": lambda: [kl.Flatten(), kl.Dense(1)],
    "several sigmoids": lambda: [kl.Flatten(), kl.Dense(3, activation="sigmoid")],
    "features": lambda: [kl.GlobalAveragePooling2D()],
}


@pytest.mark.parametrize("layers", OTHERS.values(), ids=OTHERS)
def test_a_network_that_ends_in_anything_else_is_no_classifier(layers: Any) -> None:
    assert classifier_of(ending_in(*layers())) is None


def test_images_of_another_shape_are_refused() -> None:
    with pytest.raises(BadInput, match="6x6x1"):
        found(ending_in(kl.Flatten(), kl.Dense(3))).of(np.zeros((1, 5, 6, 1)))
