"""What an activation makes of an interval."""

from collections.abc import Callable
from typing import Any

import numpy as np

from lib.arrays import Doubles
from lib.bounds.intervals import Interval
from lib.network.nonlinearity import activation_name

_RISING: dict[str, Callable[[Doubles], Doubles]] = {
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "softplus": lambda x: np.logaddexp(x, 0),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0))),
}
# These fall a little below 0 and come back: never below -0.4, never above max(x, 0).
_DIPPING = {"gelu", "silu", "mish", "hard_silu"}


def apply_activation(op: Any, values: Interval) -> Interval | None:
    """Bounds after the activation of a layer, or after an operation that is one; None where it is not understood."""
    from keras import activations, layers

    name = activation_name(op)
    if name is None:
        return None
    own = getattr(op, "activation", None)
    if own is not None and own is not getattr(activations, name, None):
        return None  # somebody's own function, by whatever name
    if isinstance(op, layers.PReLU):
        return _leaky(values, np.asarray(op.alpha, np.float64))
    if name == "linear":
        return values
    if name in ("softmax", "sparsemax", "hard_sigmoid"):
        return Interval(np.zeros_like(values.low), np.full_like(values.high, 1.001))
    if hasattr(op, "threshold") and hasattr(op, "max_value"):  # the ReLU layer, and the operation behind it
        return _relu(values, op.negative_slope or 0.0, op.max_value, op.threshold or 0.0)
    if name in ("relu", "relu6"):
        return _relu(values, 0.0, 6.0 if name == "relu6" else None, 0.0)
    if name == "leaky_relu":
        slope = getattr(op, "negative_slope", 0.2)
        return _leaky(values, np.asarray(slope, np.float64).reshape(1))
    if getattr(op, "alpha", 1.0) != 1.0:
        return None
    if name in _DIPPING:
        return Interval(np.where(values.low < 0, -0.4, 0.0), np.maximum(values.high, 0)).widened(1)
    rising = _RISING.get(name)
    if rising is None:
        return None
    with np.errstate(over="ignore"):
        found = Interval(rising(values.low), rising(values.high)).widened(1)
    return Interval(found.low - 1e-6, found.high + 1e-6)  # they are approximated


def _relu(values: Interval, slope: float, limit: float | None, threshold: float) -> Interval | None:
    if slope:
        return _leaky(values, np.asarray([slope])) if limit is None and threshold == 0 else None

    def rectified(x: Doubles) -> Doubles:
        return np.minimum(np.where(x > threshold, x, 0.0), np.inf if limit is None else limit)

    return Interval(rectified(values.low), rectified(values.high))


def _leaky(values: Interval, slopes: Doubles) -> Interval:
    """max(x, 0) + slope * min(x, 0), where a channel may have several slopes, one a position."""
    slopes = slopes.reshape(-1, slopes.shape[-1])
    slope = Interval(slopes.min(0), slopes.max(0))
    below = Interval(np.minimum(values.low, 0), np.minimum(values.high, 0)).times(slope)
    above = Interval(np.maximum(values.low, 0), np.maximum(values.high, 0))
    return Interval(below.low + above.low, below.high + above.high)
