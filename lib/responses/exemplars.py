"""Exemplars: the natural images to which a unit responds most, for all units of all layers in one pass."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lib import stop
from lib.arrays import Array, Floats, Images, Integers
from lib.network.graph import tracing
from lib.network.kernels import fast_kernels
from lib.network.trunk import responses_of
from lib.oips.constraint import Constraint
from lib.oips.measure import strengths_of
from lib.responses.statistics import Survey

BEST = 9
"""How many exemplars of a unit are kept."""


@dataclass(frozen=True)
class Exemplars:
    """The best images of one layer's units; [units, 9] each, the best first (fewer where the data set is smaller).

    `numbers`: which image of the set. `responses`, `pre_activations`: of that image under the constraint.
    """

    numbers: Integers
    responses: Floats
    pre_activations: Floats


def find_exemplars(
    model: Any,
    layers: Sequence[str],
    images: Images,
    constraint: Constraint,
    *,
    batch: int = 256,
    size: tuple[int, int] | None = None,
    within: range | None = None,
    surveys: Mapping[str, Survey] | None = None,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Exemplars]:
    """The exemplars of every unit of `layers` among `images` [N, H, W, C], seen under the constraint, as OIPs are.

    Of images with equal responses the lower number comes first; where a unit does not respond at all, its
    pre-activation decides. `within`: which of the images, one after another; None for all, and what is found of parts
    of them is put together by `join_exemplars`. `surveys`, by layer, are told all responses on the way, `progress` up
    to which image all are done.
    """
    import tensorflow as tf

    trunk = responses_of(model, layers, size=size, kernels=fast_kernels)
    height, width, channels = trunk.input_shape

    @tf.function(input_signature=[tf.TensorSpec((None, height, width, channels), tf.float32)], autograph=False)
    def respond(pixels: Any) -> Any:
        return trunk(constraint.image(pixels))

    with tracing():
        respond.get_concrete_function()
    best: dict[str, list[Array]] = {}
    within = within or range(len(images))
    for first in range(within.start, within.stop, batch):
        stop.look()
        part = np.asarray(images[first : min(first + batch, within.stop)], np.float32)
        numbers = np.arange(first, first + len(part))
        for layer, (responses, pre_activations) in respond(part).items():
            if surveys and layer in surveys:
                surveys[layer].add(numbers, np.asarray(responses))
            found = [
                np.repeat(numbers[None], responses.shape[1], axis=0),
                np.asarray(responses).T,
                np.asarray(pre_activations).T,
            ]
            if layer in best:
                found = [np.concatenate(pair, axis=1) for pair in zip(best[layer], found, strict=True)]
            best[layer] = _best_of(found)
        if progress:
            progress(first + len(part))
    return {layer: Exemplars(*arrays) for layer, arrays in best.items()}


def join_exemplars(parts: Sequence[Exemplars], peaks: Sequence[Integers] = ()) -> tuple[Exemplars, Integers | None]:
    """The exemplars of one layer's units among all images, from those of parts of the images, which are in order; and
    where in them each unit responds most, where that is told of all parts (`lib.responses.peaks`)."""
    found = [np.concatenate([getattr(part, name) for part in parts], axis=1) for name in Exemplars.__annotations__]
    if peaks:
        found += [np.concatenate([part[..., axis] for part in peaks], axis=1) for axis in range(2)]
    numbers, responses, pre_activations, *places = _best_of(found)
    return Exemplars(numbers, responses, pre_activations), np.stack(places, axis=-1) if places else None


def _best_of(found: list[Array]) -> list[Array]:
    """Of numbers, responses, pre-activations and whatever else there is, [units, images] each, that of the best."""
    _, responses, pre_activations, *_ = found
    # stable: of equal strengths the lower number, which stands first, comes first
    order = np.argsort(-strengths_of(responses, pre_activations), axis=1, kind="stable")[:, :BEST]
    return [np.take_along_axis(array, order, axis=1) for array in found]
