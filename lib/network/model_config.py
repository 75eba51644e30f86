"""What a model file says of its layers: checked before anything of it is built, and brought to one form.

Keras has closed several holes through which a model file ran code although `safe_mode` was on (CVE-2025-1550, -8747,
-9905, -9906), and one through which a vocabulary read any file (CVE-2025-12058). What they had in common stands in the
configuration: a class outside of Keras, a function by name, a layer whose work is to run or read something else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lib.errors import BadInput

# Keras's own, and nevertheless refused: these run code that the file carries or names, or read files that it names.
_RUNS = {"Lambda", "__lambda__", "__typespec__", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"}
_READS = {"StringLookup", "IntegerLookup", "IndexLookup", "TextVectorization", "FeatureSpace"}
# where a function may be named: these modules hold pure mathematics
_FUNCTIONS = ("keras.activations", "keras.losses", "keras.metrics")
# where a layer's description says how many units it has
_COUNTED = {"Conv2D": "filters", "SeparableConv2D": "filters", "Conv2DTranspose": "filters", "Dense": "units"}
# how an object's description says what it is, and not what it computes
_TRAINING = ("_initializer", "_regularizer", "_constraint")
_NOT_ARCHITECTURE = {"build_config", "compile_config", "shared_object_id", "registered_name", "trainable"}


def check(config: Any, name: str) -> None:
    """Refuse a configuration that would run or read something of its own.

    Args:
        config: the parsed JSON of a `.keras` file's `config.json`, or of a `.h5` file's `model_config` or
            `training_config`.
        name: what messages call the file.

    Raises:
        BadInput: names the layer and the fix.
    """
    if not isinstance(config, dict):
        raise BadInput(f"{name} describes no Keras model: save it again from Keras")
    for part in _parts(config):
        kind, module = part.get("class_name"), part.get("module")
        if kind is None:
            continue
        inner = part.get("config")
        called = inner.get("name", kind) if isinstance(inner, dict) else kind
        if not isinstance(kind, str) or kind in _RUNS:
            raise BadInput(
                f"{name} holds a {kind} ({called!r}), which runs code from the file: "
                "rebuild the model with Keras's own layers in its place and save it again"
            )
        if kind in _READS:
            raise BadInput(f"{name} holds a {kind} ({called!r}), which reads other files: save the model without it")
        if kind == "function":
            if not _pure_function(module, inner):
                raise BadInput(f"{name} names the function {module}.{inner}: only Keras's own activations are loaded")
        elif (module is not None and str(module).split(".")[0] != "keras") or ">" in str(part.get("registered_name")):
            raise BadInput(
                f"{name} holds a custom {kind} ({called!r}) of {module}, whose code is not in Keras: "
                "rebuild the model with Keras's own layers and save it again"
            )


def renumber(config: Any) -> Any:
    """The same configuration with shared objects numbered from 0 in order of appearance.

    Keras writes memory addresses there, which differ from run to run; and whether layers share the object that says
    "float32" depends on how the model came about, and means nothing.
    """
    numbers: dict[Any, int] = {}

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            policy = str(value.get("class_name")).endswith("DTypePolicy")
            return {
                key: numbers.setdefault(part, len(numbers)) if key == "shared_object_id" else walk(part)
                for key, part in value.items()
                if not (policy and key == "shared_object_id")
            }
        return [walk(part) for part in value] if isinstance(value, list) else value

    return walk(config)


def architecture(config: Any) -> Any:
    """What of a configuration decides what the network computes from an image, with the names of the layers."""
    if isinstance(config, dict):
        return {
            key: architecture(part)
            for key, part in config.items()
            if key not in _NOT_ARCHITECTURE and not key.endswith(_TRAINING)
        }
    if isinstance(config, (list, tuple)):
        return [architecture(part) for part in config]
    return config


def units(config: Any, prefix: str = "") -> dict[str, int | None]:
    """Every layer's name, as in `lib.network.graph`, and how many units it has, where the configuration says so."""
    inner = config.get("config") if isinstance(config, dict) else None
    layers = inner.get("layers") if isinstance(inner, dict) else inner
    found: dict[str, int | None] = {}
    for layer in layers if isinstance(layers, list) else ():
        about = layer.get("config") if isinstance(layer, dict) else None
        if not isinstance(about, dict) or "name" not in about:
            continue
        name = f"{prefix}{about['name']}"
        if "layers" in about:
            found |= units(layer, f"{name}/")
        else:
            counted = _COUNTED.get(layer.get("class_name"))
            if layer.get("class_name") != "InputLayer":
                found[name] = about.get(counted) if counted else None
    return found


def _parts(value: Any) -> Iterator[dict[str, Any]]:
    """Every description in a configuration, at any depth."""
    if isinstance(value, dict):
        yield value
        for part in value.values():
            yield from _parts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _parts(part)


def _pure_function(module: Any, function: Any) -> bool:
    import keras

    if module == "builtins":
        places = [getattr(keras, place.split(".")[1]) for place in _FUNCTIONS]
    elif module in _FUNCTIONS:
        places = [getattr(keras, module.split(".")[1])]
    else:
        return False
    return isinstance(function, str) and any(hasattr(place, function) for place in places)
