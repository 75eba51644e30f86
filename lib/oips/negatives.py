"""Negative OIPs: images that silence a unit, grown from the same starts as its OIPs, the other way.

What is optimised is the mean pre-activation turned round. There is no threshold on the way down and hardly a dead end,
so few starts and half of the steps do, a 25th of the image-steps of a search: on the reference network's layers this
comes to 0.97 to 1.0 of the depth that sixteen starts find with four times the steps, at the worst unit to 0.91.

In a layer that is linear in the pixels, as the first one, shifting a pattern changes nothing: under `standardised` the
mean of its pre-activation is decided at the borders alone, and that is what its negative OIPs show.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lib.arrays import Floats, Integers
from lib.network.units import Unit
from lib.oips.ascent import AscentState, cosine_rates
from lib.oips.growth import Growth
from lib.oips.search import Ground
from lib.oips.start_images import length_scales, start_image, start_seed

STARTS = 4
"""Start images a unit, of which one is optimised to the end."""
_FIRST_PART = 1 / 8  # of the steps, after which that one is chosen


@dataclass(frozen=True)
class Negatives:
    """The negative OIPs of some units of a layer, under the growth's constraint, one a row.

    `images`: [n, H, W, C]. `responses`, `pre_activations`: [n], recomputed from the images.
    """

    images: Floats
    responses: Floats
    pre_activations: Floats


def stages_of(count: int, growth: Growth) -> list[tuple[int, int]]:
    """How many steps each stage of the negative OIPs of `count` units takes, and with how many images."""
    steps = max(growth.steps // 2, 1)
    first = max(round(steps * _FIRST_PART), 1)
    return [(first, count * min(STARTS, growth.starts)), (steps - first, count)]


def grow_negatives(
    layer: str,
    indices: Sequence[int],
    growth: Growth,
    ground: Ground,
) -> Negatives:
    """The negative OIPs of a layer's units, in one batch.

    Args:
        ground: of the growth's constraint, whose objective is "negative".
    """
    (first, started), (rest, count) = stages_of(len(indices), growth)
    starts = started // count
    origins = [(Unit(layer, index), number) for index in indices for number in range(starts)]
    seeds = [start_seed(growth.seed, None if growth.shared_starts else str(unit), number) for unit, number in origins]
    noise = [
        start_image(seed, length_scales(number, growth.length_scales), ground.parameterisation.canvas)
        for seed, (_, number) in zip(seeds, origins, strict=True)
    ]
    rates = cosine_rates(first + rest, growth.step_size)

    def optimise(state: AscentState, rows: Integers, begin: int, end: int) -> AscentState:
        if begin == end:
            return state
        own = np.repeat(rates[begin:end, None], len(rows), axis=1)
        units = np.array([origins[row][0].index for row in rows])
        return ground.ascent.optimise(state, units, own, moves[begin:end, rows])

    moves = ground.parameterisation.moves(seeds, first + rest)
    everyone = np.arange(len(origins))
    state = optimise(
        AscentState.from_starts(ground.starts(np.stack(noise)), ground.parameterisation.shape), everyone, 0, first
    )
    chosen = everyone.reshape(-1, starts)[:, 0] + state.score.reshape(-1, starts).argmax(axis=1)
    state = optimise(state.take(chosen), chosen, first, first + rest)
    images = ground.stored(state.best)
    return Negatives(images, *ground.measure(images, np.asarray(indices)))
