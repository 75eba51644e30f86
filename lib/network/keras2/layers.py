"""Layers as Keras 2 described them, in the words of Keras 3.

What is taken out of a description is what Keras 3 knows by itself, or what does not change the outputs of a network
that is not trained. A setting that would change them stays, and Keras refuses it.
"""

import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from lib.errors import BadInput

Description = dict[str, Any]
INNER = ("layer", "backward_layer", "cell")
"""Settings that hold another layer."""
SPLIT = "hard_sigmoid"
"""An activation that Keras 3 computes otherwise under the same name: clip(x / 5 + 1 / 2, 0, 1) in Keras 2, relu6(x + 3)
/ 6 in Keras 3."""

_RENAMED = {
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "SyncBatchNormalization": "BatchNormalization",
    "LSTMV1": "LSTM",
    "LSTMV2": "LSTM",
    "GRUV1": "GRU",
    "GRUV2": "GRU",
    # of Keras 1
    "Convolution2D": "Conv2D",
    "Deconvolution2D": "Conv2DTranspose",
    "SeparableConvolution2D": "SeparableConv2D",
    # what they change is random, and nothing where a network is not trained
    "RandomHeight": "Identity",
    "RandomWidth": "Identity",
}
# layers that only a network of keras.applications has
_OF_APPLICATIONS = {
    "LayerScale": "keras.src.applications.convnext",
    "StochasticDepth": "keras.src.applications.convnext",
    "CustomScaleLayer": "keras.src.applications.inception_resnet_v2",
}
_ONLY_TRAINING = ("_initializer", "_regularizer", "_constraint")
_ANY = object()
# by the name of a setting: the values with which it says nothing, and the layers of which that is true (all, where
# there are none)
_SAYS_NOTHING: dict[str, tuple[tuple[Any, ...], tuple[str, ...]]] = {
    "batch_input_shape": ((_ANY,), ()),
    "input_shape": ((_ANY,), ()),
    "batch_size": ((_ANY,), ()),
    "input_dtype": ((_ANY,), ()),
    "input_dim": ((_ANY,), ("Dense", "LSTM", "GRU", "SimpleRNN")),
    "input_length": ((_ANY,), ()),
    "implementation": ((_ANY,), ()),
    "rng_type": ((_ANY,), ()),
    "fused": ((_ANY,), ()),
    "renorm": ((False, None), ()),
    "renorm_clipping": ((_ANY,), ()),
    "renorm_momentum": ((_ANY,), ()),
    "virtual_batch_size": ((_ANY,), ()),
    "adjustment": ((None,), ()),
    "synchronized": ((_ANY,), ()),
    "time_major": ((False, None), ()),
    "dynamic": ((False, None), ()),
    "sparse": ((False, None), ()),
    "ragged": ((False, None), ()),
    "type_spec": ((None,), ()),
    "groups": (
        (1, None),
        ("DepthwiseConv2D", "DepthwiseConv1D", "SeparableConv2D", "SeparableConv1D", "Conv2DTranspose"),
    ),
    "filters": ((None,), ("DepthwiseConv2D", "DepthwiseConv1D")),
    "experimental_autocast": ((_ANY,), ()),
    "query_shape": ((_ANY,), ("MultiHeadAttention",)),
    "key_shape": ((_ANY,), ("MultiHeadAttention",)),
    "value_shape": ((_ANY,), ("MultiHeadAttention",)),
    "softmax_robust_masking": ((False,), ()),
}


def layer(description: Description, file: str, model: Callable[[Description], Description]) -> Description:
    """The description of one layer, without its inbound nodes.

    Args:
        description: as it stands in the file.
        file: what messages call it.
        model: what mends the description of a model within a layer.

    Raises:
        BadInput: Keras 3 has no such layer, or one that computes something else.
    """
    import keras

    written, settings = str(description["class_name"]), dict(description["config"])
    called = settings.get("name", description.get("name", written))
    kind: str = _RENAMED.get(written, written)
    if kind.removeprefix("Custom>") in _OF_APPLICATIONS:
        kind = kind.removeprefix("Custom>")
    own = _class_of(kind)
    if kind == "ThresholdedReLU":
        kind, settings = "ReLU", _common(settings) | {"threshold": _plain(settings.get("theta", 1.0))}
    elif not (isinstance(own, type) and issubclass(own, keras.layers.Layer)) or (
        ">" in f"{description.get('registered_name')}" and kind not in _OF_APPLICATIONS
    ):
        raise BadInput(
            f"{file} holds a {written} ({called!r}), which Keras 3 does not have: "
            "rebuild the model with layers that it has and save it again"
        )
    if kind == "Identity":
        settings = _common(settings)
    settings = {name: _plain(value) for name, value in settings.items()}
    _rename(kind, settings)
    module = _OF_APPLICATIONS.get(kind, "keras.layers")
    known = _parameters(_class_of(kind))
    for name in [name for name, value in settings.items() if _says_nothing(kind, name, value)]:
        del settings[name]
    for name in [
        name for name, value in settings.items() if name not in known and (value is None or name == "trainable")
    ]:
        del settings[name]
    if "dtype" in settings and (policy := _policy(settings.pop("dtype"))):
        settings["dtype"] = policy
    for name in INNER:
        if isinstance(inner := settings.get(name), dict):
            settings[name] = model(inner) if "layers" in inner.get("config", ()) else layer(inner, file, model)
    if isinstance(inner := settings.get("cells"), list):
        settings["cells"] = [layer(cell, file, model) for cell in inner]
    if isinstance(inner := settings.get("activation"), dict) and inner.get("class_name") != "function":
        settings["activation"] = layer(inner, file, model)
    if activation(settings.get("recurrent_activation")) == SPLIT:
        raise BadInput(
            f"{file} holds a {written} ({called!r}) with the hard_sigmoid of Keras 2, "
            "which Keras 3 computes otherwise: train it again with recurrent_activation='sigmoid'"
        )
    registered = None if module == "keras.layers" else kind
    return {"module": module, "class_name": kind, "config": settings, "registered_name": registered, "name": called}


