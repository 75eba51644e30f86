"""Which layers stand behind global pooling: they see no space any more, whatever they are called.

So does the end of many classifiers (1x1 convolutions on one position, in MobileNetV3), and every gate that weighs
maps by their means (squeeze-and-excitation). What makes maps of several positions again leads back into space.
"""

from lib.network.graph import Graph, Slot, Step

_LARGE = 3  # an average over more positions along a side, all there are, is meant to leave none


def steps_without_space(graph: Graph) -> set[Step]:
    """The steps that read nothing but what global pooling has left."""
    pooled: set[Slot] = set()
    found: set[Step] = set()
    for step in graph.steps:
        if step.inputs and all(slot in pooled for slot in step.inputs):
            found.add(step)
            pooled.update(slot for slot in step.outputs if not _has_positions(graph.shapes[slot]))
        elif _pools_all(graph, step):
            pooled.update(step.outputs)
    return found


def _has_positions(shape: tuple[int | None, ...]) -> bool:
    return len(shape) == 4 and shape[1:3] != (1, 1)


def _pools_all(graph: Graph, step: Step) -> bool:
    """Whether a step makes maps into one position, or into nodes."""
    from keras import layers

    if any(_has_positions(graph.shapes[slot]) for slot in step.outputs):
        return False
    kind = type(step.op)
    if kind.__name__.startswith("Global"):
        return True
    if not any(_has_positions(graph.shapes[slot]) for slot in step.inputs):
        return False
    if kind is layers.AveragePooling2D:
        return min(step.op.pool_size) > _LARGE
    windowed = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D, layers.Conv2DTranspose)
    return not isinstance(step.op, (*windowed, layers.MaxPooling2D, layers.Cropping2D))
