"""A network that judges what it is shown: the profile of its channels over all of its convolutions.

Which layer of a judge tells pictures apart as the unit does is not known beforehand: an early unit sees strokes and
colours, a late one objects. So all convolutions that see space are asked, as perceptual measures do (Zhang et al.
2018), and of each channel the response: its mean over the positions. Where in a picture something lies says nothing of
what it shows, and an OIP is full of what an exemplar has once. Heads are not asked: they know the classes alone.
"""

from typing import Any

import numpy as np

from lib import stop
from lib.arrays import Floats, Images
from lib.network.graph import LOCK
from lib.network.kernels import fast_kernels
from lib.network.trunk import responses_of
from lib.network.units import select_layers
from lib.oips.constraint import ConstraintName
from lib.pictures.resample import resize

_MOST_IMAGES = 1000


class Judge:
    """What a network makes of pictures, and of images that are none because they were grown under a constraint."""

    def __init__(self, model: Any, natural: Images, *, batch: int = 64) -> None:
        """Everything is traced here.

        Args:
            model: it takes pictures within 0..1.
            natural: images [N, H, W, C] within 0..1, as many channels as it takes. A network of another size is shown
                them, and all else, resized to that.

        Raises:
            BadInput: a model without convolutions, or one of free size for which images of this size are too small.
        """
        import tensorflow as tf

        own = model.input_shape[1:3]
        height, width = natural.shape[1:3] if None in own else own
        self._size = int(height), int(width)
        self._batch = batch
        some = np.asarray(natural[np.linspace(0, len(natural) - 1, min(len(natural), _MOST_IMAGES)).astype(int)])
        self._mean, self._deviation = float(some.mean(dtype=np.float64)), float(some.std(dtype=np.float64))
        layers = [layer.name for layer in select_layers(model)]
        trunk = responses_of(model, layers, size=self._size, kernels=fast_kernels)
        channels = natural.shape[-1]

        @tf.function(input_signature=[tf.TensorSpec((None, *self._size, channels), tf.float32)], autograph=False)
        def look(pictures: Any) -> Any:
            return tf.concat([responses for responses, _ in trunk(pictures).values()], axis=1)

        with LOCK:
            look.get_concrete_function()
        self._look = look

    def look(self, images: Images, constraint: ConstraintName) -> Floats:
        """What it makes of images [n, H, W, C] that keep a constraint, [n, features].

        Standardised ones are shown with the mean and the deviation of the natural images: so the network sees what is
        near to what it was trained on, whatever was grown, and natural images are what they were.
        """
        found = []
        for first in range(0, len(images), self._batch):
            stop.look()
            part = np.asarray(images[first : first + self._batch], np.float32)
            if constraint == "standardised":
                part = self._mean + self._deviation * part
            if part.shape[1:3] != self._size:
                part = np.stack([resize(image, *self._size) for image in part])
            found.append(np.asarray(self._look(part)))
        return np.concatenate(found)
