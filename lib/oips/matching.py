"""What a unit's exemplars have in common in the layers below it, and how far an image is from that.

Of each map of some layers the mean and the standard deviation over the positions are compared with what they are in the
unit's exemplars: feature statistics, which say what is in a picture and not where (Gatys et al. 2015; VITAL, Görgün et
al. 2025, matches the whole distributions, weighted by relevance).

From noise, and from exemplars as well, all ascents of a unit end at one texture, moved: 0.003 to 0.04 apart in what the
next block of a VGG16 makes of them. So several OIPs of a unit are told what to show: each one matches another exemplar,
of those that the network tells apart best (multifaceted visualisation: Nguyen et al. 2016).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lib import stop
from lib.arrays import Array, Floats, Images, Integers, Tensor
from lib.errors import BadInput
from lib.network.graph import LOCK, graph_of
from lib.network.kernels import fast_kernels
from lib.network.targets import find, has_units, units_of
from lib.network.trunk import responses_of
from lib.oips.constraint import Constraint
from lib.oips.growth import Growth
from lib.oips.style import STYLES

MOST_LAYERS = 4
"""In so many layers are statistics matched, at even distances up to the unit's own."""
EXEMPLARS = 4
"""So many of a unit's best exemplars are matched."""
ENOUGH = 2.0
"""Times the best exemplar's response, beyond which only the match counts."""
_LEAST = 1e-6


@dataclass(frozen=True)
class Matching:
    """What the ascents of one layer's units are to match.

    Attributes:
        facets: how many rows each unit has in what follows; those of unit u begin at u * facets.
        layers: whose maps are compared, in the network's order.
        statistics: by layer [rows, 2 * maps], means and then standard deviations of the unit's exemplars.
        responses: [rows], of the unit's best exemplar; where it is zero nothing is matched.
    """

    facets: int
    layers: tuple[str, ...]
    statistics: Mapping[str, Floats]
    responses: Floats

    def value(self, value: Tensor, score: Tensor, maps: Mapping[str, Tensor], rows: Tensor) -> Tensor:
        """What is maximised instead of a `value`, [B]: that in parts of the best exemplar's response, until the score
        is `ENOUGH` times that, less the distance. Where nothing is matched, it stays the value.

        Args:
            value, score: [B], an objective's.
            maps: [B, H, W, maps] by layer, of the same images.
            rows: [B].
        """
        import tensorflow as tf

        best = tf.gather(tf.constant(self.responses), rows)
        distance = tf.zeros_like(value)
        for layer in self.layers:
            wanted = tf.gather(tf.constant(self.statistics[layer]), rows)
            off = tf.reduce_sum(tf.square(statistics_of(maps[layer]) - wanted), 1)
            distance += off / tf.maximum(tf.reduce_sum(tf.square(wanted), 1), _LEAST) / len(self.layers)
        parts = tf.where(score < ENOUGH * best, value / tf.maximum(best, _LEAST), ENOUGH)
        return tf.where(best > 0, parts - distance, value)


def statistics_of(maps: Tensor) -> Tensor:
    """Means and standard deviations over the positions, [B, 2 * maps], of maps [B, H, W, maps]."""
    import tensorflow as tf

    maps = tf.cast(maps, tf.float32)
    mean = tf.reduce_mean(maps, [1, 2])
    variance = tf.reduce_mean(tf.square(maps - mean[:, None, None]), [1, 2])
    return tf.concat([mean, tf.sqrt(variance + _LEAST)], 1)  # the root's gradient is infinite at zero


def matches_exemplars(model: Any, layer: str, growth: Growth) -> bool:
    """Whether OIPs match exemplars, where there are some: those of a style that does, and several of a unit in a style
    that would grow the same one again."""
    style = STYLES[growth.style]
    return style.matches or (growth.oips > 1 and not style.thorough and bool(matched_layers(model, layer)))


def matched_layers(model: Any, layer: str) -> tuple[str, ...]:
    """Up to `MOST_LAYERS` layers with maps that lead to a layer, that one among them if it has positions; or none."""
    graph = graph_of(model)
    steps = graph.first_use()
    own = find(graph, layer)
    needed = graph.needed_for(steps[layer].outputs)
    names = [
        name
        for name, step in steps.items()
        if name != layer and step in needed and has_units(graph, step) and units_of(graph, step).kind == "map"
    ]
    names = [name for name in names if "Conv" in type(steps[name].op).__name__] or names
    if own.kind == "map":
        names.append(layer)
    if not names:
        return ()
    places = np.unique(np.linspace(0, len(names) - 1, MOST_LAYERS).round().astype(int))
    return tuple(names[place] for place in places)


