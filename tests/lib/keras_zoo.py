"""Small Keras models of every kind, each with what a trunk must find in it, taken from Keras's own tensors."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers as kl


@dataclass(frozen=True)
class Expected:
    """Where the model itself has a layer's pre-activation and activation, as Keras tensors."""

    kind: str
    activation: str
    before: Any
    after: Any

    @property
    def signed(self) -> bool:
        return self.before is self.after


@dataclass(frozen=True)
class Specimen:
    model: Any
    expected: dict[str, Expected]


ZOO: dict[str, Callable[[], Specimen]] = {}


def specimen(build: Callable[[], Specimen]) -> Callable[[], Specimen]:
    def made() -> Specimen:
        keras.utils.set_random_seed(3)
        return randomised(build())

    ZOO[build.__name__] = made
    return made


def randomised(found: Specimen) -> Specimen:
    """Weights and statistics that no layer can be mistaken with: moving means are not 0 nor variances 1."""
    random = np.random.default_rng(7)
    for variable in found.model.variables:
        if "seed" in variable.path:
            continue
        values = random.normal(scale=0.4, size=variable.shape)
        variable.assign(np.abs(values) + 0.5 if "variance" in variable.path else values)
    for twin, layer in TWINS:
        twin.set_weights(layer.get_weights())
    TWINS.clear()
    return found


TWINS: list[tuple[Any, Any]] = []


def linear_twin(layer: Any, inputs: Any) -> Any:
    """The output of a layer without its activation, by a second layer with the same weights."""
    config = layer.get_config()
    twin = type(layer).from_config({**config, "activation": "linear", "name": None})
    outputs = twin(inputs)
    TWINS.append((twin, layer))
    return outputs


def own(kind: str, activation: str, layer: Any, inputs: Any, outputs: Any) -> Expected:
    return Expected(kind, activation, linear_twin(layer, inputs), outputs)


@specimen
def fused_relu() -> Specimen:
    model = keras.Sequential(
        [
            kl.Input((12, 12, 1)),
            kl.Conv2D(4, 3, activation="relu", name="one"),
            kl.MaxPooling2D(),
            kl.Conv2D(5, 3, activation="relu", name="two"),
            kl.Flatten(),
            kl.Dense(6, activation="relu", name="nodes"),
            kl.Dense(3, activation="softmax", name="classes"),
        ]
    )
    one, two, nodes, classes = (model.get_layer(name) for name in ("one", "two", "nodes", "classes"))
    logits = linear_twin(classes, nodes.output)
    return Specimen(
        model,
        {
            "one": own("map", "relu", one, model.inputs[0], one.output),
            "two": own("map", "relu", two, two.input, two.output),
            "nodes": own("node", "relu", nodes, nodes.input, nodes.output),
            "classes": Expected("class", "linear", logits, logits),
        },
    )


@specimen
def residual() -> Specimen:
    entry = keras.Input((8, 8, 3))
    stem = kl.Conv2D(4, 3, padding="same", use_bias=False, name="stem")(entry)
    normal = kl.BatchNormalization()(stem)
    start = kl.ReLU(max_value=6)(normal)
    first = kl.Conv2D(4, 3, padding="same", name="first")(start)
    first_normal = kl.BatchNormalization()(first)
    first_out = kl.Activation("relu")(first_normal)
    second = kl.Conv2D(4, 3, padding="same", name="second")(first_out)
    added = kl.Add()([kl.BatchNormalization()(second), start])
    out = kl.ReLU()(added)
    projection = kl.Conv2D(2, 1, name="projection")(out)
    last = kl.BatchNormalization()(projection)
    model = keras.Model(entry, kl.Conv2D(3, 1, name="end")(last))
    end = model.get_layer("end").output
    return Specimen(
        model,
        {
            "stem": Expected("map", "relu6", normal, start),
            "first": Expected("map", "relu", first_normal, first_out),
            "second": Expected("map", "relu", added, out),
            "projection": Expected("map", "linear", projection, projection),
            "end": Expected("map", "linear", end, end),
        },
    )


@specimen
def before_activation_residual() -> Specimen:
    entry = keras.Input((8, 8, 1))
    stem = kl.Conv2D(4, 3, name="stem")(entry)
    inner_before = kl.BatchNormalization()(stem)
    inner = kl.ReLU()(inner_before)
    branch = kl.Conv2D(4, 3, padding="same", name="branch")(inner)
    added = branch + stem
    last_before = kl.BatchNormalization()(added)
    last = keras.ops.relu(last_before)
    return Specimen(
        keras.Model(entry, kl.GlobalAveragePooling2D()(last)),
        {
            "stem": Expected("map", "relu", inner_before, inner),
            "branch": Expected("map", "relu", last_before, last),
        },
    )


@specimen
def other_convolutions() -> Specimen:
    entry = keras.Input((9, 9, 3))
    depthwise = kl.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise")(entry)
    normal = kl.BatchNormalization()(depthwise)
    one = kl.Activation("relu6")(normal)
    separable = kl.SeparableConv2D(4, 3, activation="swish", name="separable")
    two = separable(one)
    transposed = kl.Conv2DTranspose(5, 3, strides=2, activation="elu", name="transposed")
    three = transposed(two)
    grouped = kl.Conv2D(5, 3, groups=5, dilation_rate=2, activation="gelu", name="grouped")
    four = grouped(three)
    return Specimen(
        keras.Model(entry, four),
        {
            "depthwise": Expected("map", "relu6", normal, one),
            "separable": own("map", "silu", separable, one, two),
            "transposed": own("map", "elu", transposed, two, three),
            "grouped": own("map", "gelu", grouped, three, four),
        },
    )


