"""The form of a description of a network: that it is one, how long it is, and that its names are names.

It is looked at without Keras, whose import takes seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lib.errors import BadInput
from lib.printable import printable

MOST_LAYERS = 5_000
"""The largest networks of Keras have 1,100, a ResNet of a thousand convolutions 3,500. Each takes milliseconds."""
MOST_CALLS = 10_000
"""Of layers, as a layer that several share is called several times."""
MOST_SEARCHES = 1_000_000
"""Keras looks through all layers again for each that is called before its inputs are; it writes them in their order."""

LARGEST = 1 << 63
"""Of whole numbers: what describes a layer, and its seeds, are far smaller."""

LONGEST_NAME = 1_000
"""Letters of a layer's name, which stands in pages, tables and messages."""

Part = dict[str, Any]


def check_form(config: Any, name: str) -> None:
    """Raise BadInput where a parsed configuration is no description of a network, or one that takes too long to read.

    Args:
        config: what JSON gave: its nesting is known to be bounded.
        name: what messages call the file.
    """
    if not isinstance(config, dict):
        raise BadInput(f"{name} describes no Keras model: save it again from Keras")
    _check_numbers(config, name)
    layers = calls = 0
    for part in parts(config):
        _check_part(part, name)
        inside = _layers(part)
        layers += len(inside)
        if layers > MOST_LAYERS:
            raise BadInput(f"{name} describes more than {MOST_LAYERS:,} layers: save a network that has fewer")
        calls += _check_calls(inside, name)
        if calls > MOST_CALLS:
            raise BadInput(f"{name} calls its layers more than {MOST_CALLS:,} times: save a network that does so less")


def parts(value: Any) -> Iterator[Part]:
    """Every object in a configuration, at any depth."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
            waiting += reversed(one.values())
        elif isinstance(one, list):
            waiting += reversed(one)


def _check_numbers(config: Any, name: str) -> None:
    waiting = [config]
    while waiting:
        one = waiting.pop()
        if isinstance(one, (dict, list)):
            waiting += one.values() if isinstance(one, dict) else one
        elif isinstance(one, int) and abs(one) > LARGEST:
            digits = len(str(abs(one)))
            raise BadInput(
                f"{name} is damaged: it describes a layer by a number of {digits} digits; save it again from Keras"
            )


def _check_part(part: Part, name: str) -> None:
    kind, module, inner = part.get("class_name"), part.get("module"), part.get("config")
    if "class_name" in part and not (isinstance(kind, str) and (module is None or isinstance(module, str))):
        raise BadInput(f"{name} is damaged: it holds a layer whose class has no name; save it again from Keras")
    called = [part["name"]] if "class_name" in part and part.get("name") is not None else []
    if "class_name" in part and isinstance(inner, dict) and inner.get("name") is not None:
        called.append(inner["name"])
    for one in called:
        if not isinstance(one, str) or not 0 < len(one) <= LONGEST_NAME or printable(one) != one.strip():
            raise BadInput(
                f"{name} calls a layer {str(one)[:60]!r}: give it a name of 1 to {LONGEST_NAME} printable letters, "
                "and save the model again"
            )


def _layers(part: Part) -> list[Part]:
    """The layers that a part describes; none where it is no model."""
    inner = part.get("config")
    found = inner.get("layers") if isinstance(inner, dict) else inner
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _check_calls(layers: list[Part], name: str) -> int:
    """How many calls of layers are described; raises BadInput where their order takes too long to be found."""
    places: dict[str, int] = {}
    for place, one in enumerate(layers):
        called = one.get("name")
        if isinstance(called, str):
            places[called] = place
    calls = later = 0
    for place, one in enumerate(layers):
        nodes = one.get("inbound_nodes")
        if not isinstance(nodes, list):
            continue
        calls += len(nodes)
        later += any(places.get(text, -1) > place for text in _texts(nodes))
    if later * len(layers) > MOST_SEARCHES:
        raise BadInput(f"{name} describes its layers in no order: save it again from Keras")
    return calls


def _texts(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, (dict, list)):
            waiting += one.values() if isinstance(one, dict) else one
