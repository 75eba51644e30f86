"""Which units of a layer are most like each other: by their weights, or by how they respond."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lib.arrays import Floats, Integers, Reals
from lib.network.graph import graph_of
from lib.network.nonlinearity import kind_of
from lib.network.targets import units_of

NEAREST = 8
"""How many units are named for each."""
WHOLE, ROWS = 2048, 256
"""Up to so many units all are compared with all at once; of more, so many rows at a time: 10,000 units would take more
than 2 GB."""


@dataclass(frozen=True)
class Nearest:
    """The units that each unit of a layer is most like, the likest first; [units, 8] each.

    `units`: int64, their indices, -1 where there are no more, or where likeness has no meaning (weights that are all
    zero, a response that is always the same). `likeness`: float32 in [-1, 1], 0 where there is no unit.
    """

    units: Integers
    likeness: Floats


def nearest(likeness: Reals) -> Nearest:
    """From the likeness of each unit to each other, [units, units]; NaN where it has no meaning.

    Of units that are equally like one the lower index comes first.
    """
    return nearest_of(lambda rows: likeness[rows], len(likeness))


def nearest_of(likeness: Callable[[slice], Reals], count: int) -> Nearest:
    """As `nearest`, where `likeness` gives some rows of it: all of them, of `count` units, take much memory at once."""
    units = np.full((count, NEAREST), -1, np.int64)
    values = np.zeros((count, NEAREST), np.float32)
    at_once = count if count <= WHOLE else ROWS
    for first in range(0, count, max(at_once, 1)):
        rows = slice(first, min(first + at_once, count))
        found = np.array(likeness(rows))
        found[np.isnan(found)] = -np.inf
        found[np.arange(len(found)), np.arange(rows.start, rows.stop)] = -np.inf  # none is its own neighbour
        order = np.argsort(-found, axis=1, kind="stable")[:, :NEAREST]
        likest = np.take_along_axis(found, order, axis=1)
        there = np.isfinite(likest)
        units[rows, : order.shape[1]] = np.where(there, order, -1)
        values[rows, : order.shape[1]] = np.where(there, np.clip(likest, -1, 1), 0)
    return Nearest(units, values)


def nearest_by_weights(model: Any, layer: str) -> Nearest:
    """By the cosine between the units' weights, without biases; of a layer without weights of its own, none.

    Where units read different maps, as in depthwise and grouped convolutions, what counts is how each looks at its own.
    Raises BadInput as `lib.network.graph.graph_of`, and KeyError for a layer that there is not.
    """
    graph = graph_of(model)
    step = graph.first_use()[layer]
    if kind_of(step.op) is None:
        units = units_of(graph, step).units
        return Nearest(np.full((units, NEAREST), -1, np.int64), np.zeros((units, NEAREST), np.float32))
    weights = _weights(step.op)
    length = np.sqrt(np.square(weights, dtype=np.float64).sum(axis=1, keepdims=True))
    unit = np.divide(weights, length, out=np.full(weights.shape, np.nan), where=length > 0).astype(np.float32)
    return nearest_of(lambda rows: unit[rows] @ unit.T, len(unit))


def _weights(op: Any) -> Reals:
    """What each unit of a layer multiplies its input with, [units, weights]."""
    import keras

    kernel = np.asarray(keras.ops.convert_to_numpy(op.depthwise_kernel if _is_separable(op) else op.kernel), np.float32)
    if isinstance(op, keras.layers.DepthwiseConv2D):  # [h, w, maps, units of each map]
        return np.reshape(kernel, (-1, kernel.shape[2] * kernel.shape[3])).T
    if _is_separable(op):
        points = np.asarray(keras.ops.convert_to_numpy(op.pointwise_kernel), np.float32)
        points = points.reshape(*kernel.shape[2:], -1)  # [maps, of each map, units]
        kernel = np.einsum("ijcm,cmk->ijck", kernel, points)
    if isinstance(op, keras.layers.Conv2DTranspose):  # [h, w, units, maps]
        kernel = np.swapaxes(kernel, 2, 3)
    return np.reshape(kernel, (-1, kernel.shape[-1])).T


def _is_separable(op: Any) -> bool:
    import keras

    return isinstance(op, keras.layers.SeparableConv2D)
