"""Classifiers against the models' own answers."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as kl

from lib.analysis.classifier import Classifier, classifier_of
from lib.analysis.heads import heads_of
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


def test_a_single_output_without_activation_has_two_classes_where_the_data_set_has_and_else_is_a_value() -> None:
    model = ending_in(kl.Flatten(), kl.Dense(1))
    classifier = classifier_of(model, 2)
    assert classifier is not None
    logit = np.asarray(model(IMAGES))[:, 0]
    np.testing.assert_allclose(classifier.of(IMAGES).probabilities[:, 1], 1 / (1 + np.exp(-logit)), rtol=1e-4)
    for classes in (None, 3):
        (head,) = heads_of(model, classes)
        assert (head.kind, head.text) == ("values", "1 output without activation: values, a regression")
        np.testing.assert_allclose(Classifier(model, head).of(IMAGES).probabilities[:, 0], logit, rtol=1e-4, atol=1e-6)


def test_outputs_without_activation_are_logits_where_they_are_as_many_as_classes_wherever_they_come_from() -> None:
    pooled = ending_in(kl.Conv2D(4, 1), kl.GlobalAveragePooling2D())
    for model in (ending_in(kl.Flatten(), kl.Dense(4)), pooled):
        assert [head.kind for head in heads_of(model, 4)] == ["classes"]
        assert [head.kind for head in heads_of(model, 10)] == ["values"]
    assert classifier_of(pooled) is None
    found = classifier_of(pooled, 4)
    assert found is not None
    np.testing.assert_allclose(found.of(IMAGES).logits, np.asarray(pooled(IMAGES)), rtol=1e-4, atol=1e-6)


BEHIND = {
    "dropout": lambda: [kl.Dense(4, activation="softmax", name="end"), kl.Dropout(0.5)],
    "identity": lambda: [kl.Dense(4, name="logits"), kl.Softmax(), kl.Identity()],
    "a temperature before": lambda: [kl.Dense(4), kl.Rescaling(0.5), kl.Softmax()],
    "another type": lambda: [kl.Dense(4, activation="softmax"), kl.Activation("linear", dtype="float64")],
}


@pytest.mark.parametrize("layers", BEHIND.values(), ids=BEHIND)
def test_what_changes_nothing_behind_a_softmax_is_passed_over(layers: Any) -> None:
    model = ending_in(kl.Flatten(), *layers())
    np.testing.assert_allclose(found(model).of(IMAGES).probabilities, np.asarray(model(IMAGES)), rtol=1e-4, atol=1e-6)


def test_a_softmax_of_maps_of_one_position_is_a_classifier_once_it_is_flat() -> None:
    model = ending_in(kl.GlobalAveragePooling2D(keepdims=True), kl.Conv2D(4, 1, activation="softmax"), kl.Flatten())
    np.testing.assert_allclose(found(model).of(IMAGES).probabilities, np.asarray(model(IMAGES)), rtol=1e-4, atol=1e-6)


def test_a_logarithm_of_a_softmax_has_the_probabilities_that_it_is_of() -> None:
    model = ending_in(kl.Flatten(), kl.Dense(4, activation="log_softmax"))
    np.testing.assert_allclose(
        found(model).of(IMAGES).probabilities, np.exp(np.asarray(model(IMAGES))), rtol=1e-4, atol=1e-6
    )


def test_several_sigmoids_are_labels_that_do_not_share_one_probability() -> None:
    model = ending_in(kl.Flatten(), kl.Dense(3, activation="sigmoid"))
    (head,) = heads_of(model, 3)
    assert (head.kind, head.classes) == ("labels", 3)
    classified = Classifier(model, head).of(IMAGES)
    np.testing.assert_allclose(classified.probabilities, np.asarray(model(IMAGES)), rtol=1e-4, atol=1e-6)
    assert not np.allclose(classified.probabilities.sum(1), 1, atol=0.05)


def test_maps_are_said_to_be_maps_and_a_softmax_over_them_a_segmentation() -> None:
    (maps,) = heads_of(ending_in())
    (segmentation,) = heads_of(ending_in(kl.Conv2D(4, 1, activation="softmax")), 4)
    assert (maps.kind, maps.text) == ("maps", "maps [2, 2, 3]")
    assert (segmentation.kind, segmentation.text) == ("maps", "a softmax over maps: a segmentation [2, 2, 4]")


def test_every_output_is_told_by_its_name_and_the_classifier_is_the_one_that_suits_the_data_set() -> None:
    keras.utils.set_random_seed(5)
    entry = keras.Input((6, 6, 1))
    flat = kl.Flatten()(kl.Conv2D(3, 3, activation="relu")(entry))
    outputs = [
        kl.Dense(5, activation="softmax", name="kind")(flat),
        kl.Dense(1, name="age")(flat),
        kl.Dense(3, activation="softmax", name="colour")(flat),
    ]
    model = keras.Model(entry, outputs)
    assert [(head.name, head.kind) for head in heads_of(model, 3)] == [
        ("kind", "classes"),
        ("age", "values"),
        ("colour", "classes"),
    ]
    three = classifier_of(model, 3)
    assert three is not None
    assert three.head.name == "colour"
    np.testing.assert_allclose(three.of(IMAGES).probabilities, np.asarray(model(IMAGES)[2]), rtol=1e-4, atol=1e-6)
    assert found(model).head.name == "kind"
    named = keras.Model(entry, {"z": outputs[0], "a": outputs[1]})
    for head in heads_of(named):
        wanted = named(IMAGES)[{"kind": "z", "age": "a"}[head.name] if head.name in ("kind", "age") else head.name]
        np.testing.assert_allclose(Classifier(named, head).of(IMAGES).probabilities, wanted, rtol=1e-4, atol=1e-6)
