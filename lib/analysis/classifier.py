"""What a network says of an image in the end: the probability of each class, and the logits that it comes from."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from lib import stop
from lib.analysis.activations import check_images
from lib.arrays import Floats, Reals
from lib.network.graph import LOCK, Graph, Slot, Step, graph_of
from lib.network.kernels import fast_kernels
from lib.network.nonlinearity import Nonlinearity, activation_name, kind_of
from lib.network.trunk import Trunk, trunk_to

_PLACE = "classes"


@dataclass(frozen=True, eq=False)
class Classified:
    """Of N images and K classes: `probabilities` float32 [N, K], and `logits` float32 [N, K], before the softmax."""

    probabilities: Floats
    logits: Floats


class Classifier:
    """The classes of one model; made by `classifier_of`.

    Attributes:
        classes: how many there are.
        input_shape: (height, width, channels) of its images; None where the network leaves a side free.
    """

    def __init__(self, trunk: Trunk) -> None:
        import tensorflow as tf

        self._trunk = trunk
        self.input_shape = trunk.input_shape
        self.classes = max(2, trunk.units[_PLACE])

        @tf.function(input_signature=[tf.TensorSpec((None, *self.input_shape), tf.float32)], autograph=False)
        def classify(images: Any) -> Any:
            logits = self.logits(images)
            return tf.nn.softmax(logits), logits

        with LOCK:
            classify.get_concrete_function()
        self._classify = classify

    def logits(self, images: Any) -> Any:
        """Within a `tf.function`: float32 [B, classes], with a gradient to the pixels."""
        import tensorflow as tf

        _, before = self._trunk.maps(images)[_PLACE]
        before = tf.cast(before, tf.float32)
        # a single sigmoid is a softmax over halves of its logit: both classes have a gradient
        return before if before.shape[1] > 1 else tf.concat([-before / 2, before / 2], 1)

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


def classifier_of(model: Any) -> Classifier | None:
    """The classifier that a model is; None for one that ends in anything else.

    It ends in a softmax; in a single sigmoid, which has two classes; or in a dense layer of two or more nodes without
    an activation, which is what Keras trains with `from_logits=True`.

    Raises:
        BadInput: a model that cannot be read (`lib.network.graph.graph_of`).
    """
    graph = graph_of(model)
    place = _end(graph)
    return None if place is None else Classifier(trunk_to(graph, {_PLACE: place}, kernels=fast_kernels))


def _end(graph: Graph) -> Nonlinearity | None:
    if len(graph.outputs) != 1 or len(graph.shapes[graph.outputs[0]]) != 2:
        return None
    (out,) = graph.outputs
    step = next((step for step in graph.steps if out in step.outputs), None)
    nodes = graph.shapes[out][1]
    if step is None or not nodes:
        return None
    name, dense = activation_name(step.op), kind_of(step.op) == "node"
    if (name == "softmax" and nodes > 1) or (name == "sigmoid" and nodes == 1):
        before = Slot(-1 - out.number) if dense else step.inputs[0]
        return _place(step, nodes, before, out, own=dense)
    if dense and name == "linear" and nodes > 1:
        return _place(step, nodes, out, out, own=False)
    return None


def _place(step: Step, nodes: int, before: Slot, after: Slot, *, own: bool) -> Nonlinearity:
    return Nonlinearity(
        step, "class", nodes, (nodes,), (step,) if own else (), before, after, 0, "softmax", before == after
    )
