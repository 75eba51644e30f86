"""Pictures of some units of a network, grown as a sweep grows them, and how good they are."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from lib.arrays import Array, Doubles, Floats
    from lib.network.pixels import Pixels
    from lib.oips.growth import Growth
    from lib.oips.measure import Measure
    from lib.responses.exemplars import Exemplars

SIDE = 128
"""Pixels, for a network that takes images of any size."""
BATCH = 16
"""Images a batch, at most: those of a network for photographs are large."""


@dataclass(frozen=True)
class Network:
    """One network: as it was `saved`, and as `model` takes pictures; both see images of `shape`.

    `size`: (height, width) where that is not the network's own.
    """

    saved: Any
    model: Any
    pixels: Pixels
    shape: tuple[int, int, int]
    size: tuple[int, int] | None

    @classmethod
    def open(cls, file: Path, pixels: str, side: int | None) -> Network:
        """Reads a file of Keras; `side` in pixels, None for the network's own or `SIDE`."""
        from lib.network import model_file
        from lib.network.adapt import adapt
        from lib.network.pixels import Pixels

        saved: Any = model_file.load(file.read_bytes())
        height, width, channels = saved.input_shape[1:]
        size = (side or SIDE,) * 2 if side or height is None or width is None else None
        declared = Pixels.parse(pixels)
        height, width = size or (height, width)
        return cls(saved, adapt(saved, declared), declared, (height, width, channels), size)

    def measure(self, layer: str) -> Measure:
        """What measures pictures of this layer's units, as they would be stored."""
        from lib.oips.measure import Measure

        return Measure(self.saved, layer, self.pixels, batch=BATCH, size=self.size)

    def exemplars(self, layers: list[str], photographs: Floats) -> dict[str, Exemplars]:
        """The photographs that each unit of some layers responds to most."""
        from lib.oips.constraint import Constraint
        from lib.responses.exemplars import find_exemplars
        from tasks.model.pixels import PICTURES

        box = Constraint("box", *PICTURES)
        return find_exemplars(self.model, layers, photographs, box, batch=BATCH, size=self.size)


@dataclass(frozen=True)
class Drawn:
    """Pictures of some units, one each, within 0..1: [n, H, W, C]; with the processor time, in seconds, and the
    image-steps that one took on the mean. Photographs took none."""

    images: Floats
    seconds: float = float("nan")
    image_steps: float = float("nan")


@dataclass(frozen=True)
class Quality:
    """Of one picture a unit, [n] each. `kept`: shares of the response by move."""

    response: Doubles
    kept: dict[Any, Doubles]
    fine: Doubles
    colour: Doubles


def draw_units(
    model: Any, exemplars: dict[str, Exemplars], patterns: list[str] | None, number: int, seed: int
) -> dict[str, list[int]]:
    """So many units by layer, as evenly as can be, drawn among those that some photograph makes respond."""
    from lib.network.units import select_units

    rng = np.random.default_rng(seed)
    selected = select_units(model, patterns)
    drawn = {}
    for at, (layer, indices) in enumerate(selected.items()):
        active = [index for index in indices if exemplars[layer.name].responses[index, 0] > 0]
        wanted = number // len(selected) + (at < number % len(selected))
        drawn[layer.name] = sorted(rng.choice(active, min(wanted, len(active)), replace=False).tolist())
    return {layer: units for layer, units in drawn.items() if units}


def grow(
    network: Network, layer: str, units: list[int], growth: Growth, photographs: Floats, *, bfloat16: bool = True
) -> Drawn:
    """The best picture of each unit in the growth's style, after one search; its time includes what is traced for it,
    and not what is known of the photographs. `bfloat16`: whether it may be used, where the processor is fast at it.

    A sweep follows this up where a doubt is left; here every unit gets the same.
    """
    from lib.network.units import Unit
    from lib.oips.ascent import Ascent
    from lib.oips.batcher import Batcher
    from lib.oips.constraint import Constraint
    from lib.oips.matching import matches_exemplars, matching_of
    from lib.oips.photographs import measure_pictures
    from lib.oips.rounding import kernels_for
    from lib.oips.search import Ground, Search, search_unit
    from lib.oips.style import STYLES
    from tasks.model.pixels import PICTURES

    constraint, matching, size = Constraint(growth.constraint, *PICTURES), None, network.size
    if matches_exemplars(network.model, layer, growth):
        found = network.exemplars([layer], photographs)[layer]
        known = (photographs, found.numbers, found.responses)
        matching = matching_of(network.model, layer, *known, growth, constraint, batch=BATCH, size=size)
    pictures = measure_pictures(photographs)
    begun = time.process_time()
    images = len(units) * growth.starts
    batch = -(-images // -(-images // BATCH))  # as few batches as may be, and none of them padded much
    ascent = Ascent(
        network.model,
        layer,
        constraint,
        objectives=[growth.objective],
        parameterise=STYLES[growth.style].parameterise(growth, pictures),
        matching=matching,
        batch=batch,
        size=size,
        kernels=kernels_for(growth, bfloat16=bfloat16),
    )
    with Batcher(ascent, batch) as batcher, ThreadPoolExecutor(len(units)) as threads:
        ground = Ground(batcher, ascent.starts, ascent.measure, ascent.parameterisation, ascent.signed_units)

        def search(index: int) -> Search:
            # whoever is told that a unit is dead searches for it once
            return search_unit(Unit(layer, index), growth, lambda *_: ground, lambda _: None, dead=True)[0]

        searches = list(threads.map(search, units))
    seconds = time.process_time() - begun
    return Drawn(
        np.stack([search.oips[0].image for search in searches]),
        seconds / len(units),
        float(np.mean([search.image_steps for search in searches])),
    )


def quality_of(measure: Measure, images: Array, units: list[int]) -> Quality:
    """How good pictures [n, H, W, C] of these units are."""
    from lib.naturalness.kept import kept_shares
    from lib.naturalness.likeness import colour_shares, fine_shares

    response = np.asarray(measure(images, units)[0], np.float64)
    return Quality(response, kept_shares(measure, images, units), fine_shares(images), colour_shares(images))
