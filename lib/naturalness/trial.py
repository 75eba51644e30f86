"""Natural images on which pictures of units are tried: how strongly units respond to them, and what a judge makes of
them, found in one pass."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lib import stop
from lib.arrays import Floats, Images, Integers
from lib.naturalness.judge import Judge
from lib.naturalness.judging import Judging, Score, draw_pairs, score
from lib.network.graph import LOCK
from lib.network.kernels import fast_kernels
from lib.network.trunk import responses_of
from lib.network.units import Unit
from lib.oips.constraint import Constraint
from lib.oips.measure import strengths_of
from lib.oips.start_images import start_seed

MOST = 2000
"""So many images of a data set, drawn by seed, are the trial's."""


@dataclass(frozen=True)
class Trial:
    """What is known of the images.

    Attributes:
        numbers: of them in the data set, [n], rising.
        judging: by what the judge makes of them.
        strengths: by layer, how strongly each unit responds to each, [n, units].
        seed: of the sample and of all pairs.
    """

    numbers: Integers
    judging: Judging
    strengths: Mapping[str, Floats]
    seed: int

    def scores(self, unit: Unit, used: Sequence[int], shown: Mapping[str, Floats]) -> dict[str, Score]:
        """The score of each of some ways to show a unit, by its name, all on the same pairs.

        Args:
            used: numbers in the data set of the images that are shown, or that what is shown was made from.
            shown: by name, what the judge makes of it, [k, features].

        Raises:
            ValueError: fewer than `lib.naturalness.judging.FEWEST` images are left.
        """
        left_out = np.flatnonzero(np.isin(self.numbers, np.asarray(used, np.int64)))
        seed = start_seed(self.seed, f"pairs of {unit}", 0)
        pairs = draw_pairs(self.strengths[unit.layer][:, unit.index], left_out.tolist(), seed=seed)
        return {name: score(self.judging.answers(features, pairs)) for name, features in shown.items()}


def draw_sample(count: int, seed: int) -> Integers:
    """Numbers of at most `MOST` images of `count`, rising."""
    if count <= MOST:
        return np.arange(count)
    rng = np.random.Generator(np.random.Philox(key=start_seed(seed, "images of a trial", 0)))
    return np.sort(rng.choice(count, MOST, replace=False))


def hold_trial(
    judge: Judge,
    model: Any,
    layers: Sequence[str],
    natural: Images,
    constraint: Constraint,
    seed: int,
    *,
    batch: int = 64,
    size: tuple[int, int] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Trial:
    """Show a sample of the natural images to a network and to its judge.

    Args:
        model: the network whose units are judged; it takes pictures within 0..1.
        natural: all images of the data set, [N, H, W, C].
        constraint: that images are seen under, as the OIPs were.
        progress: is told how many images are done, of how many.
    """
    import tensorflow as tf

    trunk = responses_of(model, layers, size=size, kernels=fast_kernels)
    height, width, channels = trunk.input_shape

    @tf.function(input_signature=[tf.TensorSpec((None, height, width, channels), tf.float32)], autograph=False)
    def respond(pixels: Any) -> Any:
        seen = constraint.image(pixels)
        return seen, trunk(seen)

    with LOCK:
        respond.get_concrete_function()
    numbers = draw_sample(len(natural), seed)
    strengths: dict[str, list[Floats]] = {layer: [] for layer in layers}
    features = []
    for first in range(0, len(numbers), batch):
        stop.look()
        part = np.asarray(natural[numbers[first : first + batch]], np.float32)
        seen, answered = respond(part)
        for layer, (responses, pre_activations) in answered.items():
            strengths[layer].append(strengths_of(np.asarray(responses), np.asarray(pre_activations)))
        features.append(judge.look(np.asarray(seen), constraint.name))
        if progress:
            progress(first + len(part), len(numbers))
    joined = {layer: np.concatenate(parts) for layer, parts in strengths.items()}
    return Trial(numbers, Judging(np.concatenate(features)), joined, seed)
