"""Which classes and functions a description of a network may name: an allow-list, of what Keras itself exports.

Keras has closed several holes through which a model file ran code although `safe_mode` was on (CVE-2025-1550, -8747,
-9905, -9906), and one through which a vocabulary read any file (CVE-2025-12058). A function that is named as a class is
still called by it with whatever the network computes. Here a name is looked up as Keras does, and what is found must be
a layer, an operation, an initialiser, a regulariser, a constraint or a type of numbers.
"""

from __future__ import annotations

import functools
import re
import sys
from typing import Any

from lib.errors import BadInput
from lib.network.guard.form import Part, parts

# Keras's own, and nevertheless refused: these run code that the file carries or names, or read files that it names
_RUNS = {"Lambda", "__lambda__", "__typespec__", "TypeSpec", "CompositeTensor"}
_RUNS |= {"TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"}
_READS = {"StringLookup", "IntegerLookup", "IndexLookup", "TextVectorization", "FeatureSpace"}
# how Keras writes what JSON has not
_VALUES = {"__keras_tensor__", "__ellipsis__", "__slice__", "__bytes__", "__tuple__", "TensorShape"}
_ARRAYS = {"__tensor__", "__numpy__"}
_NUMBERS = re.compile(r"bool|bfloat16|float(16|32|64)|u?int(8|16|32|64)")
# operations of mathematics; those of keras.src.ops.core run functions that they are given
_OPERATIONS = ("numpy", "nn", "math", "image", "linalg", "einops")
_CORE = {"Cast", "SaturateCast", "Slice", "SliceUpdate", "Shape", "StopGradient", "Unstack"}
_BARE = ("layers", "models", "initializers", "regularizers", "constraints", "dtype_policies")


def check_classes(config: Any, name: str, *, training: bool = False) -> None:
    """Raise BadInput, naming the layer and the fix, where a configuration names what may not be built.

    Args:
        config: parsed JSON whose form is checked: of a network, or of how it was trained.
        name: what messages call the file.
        training: whether optimisers, losses and metrics may be named, too.
    """
    named = [part for part in parts(config) if "class_name" in part]
    # what is worst is said first
    for part in named:
        _check_harmless(part, name)
    for part in named:
        _check_known(part, name, training)


def _check_harmless(part: Part, name: str) -> None:
    kind, called = part["class_name"], _called(part)
    if kind in _RUNS:
        raise BadInput(
            f"{name} holds a {kind} ({called!r}), which runs code from the file: "
            "rebuild the model with Keras's own layers in its place and save it again"
        )
    if kind in _READS:
        raise BadInput(f"{name} holds a {kind} ({called!r}), which reads other files: save the model without it")


def _called(part: Part) -> object:
    inner = part.get("config")
    return inner.get("name", part["class_name"]) if isinstance(inner, dict) else part["class_name"]


def _check_known(part: Part, name: str, training: bool) -> None:
    kind, module, inner, called = part["class_name"], part.get("module"), part.get("config"), _called(part)
    if kind in _VALUES:
        return
    if kind in _ARRAYS:
        if not isinstance(inner, dict) or not _NUMBERS.fullmatch(str(inner.get("dtype"))):
            raise BadInput(f"{name} is damaged: it holds a constant that is no number; save it again from Keras")
    elif kind == "function":
        if not _is_function(module, inner, part.get("registered_name"), training):
            raise BadInput(f"{name} names the function {module}.{inner}: only Keras's own activations are loaded")
    elif ">" in str(part.get("registered_name")) or (found := _found(module, kind)) is None:
        raise BadInput(
            f"{name} holds a custom {kind} ({called!r}) of {module}, whose code is not in Keras: "
            "rebuild the model with Keras's own layers and save it again"
        )
    elif not _may_be_built(found, training):
        raise BadInput(
            f"{name} names {module}.{kind} ({called!r}) where a layer belongs: "
            "rebuild the model with Keras's own layers and save it again"
        )


def _found(module: str | None, kind: str) -> object:
    """What Keras would take for a class of this name; None where it is not Keras's."""
    import keras
    from keras.src.api_export import get_symbol_from_name

    if module is None:
        places = [getattr(keras, place) for place in _BARE]
        hits = [getattr(place, kind) for place in places if hasattr(place, kind)]
        return hits[0] if hits else keras.Model if kind == "Functional" else None
    if module.split(".")[0] != "keras":
        return None
    if (exported := get_symbol_from_name(f"{module}.{kind}")) is not None:
        return exported
    # a part of Keras that is not loaded yet is none of layers
    return vars(sys.modules[module]).get(kind) if module in sys.modules else None


@functools.cache
def _bases() -> tuple[type, ...]:
    import keras

    return (
        *(keras.Layer, keras.Initializer, keras.Regularizer, keras.constraints.Constraint),
        *(keras.DTypePolicy, keras.dtype_policies.DTypePolicyMap, keras.Quantizer),
        keras.quantizers.QuantizationConfig,
    )


def _may_be_built(found: object, training: bool) -> bool:
    import keras

    if not isinstance(found, type) or not found.__module__.startswith("keras.src."):
        return False
    if found.__name__ in _RUNS | _READS:  # by whatever name it was asked for
        return False
    if issubclass(found, _bases()):
        return True
    if issubclass(found, keras.Operation):
        place = found.__module__.removeprefix("keras.src.ops.")
        return place in _OPERATIONS or (place == "core" and found.__name__ in _CORE)
    schedule = keras.optimizers.schedules.LearningRateSchedule
    return training and issubclass(found, (keras.Optimizer, schedule, keras.Loss, keras.Metric))


def _is_function(module: str | None, function: Any, registered: Any, training: bool) -> bool:
    import keras
    from keras.src import activations

    if not isinstance(function, str) or module not in (
        "builtins",
        "keras.activations",
        "keras.losses",
        "keras.metrics",
    ):
        return False
    # some ways that Keras goes call it by the one name, some by the other
    names = {function, registered} if isinstance(registered, str) and registered != "function" else {function}
    if names <= set(activations.ALL_OBJECTS_DICT):
        return True
    places = [place for place in (keras.losses, keras.metrics) if module in ("builtins", place.__name__)]
    mathematics = {one for place in places for one in vars(place) if one.islower()} - {
        "get",
        "serialize",
        "deserialize",
    }
    return training and names <= mathematics
