"""The network from its input to chosen layers, and nothing beyond them.

Called with images it gives the responses and pre-activations of all units of those layers, in inference mode (moving
statistics, no dropout). It is meant to be called inside a `tf.function`; trace that under `lib.network.graph.LOCK`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lib.arrays import Tensor
from lib.errors import BadInput
from lib.network.graph import LOCK, Graph, Slot, Step, graph_of
from lib.network.nonlinearity import Nonlinearity, OwnActivation, virtual
from lib.network.plan import Compute, Kernels, plan
from lib.network.targets import find


class Trunk:
    """From images to responses; made by `responses_of`.

    Attributes:
        graph, places, kernels: what it was made of: the steps, where in them each layer's units are found, and what
            was asked for faster ways.
        layers: names, in the order asked for.
        input_shape: (height, width, channels) of its images; None where the size is free and none was chosen.
        units: number of units, by layer.
        signed: by layer, whether its units stay linear, so that response and pre-activation are the same.
        signed_units: by layer, which of its units do: all, none, or those of a concatenation's linear branches.
        activation: by layer, the name of the function between the two ("linear" for signed ones).
    """

    def __init__(
        self,
        graph: Graph,
        places: Mapping[str, Nonlinearity],
        input_shape: tuple[int | None, int | None, int],
        kernels: Kernels | None,
    ) -> None:
        self.graph = graph
        self.places = dict(places)
        self.kernels = kernels
        self.layers = tuple(places)
        self.input_shape = input_shape
        self.units = {name: place.units for name, place in places.items()}
        self.signed = {name: place.signed for name, place in places.items()}
        self.signed_units = {name: place.signed_units for name, place in places.items()}
        self.activation = {name: place.activation for name, place in places.items()}
        kept = {slot for place in places.values() for slot in (place.before, place.after)}
        self._plan = plan(graph, kept, kernels)

    def __call__(self, images: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
        """Responses and pre-activations, both float32 [B, units], by layer, of images [B, height, width, channels]."""
        import tensorflow as tf

        def mean(maps: Any) -> Any:
            maps = tf.cast(maps, tf.float32)
            return tf.reduce_mean(maps, axis=list(range(1, len(maps.shape) - 1)))

        return {name: (mean(after), mean(before)) for name, (after, before) in self.maps(images).items()}

    def maps(self, images: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
        """Activations and pre-activations [B, ..., units] at each position, by layer."""
        values = self.tensors(images, self._plan)
        return {
            name: (maps_of(values, place, place.after), maps_of(values, place, place.before))
            for name, place in self.places.items()
        }

    def tensors(self, images: Tensor, todo: Sequence[Compute]) -> dict[Slot, Tensor]:
        """What is there once all has been done that a plan for this trunk's graph says, from images on."""
        values: dict[Slot, Tensor] = {self.graph.input: images}
        for compute in todo:
            compute(values)
        return values


def maps_of(values: Mapping[Slot, Tensor], place: Nonlinearity, slot: Slot) -> Tensor:
    """What a tensor that a place names holds of its units."""
    return values[slot][..., place.offset : place.offset + place.units]


def responses_of(
    model: Any, layers: Sequence[str], *, size: tuple[int, int] | None = None, kernels: Kernels | None = None
) -> Trunk:
    """The trunk of a model up to the named layers.

    Args:
        model: Keras model with one image input; its weights are used as they are at each call (or trace).
        layers: names of layers that have units (`lib.network.units.Layer.name`).
        size: (height, width) of the images, where it is not the network's own: a network with a free size, or a
            convolutional trunk of one with a fixed size.
        kernels: faster implementations of layers, asked once for each run of them.

    Raises:
        BadInput: an unknown layer; a size that a layer on the way cannot take.
    """
    graph = graph_of(model)
    return trunk_to(graph, {name: find(graph, name) for name in layers}, size=size, kernels=kernels)


def trunk_to(
    graph: Graph,
    places: Mapping[str, Nonlinearity],
    *,
    size: tuple[int, int] | None = None,
    kernels: Kernels | None = None,
) -> Trunk:
    """As `responses_of`, to places that are known, by name."""
    if not places:
        raise BadInput("no layers chosen: name one or more")
    _, height, width, channels = graph.shapes[graph.input]
    assert channels is not None
    graph = taken_apart(graph, places.values())
    if size is None or size == (height, width):
        return Trunk(graph, places, (height, width, channels), kernels)
    trunk = Trunk(graph, places, (*size, channels), kernels)
    _check_size(trunk)
    return trunk


def taken_apart(graph: Graph, places: Iterable[Nonlinearity]) -> Graph:
    """The same graph, in which every tensor that the places name is there.

    Steps with an activation of their own that lies within a place are two, and what a place adds stands behind what
    it was made from.
    """
    cuts = {step for place in places for step in place.cuts}
    added = {step.outputs[0]: step for place in places for step in place.added}
    if not cuts and not added:
        return graph
    steps: list[Step] = []
    shapes = dict(graph.shapes)
    for step in graph.steps:
        if step in cuts:
            (out,) = step.outputs
            between = virtual(out)
            shapes[between] = shapes[out]
            steps.append(Step(_without_activation(step.op), step.name, step.args, step.kwargs, step.inputs, (between,)))
            steps.append(Step(OwnActivation(step.op), step.name, (between,), {}, (between,), (out,)))
        else:
            steps.append(step)
        for out in step.outputs:
            if (again := added.get(virtual(out))) is not None:
                shapes[virtual(out)] = shapes[out]
                steps.append(again)
    return Graph(graph.input, tuple(steps), graph.outputs, shapes)


def _without_activation(op: Any) -> Any:
    """The same layer, with the very same weights, up to its activation."""
    import keras

    # copy.copy will not do: Keras pickles a layer to copy it, weights and all
    twin = object.__new__(type(op))
    twin.__dict__ = {**op.__dict__, "activation": keras.activations.linear}
    return twin


def _check_size(trunk: Trunk) -> None:
    import tensorflow as tf

    height, width, channels = trunk.input_shape
    with LOCK:
        try:
            maps = trunk.maps(tf.zeros((1, height, width, channels)))
        except (ValueError, tf.errors.InvalidArgumentError) as error:
            raise BadInput(f"images of {height}x{width} do not suit the network: choose another size") from error
    if any(0 in activation.shape for activation, _ in maps.values()):
        raise BadInput(f"images of {height}x{width} are too small for {', '.join(maps)}: choose a larger size")
