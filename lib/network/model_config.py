"""What a model file says of its layers: checked before anything of it is built, and brought to one form."""

from __future__ import annotations

from typing import Any

from lib.network.guard.classes import check_classes
from lib.network.guard.form import check_form

# where a layer's description says how many units it has
_COUNTED = {"Conv2D": "filters", "SeparableConv2D": "filters", "Conv2DTranspose": "filters", "Dense": "units"}
# how an object's description says what it is, and not what it computes
_TRAINING = ("_initializer", "_regularizer", "_constraint")
_NOT_ARCHITECTURE = {"build_config", "compile_config", "shared_object_id", "registered_name", "trainable"}


def check(config: Any, name: str, *, training: bool = False) -> None:
    """Refuse a configuration that would run or read something of its own, or that is none.

    Args:
        config: the parsed JSON of a `.keras` file's `config.json`, or of a `.h5` file's `model_config` or
            `training_config`.
        name: what messages call the file.
        training: whether it may say how the model is trained further.

    Raises:
        BadInput: names the layer and the fix.
    """
    check_form(config, name)
    check_classes(config, name, training=training)


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
