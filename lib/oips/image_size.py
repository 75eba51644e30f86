"""How large the images are on which a layer's OIPs grow, where nobody says.

A network of photographs is made for images of 224 pixels a side and more. The positions of a convolution all look for
the same, each in its receptive field, so that a smaller image shows as much of a map and takes a third of the time.
What sees all of the image at once, as a dense layer does, is made for the network's own size.
"""

from typing import Any

from lib.arrays import Tensor
from lib.network.graph import LOCK, Slot, graph_of, run_step
from lib.network.receptive_field import receptive_fields
from lib.network.trunk import taken_apart
from lib.network.units import layers_with_units

SIDE = 128
"""Pixels: the longer side of what is larger."""
_MULTIPLE = 8
"""The shorter side is a multiple, so that what is halved a few times and put together again still fits."""


def smaller_size(height: int | None, width: int | None) -> tuple[int, int] | None:
    """What the images (height, width) of a network are reduced to, about in proportion; None where they are not.

    Networks that take any size (a side is None) keep the size that they are given.
    """
    if height is None or width is None or max(height, width) <= SIDE:
        return None
    scale = SIDE / max(height, width)
    sides = (max(_MULTIPLE, _MULTIPLE * round(side * scale / _MULTIPLE)) for side in (height, width))
    return next(sides), next(sides)


def smaller_sizes(model: Any) -> dict[str, tuple[int, int]]:
    """The size (height, width) of the images of each layer, by name, that has smaller ones than its network: maps whose
    receptive field is known to be a part of the image, and that there are of smaller images, too."""
    import tensorflow as tf

    size = smaller_size(*model.input_shape[1:3])
    if size is None:
        return {}
    places = {layer.name: place for layer, place in layers_with_units(model).items() if layer.kind == "map"}
    fields = receptive_fields(model, list(places))
    seeing = {layer: {places[layer].before, places[layer].after} for layer, field in fields.items() if field}
    graph = taken_apart(graph_of(model), [places[layer] for layer in seeing])
    values: dict[Slot, Tensor] = {graph.input: tf.zeros((1, *size, graph.shapes[graph.input][3]))}
    with LOCK:  # one image is sent through, as that alone tells which layers a smaller one reaches
        for step in graph.needed_for(set().union(*seeing.values())):
            if values.keys() >= set(step.inputs):
                try:
                    run_step(step, values)
                except Exception:  # whatever a layer says to an image that is too small for it
                    continue
                for slot in step.outputs:
                    if 0 in values[slot].shape:
                        del values[slot]
    return {layer: size for layer, slots in seeing.items() if values.keys() >= slots}
