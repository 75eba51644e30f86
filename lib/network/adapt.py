"""A network as the rest of the code takes it: from pictures within 0..1 to its outputs.

A model of the store is what its owner saved. Before it is used, what stands between it and pictures is laid in front of
it as a layer, within the same graph: so every compiled loop, gradient, bound, receptive field and analysis is that of
pictures, and nothing else needs to know what the network takes. Names of layers stay what they are.
"""

import functools
from typing import Any

from lib.errors import BadInput
from lib.network.graph import LOCK
from lib.network.keras_model import KerasModel
from lib.network.pixels import Pixels

_NAME = "to_network"


def adapt(model: KerasModel, pixels: Pixels) -> KerasModel:
    """The model, with its own layers and weights, that takes pictures within 0..1 where it took `pixels`.

    A model that takes 0..1 is returned as it is.

    Raises:
        BadInput: pixels for another number of channels.
    """
    import keras

    if pixels.plain:
        return model
    channels = model.input_shape[-1]
    if not pixels.fits(channels):
        raise BadInput(f"pixels {pixels} do not suit a network that takes {channels} channels: declare others")
    with LOCK:
        original: Any = model
        plain = keras.Model(original.inputs, original.outputs)
        pictures = keras.Input(batch_shape=original.inputs[0].shape, dtype="float32", name=_free(original, "pictures"))
        seen = to_network_layer(pixels, _free(original, _NAME))(pictures)
        outputs = keras.Function.call(plain, [seen])  # layer by layer: a model called as one is one layer
        adapted: KerasModel = keras.Model(pictures, outputs, name=original.name)
        return adapted


def to_network_layer(pixels: Pixels, name: str = _NAME) -> Any:
    """The layer that turns pictures into what the network takes; its attribute `pixels` says how."""
    return _layer_class()(pixels, name)


def _free(model: Any, name: str) -> str:
    """The name, or one like it, that none of the model's own layers has."""
    taken = {layer.name for layer in model.layers}
    while name in taken:
        name += "_"
    return name


@functools.cache
def _layer_class() -> Any:
    import keras

    class ToNetwork(keras.layers.Layer):  # type: ignore[misc]
        """The same as `Pixels.to_network`, within the compiled loop, in float32 whatever the network computes in."""

        is_adapter = True

        def __init__(self, pixels: Pixels, name: str) -> None:
            super().__init__(name=name, dtype="float32", trainable=False)
            self.pixels = pixels

        def call(self, pictures: Any) -> Any:
            import tensorflow as tf

            turned = tf.reverse(pictures, [-1]) if self.pixels.bgr else pictures
            return turned * self.pixels.scale + self.pixels.offset

        def compute_output_shape(self, input_shape: Any) -> Any:
            return input_shape

    return ToNetwork
