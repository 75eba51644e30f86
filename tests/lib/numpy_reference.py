"""The reference CNN in float64 NumPy: forward pass, and gradient of a unit's objective with respect to the pixels.

Written from the definitions (valid convolution as cross-correlation, ReLU with derivative 0 at 0, pooling by the
first of the greatest), with nothing shared with the code under test. One image at a time.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[np.float64]
LAYERS = ("Conv2D_1", "Conv2D_2", "Conv2D_3")
HAS_AVX512 = "avx512f" in Path("/proc/cpuinfo").read_text().split()
"""Where it is so, TensorFlow computes an image to the last bit as in any other batch; elsewhere nearly so."""


@dataclass(frozen=True)
class Objective:
    response: float
    pre_activation: float
    gradient: Array


def weights_of(model: Any) -> list[tuple[Array, Array]]:
    """Kernel [3, 3, C, K] and bias [K] of the three convolutions."""
    return [tuple(np.asarray(w, np.float64) for w in model.get_layer(name).get_weights()) for name in LAYERS]


def convolved(image: Array, kernel: Array, bias: Array) -> Array:
    windows = sliding_window_view(image, kernel.shape[:2], axis=(0, 1))  # [Y, X, C, 3, 3]
    return np.einsum("yxcij,ijck->yxk", windows, kernel, optimize=True) + bias


def convolved_back(gradient: Array, kernel: Array) -> Array:
    height, width = gradient.shape[:2]
    back = np.zeros((height + kernel.shape[0] - 1, width + kernel.shape[1] - 1, kernel.shape[2]))
    for i in range(kernel.shape[0]):
        for j in range(kernel.shape[1]):
            back[i : i + height, j : j + width] += gradient @ kernel[i, j].T
    return back


def blocks(maps: Array) -> Array:
    """The 2x2 blocks of maps, an odd last row or column left out, as [Y, X, C, 4]."""
    height, width, channels = maps.shape
    even = maps[: height // 2 * 2, : width // 2 * 2]
    return (
        even.reshape(height // 2, 2, width // 2, 2, channels)
        .transpose(0, 2, 4, 1, 3)
        .reshape(height // 2, width // 2, channels, 4)
    )


def pooled_back(gradient: Array, maps: Array) -> Array:
    height, width, channels = gradient.shape
    chosen = np.eye(4)[blocks(maps).argmax(-1)] * gradient[..., None]
    back = np.zeros_like(maps)
    back[: 2 * height, : 2 * width] = (
        chosen.reshape(height, width, channels, 2, 2).transpose(0, 3, 1, 4, 2).reshape(2 * height, 2 * width, channels)
    )
    return back


def objective_of(weights: list[tuple[Array, Array]], image: Array, layer: str, unit: int, share: float) -> Objective:
    """Response and pre-activation of a map, and the gradient [28, 28, 1] of response + share * pre-activation."""
    depth = LAYERS.index(layer)
    before: list[Array] = []
    x = image
    for number, (kernel, bias) in enumerate(weights[: depth + 1]):
        if number:
            x = blocks(x).max(-1)
        before.append(convolved(x, kernel, bias))
        x = np.maximum(before[-1], 0)
    wanted = before[-1][..., unit]
    gradient = np.zeros_like(before[-1])
    gradient[..., unit] = ((wanted > 0) + share) / wanted.size
    for number in range(depth, -1, -1):
        gradient = convolved_back(gradient, weights[number][0])
        if number:
            maps = before[number - 1]
            gradient = pooled_back(gradient, np.maximum(maps, 0)) * (maps > 0)
    return Objective(float(np.maximum(wanted, 0).mean()), float(wanted.mean()), gradient)
