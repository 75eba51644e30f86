"""Noise: images that are made from no unit, in whose place a unit's own pictures are to tell something."""

import numpy as np

from lib.arrays import Floats
from lib.network.units import Unit
from lib.oips.constraint import Constraint
from lib.oips.growth import Growth
from lib.oips.parameterisation import Shape
from lib.oips.start_images import length_scales, start_image, start_seed


def noise_images(unit: Unit, count: int, growth: Growth, constraint: Constraint, shape: Shape) -> Floats:
    """The first start images of a unit, [count, H, W, C], as a search on plain pixels begins with them: whatever the
    style, they are the same."""
    scales = [length_scales(number, growth.length_scales) for number in range(count)]
    seeds = [start_seed(growth.seed, None if growth.shared_starts else str(unit), number) for number in range(count)]
    starts = np.stack([start_image(seed, mixture, shape) for seed, mixture in zip(seeds, scales, strict=True)])
    return np.asarray(constraint.start(starts), np.float32)
