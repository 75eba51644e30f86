"""Which pixels carry a prediction: occlusion, and integrated gradients, of the logit of one class.

- *Occlusion* (Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2014): a window of the image
  is covered, at every place in turn; how far the logit falls says what the window carried.
- *Integrated gradients* (Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks", 2017): the gradient of
  the logit at the pixels, averaged on the straight way from an empty image to this one, times what the pixel differs
  by. Its values add up to the logit of the image minus that of the empty one. (The plain gradient of Simonyan, Vedaldi
  and Zisserman, 2014, says what would change the logit, not what makes it.)
"""

from collections.abc import Iterator
from itertools import product
from typing import Any, TypeVar

import numpy as np

from lib import stop
from lib.analysis.activations import check_images
from lib.analysis.classifier import Classifier
from lib.arrays import Floats, Reals
from lib.errors import BadInput
from lib.network.graph import LOCK

_BATCH = 128
T = TypeVar("T")


class Attribution:
    """How the pixels of single images carry the logits of one classifier."""

    def __init__(self, classifier: Classifier, *, empty: float = 0.0) -> None:
        """Args:
        empty: the value of a pixel that shows nothing: what covers a window, and of what an empty image consists.
            Black, in MNIST.
        """
        import tensorflow as tf

        self._classifier = classifier
        self._empty = np.float32(empty)
        pixels = tf.TensorSpec((None, *classifier.input_shape), tf.float32)

        @tf.function(input_signature=[pixels, tf.TensorSpec((), tf.int32)], autograph=False)
        def logit(images: Any, label: Any) -> Any:
            return tf.gather(classifier.logits(images), label, axis=1)

        @tf.function(input_signature=[pixels, tf.TensorSpec((), tf.int32)], autograph=False)
        def gradient(images: Any, label: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(images)
                wanted = tf.gather(classifier.logits(images), label, axis=1)
            return tape.gradient(wanted, images)

        with LOCK:
            for function in (logit, gradient):
                function.get_concrete_function()
        self._logit, self._gradient = logit, gradient

    def occlusion(self, image: Reals, label: int, *, window: int | None = None) -> Floats:
        """How far the logit of a class falls where the image [H, W, C] is covered, float32 [H, W].

        Each pixel has the mean fall over all places of the window that cover it. Positive: the pixel speaks for the
        class.

        Args:
            window: the side of the square that covers, in pixels; None for a seventh of the image's shorter side. It
                is moved by a quarter of itself.

        Raises:
            BadInput: no such class, an image of another shape, a window that does not fit in.
        """
        pixels = self._image(image, label)
        height, width = pixels.shape[:2]
        side = max(1, round(min(height, width) / 7)) if window is None else window
        if not 1 <= side <= min(height, width):
            raise BadInput(f"a window of {side} pixels does not fit into an image of {height}x{width}")
        places = list(product(_places(height, side), _places(width, side)))
        whole = float(self._logits(pixels[None], label)[0])
        falls, covers = np.zeros((height, width)), np.zeros((height, width))
        for part in _parts(places):
            stop.look()
            covered = np.repeat(pixels[None], len(part), axis=0)
            for at, (top, left) in enumerate(part):
                covered[at, top : top + side, left : left + side] = self._empty
            for (top, left), logit in zip(part, self._logits(covered, label), strict=True):
                falls[top : top + side, left : left + side] += whole - float(logit)
                covers[top : top + side, left : left + side] += 1
        return (falls / covers).astype(np.float32)

    def integrated_gradients(self, image: Reals, label: int, *, steps: int = 128) -> Floats:
        """What each pixel of an image [H, W, C] adds to the logit of a class, float32 [H, W], its channels together.

        `steps`: places on the way from the empty image, each in the middle of its part.

        Raises:
            BadInput: no such class, an image of another shape, no step.
        """
        pixels = self._image(image, label)
        if steps < 1:
            raise BadInput(f"integrated gradients need at least one step, not {steps}")
        differs = (pixels - self._empty).astype(np.float64)
        total = np.zeros(pixels.shape)
        shares = ((np.arange(steps) + 0.5) / steps).tolist()
        for part in _parts(shares):
            stop.look()
            on_the_way = np.stack([self._empty + share * differs for share in part]).astype(np.float32)
            total += np.asarray(self._gradient(on_the_way, label)).sum(axis=0, dtype=np.float64)
        return (total / steps * differs).sum(axis=2).astype(np.float32)

    def _logits(self, images: Reals, label: int) -> Reals:
        return np.asarray(self._logit(images, label))

    def _image(self, image: Reals, label: int) -> Reals:
        if not 0 <= label < self._classifier.classes:
            raise BadInput(f"there is no class {label}: the network has {self._classifier.classes}, from 0")
        return check_images(np.asarray(image)[None], self._classifier.input_shape)[0]


def _places(length: int, side: int) -> list[int]:
    """Where the window begins along an axis; the last place touches the end."""
    last = length - side
    return sorted({*range(0, last + 1, max(1, side // 4)), last})


def _parts(items: list[T]) -> Iterator[list[T]]:
    return (items[first : first + _BATCH] for first in range(0, len(items), _BATCH))
