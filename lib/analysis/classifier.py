"""What a network says of an image in the end: the probability of each class, and the logits that it comes from.

What is no classifier can be read as well: of several sigmoids the probability of each label, of a regression the
values.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from lib import stop
from lib.analysis.activations import check_images
from lib.analysis.heads import Head, heads_of
from lib.arrays import Floats, Reals
from lib.network.graph import LOCK, graph_of
from lib.network.kernels import fast_kernels
from lib.network.trunk import trunk_to

_PLACE = "end"


@dataclass(frozen=True, eq=False)
class Classified:
    """Of N images and K classes: `probabilities` float32 [N, K], and `logits` float32 [N, K], before the softmax.

    Of labels the probabilities stand for themselves and do not add up to 1. Of values both hold the values.
    """

    probabilities: Floats
    logits: Floats


class Classifier:
    """One output of one model.

    Attributes:
        head: what the output is.
        classes: how many classes, labels or values there are.
        input_shape: (height, width, channels) of its images; None where the network leaves a side free.
    """

    def __init__(self, model: Any, head: Head) -> None:
        """Raises BadInput for a head of maps, and a model that cannot be read."""
        import tensorflow as tf

        self.head = head
        self._trunk = trunk_to(graph_of(model), {_PLACE: head.place}, kernels=fast_kernels)
        self.input_shape = self._trunk.input_shape
        self.classes = head.classes or head.outputs

        @tf.function(input_signature=[tf.TensorSpec((None, *self.input_shape), tf.float32)], autograph=False)
        def classify(images: Any) -> Any:
            logits = self.logits(images)
            return self._squash(logits), logits

        with LOCK:
            classify.get_concrete_function()
        self._classify = classify

    def logits(self, images: Any) -> Any:
        """Within a `tf.function`: float32 [B, classes], with a gradient to the pixels."""
        import tensorflow as tf

        _, before = self._trunk.maps(images)[_PLACE]
        before = tf.reshape(tf.cast(before, tf.float32), (-1, self.head.outputs))
        # a single sigmoid is a softmax over halves of its logit: both classes have a gradient
        return tf.concat([-before / 2, before / 2], 1) if self.head.outputs < self.head.classes else before

    def _squash(self, logits: Any) -> Any:
        import tensorflow as tf

        match self.head.kind:
            case "classes":
                return tf.nn.softmax(logits)
            case "labels":
                return tf.nn.sigmoid(logits)
            case _:
                return tf.identity(logits)

    def of(self, images: Reals, *, batch: int = 256, progress: Callable[[int], None] | None = None) -> Classified:
        """Of images [N, height, width, channels]. `progress` is told how many are done.

        Raises:
            BadInput: images of another shape.
        """
        answers = list(self._answers(images, batch, progress))
        probabilities, logits = (np.concatenate(parts) for parts in zip(*answers, strict=True))
        return Classified(probabilities, logits)

    def _answers(
        self, images: Reals, batch: int, progress: Callable[[int], None] | None
    ) -> Iterator[tuple[Reals, Reals]]:
        for first in range(0, max(1, len(images)), batch):
            stop.look()
            part = check_images(images[first : first + batch], self.input_shape)
            probabilities, logits = self._classify(part)
            yield np.asarray(probabilities), np.asarray(logits)
            if progress:
                progress(first + len(part))


def classifier_of(model: Any, classes: int | None = None) -> Classifier | None:
    """The first output of a model that has classes, rather one of as many as are asked for; None where none has any.

    Args:
        classes: how many the data set has, where there is one: see `lib.analysis.heads`.

    Raises:
        BadInput: a model that cannot be read (`lib.network.graph.graph_of`).
    """
    heads = [head for head in heads_of(model, classes) if head.kind == "classes"]
    fitting = [head for head in heads if head.classes == classes] or heads
    return Classifier(model, fitting[0]) if fitting else None