def check_matched(model: Any, layer: str) -> None:
    """Raise BadInput where no layer with maps leads to this one."""
    if not matched_layers(model, layer):
        raise BadInput(f"no layer with maps leads to {layer}: there is nothing to match; choose another style")


def matching_of(
    model: Any,
    layer: str,
    images: Images,
    numbers: Integers,
    responses: Floats,
    growth: Growth,
    constraint: Constraint,
    *,
    batch: int,
    size: tuple[int, int] | None = None,
) -> Matching:
    """What the units of a layer are to match: their best exemplars together, and with each further OIP another one.

    In a style that matches only so that OIPs differ, the first one matches nothing.

    Args:
        images: [N, H, W, C], of which `numbers` [units, n] are each unit's exemplars, the best first, with their
            `responses` [units, n] under the constraint.

    Raises:
        BadInput: as `check_matched`.
    """
    check_matched(model, layer)
    layers, facets = matched_layers(model, layer), growth.oips
    used, rows = np.unique(numbers, return_inverse=True)
    rows = rows.reshape(numbers.shape)
    found = _statistics(model, layers, images, used, constraint, batch, size)
    weights = np.maximum(np.asarray(responses, np.float64), 0)
    weights[:, EXEMPLARS:] = 0
    weights /= np.maximum(weights.sum(1, keepdims=True), _LEAST)
    together = {name: np.einsum("ue,ues->us", weights, each[rows]) for name, each in found.items()}
    statistics = {name: np.repeat(each[:, None], facets, axis=1) for name, each in together.items()}
    for unit, own in enumerate(rows):
        own = own[responses[unit] > 0]
        if not len(own):
            continue
        for facet, at in enumerate(least_alike(found[layers[-1]][own], facets)[1:], 1):
            for name, each in found.items():
                statistics[name][unit, facet] = each[own[at]]
    best = np.repeat(np.asarray(responses[:, :1], np.float32), facets, axis=1)
    if not STYLES[growth.style].matches:
        best[:, 0] = 0
    return Matching(
        facets,
        layers,
        {name: each.reshape(-1, each.shape[-1]).astype(np.float32) for name, each in statistics.items()},
        best.reshape(-1),
    )


def least_alike(profiles: Array, most: int) -> list[int]:
    """Rows of `profiles` [n, features], up to `most`: the first, then ever the one whose greatest cosine with those
    chosen is least (farthest-first traversal: Gonzalez 1985)."""
    profiles = np.asarray(profiles, np.float64)
    profiles = profiles / np.maximum(np.linalg.norm(profiles, axis=1, keepdims=True), _LEAST)
    chosen = [0]
    while len(chosen) < min(most, len(profiles)):
        likeness = (profiles @ profiles[chosen].T).max(axis=1)
        likeness[chosen] = np.inf
        chosen.append(int(likeness.argmin()))
    return chosen


def _statistics(
    model: Any,
    layers: Sequence[str],
    images: Images,
    numbers: Integers,
    constraint: Constraint,
    batch: int,
    size: tuple[int, int] | None,
) -> dict[str, Floats]:
    """Those of some of the images, [n, 2 * maps] by layer."""
    import tensorflow as tf

    trunk = responses_of(model, layers, size=size, kernels=fast_kernels)

    @tf.function(input_signature=[tf.TensorSpec((batch, *trunk.input_shape), tf.float32)], autograph=False)
    def look(pixels: Tensor) -> dict[str, Tensor]:
        return {name: statistics_of(after) for name, (after, _) in trunk.maps(constraint.image(pixels)).items()}

    with LOCK:
        look.get_concrete_function()
    found: dict[str, list[Array]] = {name: [] for name in layers}
    for first in range(0, len(numbers), batch):
        stop.look()
        part = numbers[first : first + batch]
        for name, statistics in look(np.asarray(images[np.resize(part, batch)], np.float32)).items():
            found[name].append(np.asarray(statistics)[: len(part)])
    return {name: np.concatenate(parts) for name, parts in found.items()}
