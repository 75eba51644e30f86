"""What the processor does for a map beside its ascent, and whether threads share that: start images and pictures.

    python -m benchmarks beside

A GPU waits for this where one process makes it slower than the GPU climbs. Each is timed in one thread and in as many
as there are processors, in turns; the ratio of images a second says how far threads go. Where it is near the number of
processors, worker processes would bring no more.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from lib.draw.oip_picture import unit_picture
from lib.oips.image_size import SIDE
from lib.oips.settings import GrowthSettings
from lib.oips.start_images import length_scales, start_image

ROUNDS = 5
SECONDS = 2.0
OWN_SIDE = 224
"""Of the images of most networks for photographs."""
MARGIN = 12
"""Pixels on each side of an image by which the canvas of its ascent is larger."""


def rate(work: Callable[[int], object], threads: int) -> float:
    """Calls a second, in so many threads."""
    until = time.perf_counter() + SECONDS
    begun = time.perf_counter()

    def go_on(thread: int) -> int:
        done = 0
        while time.perf_counter() < until:
            work(thread * 10_000 + done)
            done += 1
        return done

    with ThreadPoolExecutor(threads) as pool:
        done = sum(pool.map(go_on, range(threads)))
    return done / (time.perf_counter() - begun)


def draw_start(side: int) -> Callable[[int], object]:
    """The start image of an ascent in `natural`."""
    mixtures = GrowthSettings().in_style("natural", margin=True).length_scales
    canvas = (side + MARGIN, side + MARGIN, 3)
    return lambda number: start_image(number, length_scales(number, mixtures), canvas)


def draw_picture(side: int) -> Callable[[int], object]:
    """The picture of a unit with one OIP."""
    oips = np.random.default_rng(0).random((1, side, side, 3), np.float32)
    return lambda number: unit_picture(oips, [1.5], title=f"conv5_block3_out/{number}", verdict="responded")


def main(_: Sequence[str] = ()) -> None:
    """Print milliseconds of one thread, and what all processors' threads make of it."""
    processors = len(os.sched_getaffinity(0))
    print(f"{processors} processors; medians of {ROUNDS} rounds")
    for what, make in (("start image", draw_start), ("picture of a unit", draw_picture)):
        for side in (SIDE, OWN_SIDE):
            work = make(side)
            work(0)
            rates = [(rate(work, 1), rate(work, processors)) for _ in range(ROUNDS)]
            alone = statistics.median(one for one, _ in rates)
            ratio = statistics.median(all_threads / one for one, all_threads in rates)
            print(
                f"{what} of {side} pixels: {1000 / alone:.1f} ms in one thread; {processors} threads: {ratio:.2f} times"
            )
