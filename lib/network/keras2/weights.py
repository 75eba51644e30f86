"""The weights of a file of Keras 2, given to the layers that Keras 3 has built.

Keras numbers weights by the order of layers, which may differ between its versions. Here each goes to the layer of its
own name: the order is that of the file's own list of layers, and where names are written beside the weights, those
decide.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import h5py
import numpy as np

from lib.arrays import Array
from lib.errors import BadInput
from lib.network.keras2.config import is_model, layers_of, name_of, names_of
from lib.network.keras2.layers import Description

_STATE = ("StateVar", "seed_generator_state")  # of generators of random numbers, which Keras 3 has elsewhere


def fill_from_h5(model: Any, config: Description, file: h5py.File, name: str) -> None:
    """Give the model the weights of a `.h5` file.

    Args:
        model: built from the mended configuration.
        config: as it stands in the file.
        file: the open file.
        name: what messages call it.

    Raises:
        BadInput: weights are missing, or have other shapes.
    """
    group = _at(file, "model_weights", name)
    saved = set(_texts(group, "layer_names"))
    for description, layer in _pairs(config, model):
        if not layer.weights:
            continue
        called = name_of(description)
        if called not in saved:
            raise _damaged(name, f"has no weights of {called!r}")
        own = _at(group, called, name)
        written = [(text, _array(own, text, name)) for text in _texts(own, "weight_names")]
        trained, others = _variables(description, layer)
        wanted = [*trained, *others]
        arrays = [(text, array) for text, array in written if not any(part in text for part in _STATE)]
        _assign(wanted, _arranged(wanted, arrays, called, name))
    _finish(model)


def fill_from_keras(model: Any, config: Description, file: h5py.File, name: str) -> None:
    """The same for the `model.weights.h5` within a `.keras` file."""
    filled: set[int] = set()
    _fill(model, config, file, name, filled)
    for layer in model._flatten_layers():
        if layer.weights and not getattr(layer, "layers", None) and not filled.intersection(map(id, layer.weights)):
            raise _damaged(name, f"has no weights of {layer.name!r}")


def _pairs(config: Description, model: Any) -> Iterator[tuple[Description, Any]]:
    """The layers that a file describes, in its order, each with what was built of it."""
    layers = layers_of(config)
    names = names_of(layers)
    built = {layer.name: layer for layer in model.layers}
    for description in layers:
        layer = built.get(names[name_of(description)])
        if layer is not None:
            yield description, layer


_Variables = list[tuple[str, Any]]


def _variables(description: Description, layer: Any) -> tuple[_Variables, _Variables]:
    """The weights that are trained, and the others, in the order in which Keras 2 writes them, each with the name of
    its layer."""
    if not is_model(description):
        return (
            [(layer.name, weight) for weight in layer.trainable_weights],
            [(layer.name, weight) for weight in layer.non_trainable_weights],
        )
    trained, others = [], []
    for inner, part in _pairs(description, layer):
        own, rest = _variables(inner, part)
        if layer.trainable:
            trained += own
            others += rest
        else:
            others += own + rest
    return trained, others


def _arranged(wanted: _Variables, written: Sequence[tuple[str, Array]], called: str, file: str) -> list[Array]:
    """The arrays of a layer in the order of its variables."""
    by_name = _by_name([layer for layer, _ in wanted], written)
    for arrays in (by_name, [array for _, array in written]):
        if arrays is not None and [a.shape for a in arrays] == [tuple(variable.shape) for _, variable in wanted]:
            return arrays
    raise _damaged(file, f"holds other weights of {called!r} than it describes")


def _by_name(layers: Sequence[str], written: Sequence[tuple[str, Array]]) -> list[Array] | None:
    """The arrays by the layers that their names name; None where the names do not tell."""
    known = set(layers)
    if len(known) < 2:
        return None
    found: dict[str, list[Array]] = {}
    for text, array in written:
        hits = [part for part in text.split("/")[:-1] if part in known]
        if len(hits) != 1:
            return None
        found.setdefault(hits[0], []).append(array)
    if {layer: len(arrays) for layer, arrays in found.items()} != {layer: layers.count(layer) for layer in known}:
        return None
    rest = {layer: iter(arrays) for layer, arrays in found.items()}
    return [next(rest[layer]) for layer in layers]


def _assign(wanted: _Variables, arrays: Sequence[Array]) -> None:
    for (_, variable), array in zip(wanted, arrays, strict=True):
        variable.assign(array)


def _finish(model: Any) -> None:
    """Let layers that compute something of their weights do so."""
    for layer in model._flatten_layers():
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()


def _fill(layer: Any, description: Any, group: Any, file: str, filled: set[int]) -> None:
    """Fill a layer from its group: its own variables, and what is inside of it."""
    if isinstance(description, dict) and is_model(description):
        # each layer's group is called like its class, with a number where there are several
        kinds: dict[str, int] = {}
        groups = {}
        for inner in layers_of(description):
            kind = _snake(inner["class_name"])
            number = kinds[kind] = kinds.get(kind, -1) + 1
            groups[name_of(inner)] = f"layers/{kind}" + (f"_{number}" if number else "")
        for inner, part in _pairs(description, layer):
            if part.weights and groups[name_of(inner)] in group:
                _fill(part, inner, _at(group, groups[name_of(inner)], file), file, filled)
        return
    settings: Mapping[str, Any] = description["config"] if isinstance(description, dict) else {}
    for key in group:
        if key == "vars":
            own = _at(group, key, file)
            store = {number: _array(own, number, file) for number in own}
            if store:
                variables = [*layer._trainable_variables, *layer._non_trainable_variables]
                try:
                    layer.load_own_variables(store)
                except ValueError as problem:
                    raise _damaged(file, f"holds other weights of {layer.name!r} than it describes") from problem
                filled.update(map(id, variables))
            continue
        inside = getattr(layer, key, None) or getattr(layer, f"_{key}", None)
        if inside is not None and getattr(inside, "weights", None):
            _fill(inside, settings.get(key), _at(group, key, file), file, filled)
            filled.update(id(weight) for weight in layer.weights if id(weight) in filled)


def _snake(kind: str) -> str:
    """As Keras makes names of its classes: `Conv2D` is `conv2d`, `PReLU` is `p_re_lu`."""
    plain = re.sub(r"\W+", "", kind)
    apart = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", plain)
    return re.sub("([a-z])([A-Z])", r"\1_\2", apart).lower()


def _texts(group: Any, name: str) -> list[str]:
    """A list of texts among a group's attributes, which HDF5 holds in pieces where it is long."""
    pieces = [name] if name in group.attrs else []
    while f"{name}{len(pieces)}" in group.attrs and pieces != [name]:
        pieces.append(f"{name}{len(pieces)}")
    return [text.decode() if isinstance(text, bytes) else str(text) for piece in pieces for text in group.attrs[piece]]


def _at(group: Any, path: str, file: str) -> Any:
    """What lies at a path of the file itself: a link may lead into another."""
    for part in path.split("/"):
        if part not in group:
            raise _damaged(file, f"has no {path}")
        if not isinstance(group.get(part, getlink=True), h5py.HardLink):
            raise BadInput(f"{file} reads its weights from another place: save the model again, into one file")
        group = group[part]
    return group


def _array(group: Any, path: str, file: str) -> Array:
    found = _at(group, path, file)
    if not isinstance(found, h5py.Dataset):
        raise _damaged(file, f"has no array at {path}")
    if found.external or found.is_virtual:
        raise BadInput(f"{file} reads its weights from another place: save the model again, into one file")
    return np.asarray(found[()])


def _damaged(file: str, what: str) -> BadInput:
    return BadInput(f"{file} is damaged: it {what}")
