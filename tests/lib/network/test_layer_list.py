"""The layers of a network as a table."""

import keras
from keras import layers as kl

from lib.network.layer_list import list_layers
from lib.network.receptive_field import receptive_field
from lib.network.units import select_layers
from lib.training.reference import build


def test_the_reference_network_is_listed_with_what_its_layers_see_and_what_is_swept() -> None:
    found = list_layers(build((28, 28, 1), 10))
    assert [
        (one.name, one.type, one.size, one.units, one.field, one.stride, one.default, one.signed) for one in found
    ] == [
        ("Conv2D_1", "Conv2D", (26, 26), 32, (3, 3), (1, 1), True, 0),
        ("Max_Pool_1", "MaxPooling2D", (13, 13), 32, (4, 4), (2, 2), False, 0),
        ("Conv2D_2", "Conv2D", (11, 11), 64, (8, 8), (2, 2), True, 0),
        ("Max_Pool_2", "MaxPooling2D", (5, 5), 64, (10, 10), (4, 4), False, 0),
        ("Conv2D_3", "Conv2D", (3, 3), 128, (18, 18), (4, 4), True, 0),
        ("flatten", "Flatten", None, 1152, None, None, False, 0),
        ("dense_1", "Dense", None, 100, None, None, False, 0),
        ("dense_2", "Dense", None, 10, None, None, False, 10),
    ]


def test_a_network_of_free_size_and_a_nested_one_are_listed_whole() -> None:
    entry = keras.Input((None, None, 3))
    inner = keras.Sequential(
        [kl.Input((None, None, 3)), kl.Conv2D(4, 3, strides=2, name="conv"), kl.BatchNormalization(name="bn")],
        name="in",
    )
    model = keras.Model(entry, kl.ReLU(name="out")(inner(entry)))
    found = {one.name: one for one in list_layers(model)}
    assert list(found) == ["in/conv", "in/bn", "out"]
    assert found["in/conv"].size == (None, None)
    assert (found["out"].field, found["out"].stride) == ((3, 3), (2, 2))
    assert [one.signed for one in found.values()] == [0, 4, 0]


def test_what_the_table_says_is_swept_is_swept_and_what_it_says_is_seen_is_seen() -> None:
    entry = keras.Input((32, 32, 3))
    first = kl.Conv2D(4, 5, padding="same", strides=2, activation="relu")(entry)
    second = kl.Conv2D(4, 3, padding="same", activation="relu")(first)
    joined = kl.Concatenate()([kl.MaxPooling2D()(first), kl.AveragePooling2D(2)(second)])
    up = kl.UpSampling2D()(joined)
    model = keras.Model(entry, kl.Conv2D(2, 3)(kl.Add()([up, kl.Concatenate()([first, second])])))
    found = list_layers(model)
    assert [one.name for one in found if one.default] == [layer.name for layer in select_layers(model)]
    for one in found:
        field = receptive_field(model, one.name)
        assert field is not None
        assert one.field == tuple(field["size"])
        assert one.stride == tuple(field["stride"])
