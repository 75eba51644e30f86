"""A network built from its description without memory being taken, until it is known to be the one in the file.

Two kilobytes can describe weights of terabytes. Here Keras builds the network without weights, as it does while it
traces a function: only their shapes are known. Then they are counted. A file that holds fewer weights than it describes
is refused, and so is one whose layers would need more memory for a single image than any machine has. Only then are the
weights made.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from math import prod
from typing import Any

from lib.door.limits import GB
from lib.errors import BadInput
from lib.network.guard.form import parts
from lib.network.keras_model import KerasModel

MOST_OF_A_LAYER = 4 * GB
"""Bytes of what one layer gives for one image. The largest networks of pictures have 0.1 at their own size."""
MOST_OF_ALL = 64 * GB
"""Bytes of what all layers give for one image."""
SMALL = 100_000
"""Weights that are not in every file, as the state of a generator of random numbers, are fewer than these together;
larger ones are read from the file, and need no initialiser's work."""
_FLOAT = 4  # bytes
_ANY_SIDE = 64
"""Pixels of a side that the description leaves open, when the sizes of what layers give are added up."""


def build(config: Any, name: str, held: int, *, legacy: bool) -> KerasModel:
    """The network of a description that was checked, with weights that are still to be read.

    Args:
        config: parsed JSON. It stays as it is.
        name: what messages call the file.
        held: how many numbers the file holds.
        legacy: whether it is the configuration of a `.h5` file.

    Raises:
        BadInput: Keras does not build it, or it describes more than the file holds or any machine has room for.
    """
    from keras.src.backend.common import global_state, variables
    from keras.src.backend.common.stateless_scope import StatelessScope

    try:
        with StatelessScope(initialize_variables=False):
            model: KerasModel = _deserialised(_bare(copy.deepcopy(config)), legacy=legacy)
            _check_size(model, name, held)
            _check_activations(model, name)
        for one in global_state.get_global_attribute("uninitialized_variables") or ():
            if prod(one.shape) > SMALL:
                one._initializer = _zeros
        variables.initialize_all_variables()
    finally:
        # what was refused is not made later, with the weights of another network
        global_state.set_global_attribute("uninitialized_variables", [])
    return model


def _zeros(shape: Any, dtype: Any = None) -> Any:
    import keras

    return keras.ops.zeros(shape, dtype=dtype)


def _deserialised(config: Any, *, legacy: bool) -> Any:
    import keras
    from keras.src.legacy.saving import json_utils, saving_options, saving_utils
    from keras.src.saving.serialization_lib import SafeModeScope

    if not legacy:
        return keras.saving.deserialize_keras_object(config, safe_mode=True)
    with saving_options.keras_option_scope(use_legacy_config=True), SafeModeScope(True):
        return saving_utils.model_from_config(json_utils.decode(json.dumps(config)))


def _bare(config: Any) -> Any:
    """The configuration without what it says of training, and with no loop unrolled: a layer of a million steps would
    be a million layers. It computes the same."""
    for part in parts(config):
        part.pop("compile_config", None)
        if part.get("unroll") is True:
            part["unroll"] = False
    return config


def _check_size(model: Any, name: str, held: int) -> None:
    described = sum(prod(one.shape) for one in model.variables)
    if described > held + SMALL:
        raise BadInput(
            f"{name} describes {described:,} weights and holds {held:,}: it is damaged; save the whole model again"
        )


def _check_activations(model: Any, name: str) -> None:
    total = 0
    open_sizes = any(None in one.shape[1:] for one in getattr(model, "inputs", None) or ())
    for layer, shape in _traced(model) if open_sizes else _outputs(model):
        size = _FLOAT * prod(_ANY_SIDE if side is None else side for side in shape[1:])
        total += size
        if size > MOST_OF_A_LAYER or total > MOST_OF_ALL:
            raise BadInput(
                f"{name} needs {max(size, total) / GB:,.0f} GB of memory for one image in {layer[:100]!r}: "
                "save it with smaller layers"
            )


def _outputs(model: Any) -> Iterator[tuple[str, tuple[int | None, ...]]]:
    """The shape of all that the layers of a network and of the networks in it give."""
    import keras

    for layer in getattr(model, "operations", None) or ():
        for node in layer._inbound_nodes:
            for tensor in node.output_tensors:
                yield layer.name, tensor.shape
        if isinstance(layer, keras.Model):
            yield from _outputs(layer)


def _traced(model: Any) -> Iterator[tuple[str, tuple[int | None, ...]]]:
    """The shape of all that is computed of an image, where its size is left open."""
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        images = [
            tf.ones([1, *(_ANY_SIDE if side is None else side for side in one.shape[1:])], one.dtype)
            for one in model.inputs
        ]
        model(images if len(images) > 1 else images[0])
    for operation in graph.get_operations():
        for tensor in operation.outputs:
            if tensor.shape.rank:
                yield operation.name, tuple(tensor.shape)
