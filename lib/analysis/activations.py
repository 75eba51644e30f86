"""The activations of every layer: what each of them makes of an image, at each position of each unit.

What the network makes of it in the end is for `lib.analysis.classifier` to say.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lib import stop
from lib.arrays import Floats, Reals, Tensor
from lib.errors import BadInput
from lib.nearest import LISTED, nearest
from lib.network.graph import LOCK, Graph, Step, graph_of
from lib.network.nonlinearity import Nonlinearity, activation_name, kind_of, nonlinearity_of
from lib.network.trunk import Trunk, trunk_to

# What moves values, joins them or puts them on another scale, and so shows nothing that the layers around it do not.
_PASSES_ON = {
    *("InputLayer", "Flatten", "Reshape", "Permute", "RepeatVector", "Identity", "Concatenate"),
    *("ZeroPadding1D", "ZeroPadding2D", "Cropping1D", "Cropping2D", "UpSampling1D", "UpSampling2D"),
    *("Dropout", "SpatialDropout1D", "SpatialDropout2D", "AlphaDropout", "GaussianDropout", "GaussianNoise"),
    *("ActivityRegularization", "Rescaling", "Normalization", "BatchNormalization", "Masking"),
}


class Activations:
    """The activations of chosen layers of one model, by one compiled function.

    A layer that has units is shown as the next layers see it: after its activation, also where that is a layer of its
    own (`lib.network.nonlinearity`). Any other layer is shown as it comes.

    Attributes:
        layers: shape without the batch axis by name, in the network's order; the last axis counts the units. None
            where the network leaves a size free.
        input_shape: (height, width, channels) of its images; None where the size is free and none was chosen.
    """

    def __init__(self, model: Any, layers: Sequence[str] | None = None, *, size: tuple[int, int] | None = None) -> None:
        """Args:
            model: Keras model with one image input.
            layers: names; None for every layer with values of its own: convolutions, dense layers, pooling and what
                else computes, but no input, no dropout, and nothing that moves, joins or normalises values.
            size: (height, width) of the images, where it is not the network's own.

        Raises:
            BadInput: an unknown layer, one whose values are no batch of units, a size that does not suit.
        """
        import tensorflow as tf

        graph = graph_of(model)
        self._trunk = trunk_to(graph, _places(graph, layers), size=size)
        self.input_shape = self._trunk.input_shape

        @tf.function(input_signature=[tf.TensorSpec((None, *self.input_shape), tf.float32)], autograph=False)
        def look(images: Any) -> Any:
            return look_through(self._trunk, images)

        with LOCK:
            traced = look.get_concrete_function()
        self._look = look
        shapes = {name: tuple(values.shape[1:]) for name, values in traced.structured_outputs.items()}
        self.layers: dict[str, tuple[int | None, ...]] = {name: shapes[name] for name in self._trunk.layers}

    def of(self, images: Reals) -> dict[str, Floats]:
        """Float32 [B, ..., units] by layer, of images [B, height, width, channels] as the network wants them.

        Raises:
            BadInput: images of another shape.
        """
        stop.look()
        found = self._look(check_images(images, self.input_shape))
        return {name: np.asarray(found[name]) for name in self.layers}


def check_images(images: Reals, input_shape: tuple[int | None, ...]) -> Floats:
    """The images [B, height, width, channels] as float32; BadInput where a network of that input cannot take them."""
    pixels = np.asarray(images, np.float32)
    if len(pixels.shape) != 4 or any(
        want not in (None, has) for want, has in zip(input_shape, pixels.shape[1:], strict=True)
    ):
        sides = "x".join("any" if side is None else str(side) for side in input_shape)
        raise BadInput(f"the network takes images [n, height, width, channels] of {sides}: these are {pixels.shape}")
    return pixels


def look_through(trunk: Trunk, images: Tensor) -> dict[str, Tensor]:
    """Within a `tf.function`: the activations of all layers of a trunk, float32 tensors by name."""
    import tensorflow as tf

    return {name: tf.cast(after, tf.float32) for name, (after, _) in trunk.maps(images).items()}


def _places(graph: Graph, layers: Sequence[str] | None) -> Mapping[str, Nonlinearity]:
    steps = graph.first_use()
    if layers is None:
        shown = {name: step for name, step in steps.items() if _has_values(graph, step)}
    else:
        for name in layers:
            if name not in steps:
                raise BadInput(f"no layer {name!r}{nearest(name, steps, LISTED)}")
        shown = {name: step for name, step in steps.items() if name in layers}
    return {name: _place(graph, name, step) for name, step in shown.items()}


def _has_values(graph: Graph, step: Step) -> bool:
    """Whether a layer makes something that is worth a look by itself, [B, ..., units]."""
    import keras

    op = step.op
    if kind_of(op):
        return True
    if not isinstance(op, keras.layers.Layer) or type(op).__name__ in _PASSES_ON or activation_name(op):
        return False
    return _is_shown(graph, step) and bool(op.weights or "Pool" in type(op).__name__)


def _is_shown(graph: Graph, step: Step) -> bool:
    if len(step.outputs) != 1:
        return False
    shape = graph.shapes[step.outputs[0]]
    return 2 <= len(shape) <= 4 and shape[-1] is not None


def _place(graph: Graph, name: str, step: Step) -> Nonlinearity:
    if kind_of(step.op):
        place = nonlinearity_of(graph, step)
        if not (place.signed and place.own):  # a softmax of its own: what it makes of its logits is shown
            return place
    elif not _is_shown(graph, step):
        raise BadInput(f"layer {name!r} gives no values by unit that could be shown: choose another layer")
    out = step.outputs[0]
    shape = graph.shapes[out][1:]
    units = shape[-1]
    assert units is not None, name
    return Nonlinearity(step, "map" if len(shape) > 1 else "node", units, shape, (), out, out, 0, "linear", True)
