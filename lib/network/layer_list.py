"""The layers of a network as a table: what can be looked at unit by unit, and how each layer sees the image."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lib.network.graph import graph_of
from lib.network.receptive_field import receptive_fields
from lib.network.units import Layer, layers_with_units

_LARGE = 256


@dataclass(frozen=True)
class ListedLayer:
    """One line of the table.

    Attributes:
        name: as patterns and objectives name it, with the path through nested models.
        type: the name of its class, as Conv2D or Concatenate.
        kind: "map", "node" or "class", as of `lib.network.units.Layer`.
        size: (height, width) of what it puts out, a side None where the network leaves it free; None for nodes.
        units: how many it has.
        field: (height, width) in pixels of what one position sees; None where that is all of the image.
        stride: (down, across), how many pixels lie between what two neighbours see; None as `field`.
        default: whether it is swept where no layer is named.
        signed: how many of its units may be negative, and so are never silent.
    """

    name: str
    type: str
    kind: str
    size: tuple[int | None, int | None] | None
    units: int
    field: tuple[float, float] | None
    stride: tuple[float, float] | None
    default: bool
    signed: int


def list_layers(model: Any, size: tuple[int, int] | None = None) -> list[ListedLayer]:
    """Every layer of a Keras model that has units, in the network's order, nested models opened.

    Args:
        size: (height, width) of the images, where it is not the network's own. Where neither is known, what one
            position sees is told for large images.

    Raises:
        BadInput: a model that cannot be read (`lib.network.graph.graph_of`).
    """
    return list(_list_layers(model, size))


def _list_layers(model: Any, size: tuple[int, int] | None) -> Iterator[ListedLayer]:
    found = layers_with_units(model)
    graph = graph_of(model)
    height, width = size or graph.shapes[graph.input][1:3]
    fields = receptive_fields(model, [layer.name for layer in found], (height or _LARGE, width or _LARGE))
    for layer, place in found.items():
        field = fields[layer.name]
        yield ListedLayer(
            layer.name,
            layer.type,
            layer.kind,
            _size(layer),
            layer.units,
            (field["size"][0], field["size"][1]) if field else None,
            (field["stride"][0], field["stride"][1]) if field else None,
            layer.default,
            len(place.signed_units),
        )


def _size(layer: Layer) -> tuple[int | None, int | None] | None:
    return (layer.shape[0], layer.shape[1]) if len(layer.shape) == 3 else None
