"""Of a layer, one unit's map for each image: the others, which an ascent does not want, are not computed.

A map of a convolution is a product of the layer's input with that unit's own kernel. Here each image is multiplied with
its own unit's kernel, gathered for it: for every place of the kernel one plane as large as the input, and the planes
are added up, each shifted by its place. That is the layer's arithmetic for one map, without taking the input apart into
patches; so is its gradient. What follows the layer up to its activation, and leaves each channel a channel of its
own, is computed of that one map.

Where the layer is anything else, has so few maps that all of them cost less than this way, or is wanted whole, it is
computed whole and the maps are picked from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from lib.arrays import Tensor
from lib.network.graph import Graph, Slot, after
from lib.network.nonlinearity import Nonlinearity, virtual
from lib.network.plan import Compute, plan
from lib.network.trunk import Trunk, maps_of
from lib.network.unit_steps import UnitStep, first_step, later_step, pick

Weights = tuple[tuple[Tensor, ...], ...]
"""What a batch's units need of the layers' weights, one entry for each step; the first axis is the batch."""


@dataclass(frozen=True)
class Own:
    """For each image its own unit, [B, ...] both; and the activations of layers that are wanted whole, by name."""

    before: Tensor
    after: Tensor
    whole: dict[str, Tensor]


class UnitMaps:
    """The trunk to one layer, for a unit of it an image. It is meant to be called inside a `tf.function`.

    Attributes:
        gathered: whether only the wanted maps of the layer are computed.
    """

    def __init__(self, trunk: Trunk, layer: str, whole: Sequence[str] = ()) -> None:
        """`whole`: layers of the trunk whose activations are wanted besides, with all their maps."""
        self._trunk, self._layer, self._place = trunk, layer, trunk.places[layer]
        self._others = {name: trunk.places[name] for name in whole}
        others = list(self._others.values())
        found = None if layer in self._others else _chain(trunk.graph, self._place, others)
        self._chain: list[UnitStep] = []
        self._plan: list[Compute] = []
        self.gathered = found is not None
        if found is not None:
            self._chain = found
            self._plan = plan(trunk.graph, _wanted_whole(found, others), trunk.kernels)

    def weights(self, units: Tensor) -> Weights:
        """What `__call__` takes for the units [B]: the same for every step of an ascent, so it is gathered once."""
        if self.gathered:
            return tuple(link.weights(units) for link in self._chain)
        return ((units,),)

    def __call__(self, images: Tensor, weights: Weights) -> Own:
        """Pre-activation and activation, float32 [B, ...] at each position, of images [B, height, width, channels]."""
        import tensorflow as tf

        trunk, place = self._trunk, self._place
        if not self.gathered:
            ((units,),) = weights
            maps = trunk.maps(images)
            # a network of mixed precision answers in half, whose steps are too coarse to add up
            after, before = (tf.cast(tensor, tf.float32) for tensor in maps[self._layer])
            picked = pick(before, units)
            activation = picked if trunk.signed[self._layer] else pick(after, units)
            return Own(picked, activation, {name: maps[name][0] for name in self._others})
        values = trunk.tensors(images, self._plan)
        own: dict[Slot, Tensor] = {}
        for link, gathered in zip(self._chain, weights, strict=True):
            own[link.out] = link.compute(own, values, gathered)
        return Own(
            own[place.before][..., 0],
            own[place.after][..., 0],
            {name: maps_of(values, other, other.after) for name, other in self._others.items()},
        )


def _chain(graph: Graph, place: Nonlinearity, others: Sequence[Nonlinearity]) -> list[UnitStep] | None:
    """The steps from the layer to the unit's activation, where all of them can be computed of one map."""
    out = place.step.outputs[0]
    first = graph.producers[virtual(out) if place.own else out]
    start = None if place.offset or place.added else first_step(graph, first)
    if start is None:
        return None
    targets = {place.before, place.after}
    chain, own, there = [start], {first}, {start.out}
    for step in after(graph.needed_for(targets), first):
        if there.isdisjoint(step.inputs):
            continue
        link = later_step(graph, step, there)
        if link is None:
            return None
        chain.append(link)
        own.add(step)
        there.add(link.out)
    if own.intersection(graph.needed_for(_wanted_whole(chain, others))):
        return None  # something wants the layer whole all the same
    return chain


def _wanted_whole(chain: Sequence[UnitStep], others: Sequence[Nonlinearity]) -> set[Slot]:
    """The tensors that a chain and the other layers are made of."""
    return {slot for link in chain for slot in link.whole} | {other.after for other in others}