@specimen
def activation_layers() -> Specimen:
    entry = keras.Input((12, 12, 1))
    expected = {}
    x = entry
    for name, activate in (
        ("prelu", kl.PReLU(shared_axes=[1])),
        ("leaky_relu", kl.LeakyReLU()),
        ("elu", kl.ELU()),
        ("sigmoid", kl.Activation("sigmoid")),
        ("tanh", keras.ops.tanh),
        ("relu", keras.ops.relu),
    ):
        before = kl.Conv2D(3, 3, padding="same", name=f"before_{name}")(x)
        x = activate(before)
        expected[f"before_{name}"] = Expected("map", name, before, x)
    fused = kl.Conv2D(3, 3, activation=cubed, name="fused")
    out = fused(x)
    expected["fused"] = own("map", "cubed", fused, x, out)
    return Specimen(keras.Model(entry, out), expected)


def cubed(x: Any) -> Any:
    return x**3


@specimen
def on_the_way() -> Specimen:
    entry = keras.Input((None, None, 3))
    x = kl.Normalization(mean=[1.0, 2.0, 3.0], variance=[4.0, 5.0, 6.0])(kl.Rescaling(2.0, offset=-1.0)(entry))
    conv = kl.Conv2D(3, 3, name="long")(x)
    x = kl.ZeroPadding2D()(kl.Dropout(0.5)(conv, training=True))
    before = kl.MaxPooling2D()(kl.SpatialDropout2D(0.5)(kl.Cropping2D(1)(x)))
    long = kl.ReLU()(before)
    left = kl.Conv2D(2, 3, padding="same", name="left")(long)
    right = kl.Conv2D(4, 3, padding="same", name="right")(long)
    joined = kl.BatchNormalization()(kl.Concatenate()([left, right]))
    out = kl.ReLU()(joined)
    pooled = kl.GlobalAveragePooling2D()(out)
    yes = kl.Dense(1, activation="sigmoid", name="yes")
    answer = yes(pooled)
    return Specimen(
        keras.Model(entry, answer),
        {
            "long": Expected("map", "relu", before, long),
            "left": Expected("map", "relu", joined[..., :2], out[..., :2]),
            "right": Expected("map", "relu", joined[..., 2:], out[..., 2:]),
            "yes": own("node", "sigmoid", yes, pooled, answer),
        },
    )


@specimen
def several_readers() -> Specimen:
    entry = keras.Input((8, 8, 1))
    conv = kl.Conv2D(3, 3, name="read_thrice")(entry)
    mixed = kl.Conv2D(3, 3, padding="same", name="reader")(conv)
    first = kl.Activation("tanh")(conv)
    later = kl.ReLU()(first + conv)
    out = kl.Concatenate()([mixed, first, later])
    return Specimen(
        keras.Model(entry, out),
        {"read_thrice": Expected("map", "tanh", conv, first), "reader": Expected("map", "linear", mixed, mixed)},
    )


@specimen
def shared_layer() -> Specimen:
    entry = keras.Input((10, 10, 2))
    conv = kl.Conv2D(2, 3, padding="same", activation="relu", name="twice")
    once = conv(entry)
    return Specimen(keras.Model(entry, conv(kl.MaxPooling2D()(once))), {"twice": own("map", "relu", conv, entry, once)})


@specimen
def classes_by_a_softmax_layer() -> Specimen:
    entry = keras.Input((6, 6, 1))
    maps = kl.Conv2D(2, 3, name="conv")(entry)
    x = kl.Flatten()(maps)
    hidden = kl.Dense(4, activation="tanh", name="hidden")
    activated = hidden(x)
    logits = kl.Dense(3, name="logits")(activated)
    return Specimen(
        keras.Model(entry, kl.Softmax()(logits)),
        {
            "conv": Expected("map", "linear", maps, maps),
            "hidden": own("node", "tanh", hidden, x, activated),
            "logits": Expected("class", "linear", logits, logits),
        },
    )


@specimen
def nested() -> Specimen:
    """A Sequential in a functional model in a Sequential; an activation beyond the border of its model."""
    block_entry = keras.Input((None, None, 2))
    block_conv = kl.Conv2D(3, 3, name="conv")
    block = keras.Sequential([block_entry, block_conv, kl.BatchNormalization()], name="block")
    middle_entry = keras.Input((10, 10, 2))
    middle = keras.Model(middle_entry, kl.ReLU()(block(middle_entry)), name="middle")
    stem = kl.Conv2D(2, 3, activation="relu", name="conv")
    model = keras.Sequential([kl.Input((12, 12, 1)), stem, middle, kl.GlobalMaxPooling2D(), kl.Dense(2, name="end")])
    stem_out = stem(model.inputs[0])
    end = model.outputs[0]
    return Specimen(
        model,
        {
            "conv": own("map", "relu", stem, model.inputs[0], stem_out),
            "middle/block/conv": Expected("map", "relu", block(stem_out), keras.ops.relu(block(stem_out))),
            "end": Expected("node", "linear", end, end),
        },
    )


@specimen
def sibling_networks() -> Specimen:
    """One nested model called twice: the first call counts."""
    entry = keras.Input((8, 8, 1))
    inner = keras.Sequential(
        [kl.Input((None, None, 1)), kl.Conv2D(1, 3, padding="same", name="conv"), kl.ReLU()], name="twin"
    )
    first = inner(entry)
    return Specimen(
        keras.Model(entry, inner(first)),
        {"twin/conv": Expected("map", "relu", inner.get_layer("conv")(entry), first)},
    )
