"""The layers of a network as a table of plain values, which is stored with it: pages show it without TensorFlow."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from typing_extensions import TypedDict

from storage.errors import StoreError
from tasks.session.attributes import read_as

if TYPE_CHECKING:
    from storage.store import Record, Store

_NOMINAL = (256, 256)
"""The size of images for which receptive fields are told of a network that takes any: they depend little on it."""
ROLE = "layers"
"""The output that holds the table. Records of models that were stored before there was one have none."""


class LayerRow(TypedDict):
    """A layer that has units.

    `type`: its class, as Conv2D. `size`: (height, width) of what it puts out, None where the network leaves that free;
    no size for nodes. `receptive_field`: (height, width) of the part of the image that a position sees, None where that
    is all of it, or not known. `swept`: whether it is swept where no layer is named.
    """

    name: str
    type: str
    units: int
    size: list[int | None] | None
    receptive_field: list[float] | None
    swept: bool


class Tensor(TypedDict):
    """An input or an output of a network. `shape`: without the batch, None where a length is free."""

    name: str
    shape: list[int | None]


class LayerTable(TypedDict):
    """A network in a table: its layers with units, in its order, and what goes in and comes out."""

    layers: list[LayerRow]
    inputs: list[Tensor]
    outputs: list[Tensor]


def layer_table(model: Any, size: tuple[int, int] | None = None) -> LayerTable:
    """The table of a Keras model. `size`: of the images, where the network takes any. Raises BadInput as `graph_of`."""
    from lib.network.layer_list import list_layers

    if size is None and None in model.inputs[0].shape[1:3]:
        size = _NOMINAL
    return {
        "layers": [
            {
                "name": layer.name,
                "type": layer.type,
                "units": layer.units,
                "size": list(layer.size) if layer.size else None,
                "receptive_field": list(layer.field) if layer.field else None,
                "swept": layer.default,
            }
            for layer in list_layers(model, size)
        ],
        "inputs": _tensors(model.inputs),
        "outputs": _tensors(model.outputs),
    }


def stored_table(store: "Store", record: "Record") -> LayerTable | None:
    """The table that is stored with a model; None where there is none, or it cannot be read any more."""
    digest = next((output.digest for output in record.outputs if output.role == ROLE), None)
    try:
        return None if digest is None else read_as(LayerTable, json.loads(store.get(digest)))
    except (StoreError, ValueError):
        return None


def _tensors(tensors: Sequence[Any]) -> list[Tensor]:
    """By the names of the layers that give them, as --output takes them."""
    return [{"name": tensor._keras_history.operation.name, "shape": list(tensor.shape[1:])} for tensor in tensors]