def _class_of(kind: Any) -> Any:
    """The class of a layer of Keras 3; None where it has none."""
    import keras

    if kind in _OF_APPLICATIONS:
        return getattr(import_module(_OF_APPLICATIONS[kind]), kind, None)
    return getattr(keras.layers, kind, None) if isinstance(kind, str) and kind.isidentifier() else None


def _parameters(layer: Any) -> set[str]:
    """What a class of layers can be told: by its own parameters and, where it passes others on, by those of its
    bases."""
    found: set[str] = set()
    for base in layer.__mro__:
        if "__init__" in vars(base):
            parameters = inspect.signature(base.__init__).parameters
            found.update(parameters)
            if not any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters.values()):
                break
    return found


def activation(value: Any) -> Any:
    """The name of an activation, however it is written."""
    if isinstance(value, dict) and value.get("class_name") == "function":
        return value.get("config")
    return value


def split_activation(description: Description) -> list[Description]:
    """The layer and, where its activation is one that Keras 3 computes otherwise, the layers that compute that behind
    it."""
    settings = description["config"]
    if activation(settings.get("activation")) != SPLIT:
        return [description]
    dtype = {"dtype": settings["dtype"]} if "dtype" in settings else {}
    behind = []
    for suffix, kind, own in (
        ("_hard_sigmoid", "Rescaling", {"scale": 0.2, "offset": 0.5}),
        ("_hard_sigmoid_limits", "ReLU", {"max_value": 1.0}),
    ):
        name = f"{description['name']}{suffix}"
        config = {"name": name, **dtype, **own}
        module = "keras.layers"
        behind.append({"module": module, "class_name": kind, "config": config, "registered_name": None, "name": name})
    return [description | {"config": settings | {"activation": "linear"}}, *behind]


def _common(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: settings[name] for name in ("name", "trainable", "dtype") if name in settings}


def _plain(value: Any) -> Any:
    """A number or a list, where the file holds it in one of Keras 2's wrappings."""
    if isinstance(value, dict):
        if value.get("type") == "ndarray":
            return value["value"]
        if value.get("class_name") == "__tuple__":
            return value["items"]
        if value.get("class_name") in ("ListWrapper", "TensorShape"):
            return value.get("items", value.get("config"))
    return value


def _says_nothing(kind: str, name: str, value: Any) -> bool:
    if name.endswith(_ONLY_TRAINING) or name == "activity_regularizer":
        return True
    values, kinds = _SAYS_NOTHING.get(name, ((), ()))
    if kinds and kind not in kinds:
        return False
    return any(silent is _ANY or (silent == value and type(silent) is type(value)) for silent in values)


def _policy(dtype: Any) -> str | None:
    """The name of a policy of precision; None where the file leaves it open."""
    if isinstance(dtype, dict):
        inner = dtype.get("config")
        dtype = inner.get("name") if isinstance(inner, dict) else inner
    return None if dtype in (None, "_infer", "infer") else str(dtype)


def _rename(kind: str, settings: dict[str, Any]) -> None:
    """Settings that are called otherwise now, or were left out where they were what nobody chose."""
    if kind == "LeakyReLU" and "alpha" in settings:
        settings["negative_slope"] = settings.pop("alpha")
    if kind == "BatchNormalization" and isinstance(axis := settings.get("axis"), list) and len(axis) == 1:
        settings["axis"] = axis[0]
    if kind == "InputLayer":
        shape = settings.pop("batch_input_shape", None) or settings.pop("batch_shape", None)
        if shape is not None:
            settings["batch_shape"] = shape
        settings.pop("trainable", None)
    if kind == "GRU":
        settings.setdefault("reset_after", False)
    _of_keras_1(kind, settings)


_KERAS_1 = {
    "nb_filter": "filters",
    "border_mode": "padding",
    "subsample": "strides",
    "bias": "use_bias",
    "p": "rate",
    "output_dim": "units",
}


def _of_keras_1(kind: str, settings: dict[str, Any]) -> None:
    """The names of Keras 1."""
    if "dim_ordering" in settings:
        ordering = {"tf": "channels_last", "th": "channels_first"}.get(settings.pop("dim_ordering"))
        settings["data_format"] = ordering or "channels_last"
    if "nb_row" in settings:
        settings["kernel_size"] = [settings.pop("nb_row"), settings.pop("nb_col")]
    if (
        "nb_filter" in settings
        or "border_mode" in settings
        or ("output_dim" in settings and kind == "Dense")
        or "p" in settings
    ):
        for old, new in _KERAS_1.items():
            if old in settings:
                settings[new] = settings.pop(old)
    for old in ("init", "W_regularizer", "b_regularizer", "W_constraint", "b_constraint", "beta_init", "gamma_init"):
        settings.pop(old, None)
    if kind == "BatchNormalization" and settings.get("mode") == 0:
        del settings["mode"]
