"""What a sweep will take at each quality, told before it begins: from what an image-step of each layer takes here.

Everything is counted as it is computed: batches that are not full are padded, results that are there cost nothing, and
a search that leaves a doubt goes on. How often searches do, what a unit costs besides, and bytes, are measured on the
networks of `python -m benchmarks plan`.
"""

import copy
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from lib.network.units import Layer, Unit
from lib.oips.growth import Growth, QualityName
from lib.oips.measure import padded_size
from lib.oips.negatives import STARTS as NEGATIVES
from lib.oips.negatives import stages_of as negative_stages
from lib.oips.search import stages_of
from tasks.sweep.context import MAPS_AT_ONCE, SweepContext, batch_for, stored_as
from tasks.sweep.exemplars import pass_recipes
from tasks.sweep.negatives import negatives_recipes
from tasks.sweep.oips import oip_recipe
from tasks.sweep.open_layers import LAYERS_OPEN
from tasks.sweep.timing import Timing, work_ahead

FURTHER = {"strong": 1.7, "clean": 1.7}
"""Image-steps of all searches of a unit over those of its first one, by style, where no result tells."""
FURTHER_ELSE = 1.1
UNIT_SECONDS = 0.06
"""CPU seconds that a unit takes besides: its task run, its picture, storing both, and its part of the layer's sheet."""
PIXEL_SECONDS = 4e-7
"""The same for each number of an image that is kept, drawn or moved."""
MOVED = 12
"""So many times is an image looked at to tell how natural it is (`lib.naturalness.kept`)."""
SURVEYED_SECONDS = 2.5e-7
"""CPU seconds to note the response of one unit to one image of the data set."""
UNIT_BYTES = 12_000
"""Of a unit's records, and of what its picture has besides images."""
PICTURE_BYTES = 2.0
"""Of each number of an image, as it is drawn."""
COPIES = 2
"""An image is stored for its unit, and once more where the layer is gathered."""


WORTH_TIMING = 100
"""Maps: of a network of usual size a sweep of fewer is over before it is told how long it takes."""
_WORTH_SECONDS = 600.0
"""The same of any network: a sweep that takes as long as this on one fast core is timed, however few maps it has."""
_OPERATIONS_A_SECOND = 5e10
"""Of a fast core: it tells no time, only that it takes at least as long as this."""
_BOTH_WAYS = 3.0
"""The way forwards and back takes so many times as long as that forwards."""


@dataclass(frozen=True)
class Cost:
    """`missing`: maps that are to be made; seconds of CPU time, and by the clock; bytes that are stored."""

    missing: int = 0
    cpu: float = 0.0
    wall: float = 0.0
    size: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return Cost(*(one + another for one, another in pairs))


@dataclass(frozen=True)
class Pass:
    """One way through all layers: what each costs, in the order in which they are swept."""

    quality: QualityName
    layers: Mapping[str, Cost]

    @property
    def cost(self) -> Cost:
        """Of all layers."""
        return sum(self.layers.values(), Cost())


@dataclass(frozen=True)
class Estimate:
    """What a sweep to one quality takes: what comes before its passes, these, and what comes behind them."""

    before: Cost
    passes: tuple[Pass, ...]
    behind: Cost

    @property
    def cost(self) -> Cost:
        """Of all that is missing; its `missing` are the maps that the last pass has to make."""
        whole = sum((one.cost for one in self.passes), self.before + self.behind)
        return Cost(self.passes[-1].cost.missing, whole.cpu, whole.wall, whole.size)

    def fits(self, seconds: float) -> dict[QualityName, int]:
        """How many maps each pass makes in so many seconds, by the clock."""
        left, found = seconds - self.before.wall, {}
        for one in self.passes:
            made = 0
            for cost in one.layers.values():
                if cost.missing and left > 0:
                    some = min(cost.missing, math.floor(left * cost.missing / max(cost.wall, 1e-9)))
                    made += some
                    left -= cost.wall
            found[one.quality] = made
        return found


def once(_: int) -> int:
    """Whatever there is of a layer is refined in one go."""
    return 1


def estimate(
    context: SweepContext,
    units: Mapping[Layer, Sequence[Unit]],
    growths: Sequence[Growth],
    timings: Mapping[str, Timing],
    *,
    maps_per_task: int = 1,
    rounds: Callable[[int], int] = once,
) -> Estimate:
    """What a sweep of these units takes whose passes grow them so, the last one to the quality that is asked for.

    Args:
        timings: what each layer takes.
        rounds: in how many parts so many units of a layer are refined, behind their drafts.
    """
    found = [_steps_taken(context, growth, units) for growth in growths]
    batch = batch_for(growths[-1], context.batch)
    better: set[Unit] = set()
    passes: list[Pass] = []
    turns: Counter[str] = Counter()
    for number, growth in reversed(list(enumerate(growths))):
        better |= set(found[number])  # what is there already, or better, needs no draft
        further = _further(growth, found[number].values())
        layers = {}
        for layer, chosen in units.items():
            missing = sum(unit not in better for unit in chosen)
            many = rounds(missing) if number else 1
            turns[layer.name] += many if missing else 0
            parts = _parts(missing, many, maps_per_task)
            numbers = growth.oips * _numbers(context, layer)
            layers[layer.name] = _grown(growth, parts, batch, timings[layer.name], further, numbers)
        passes.append(Pass(growth.quality, layers))
    before, behind = _exemplars(context, units, timings), Cost()
    for layer, chosen in units.items():
        behind += _besides(context, growths[-1], layer, chosen, timings[layer.name], _built(turns[layer.name], units))
    return Estimate(before, tuple(reversed(passes)), behind)


def left_to_make(context: SweepContext, growth: Growth, units: Mapping[Layer, Sequence[Unit]]) -> int:
    """How many of the units are not there yet, grown so."""
    return sum(map(len, units.values())) - len(_steps_taken(context, growth, units))


def is_worth_timing(context: SweepContext, growths: Sequence[Growth], units: Mapping[Layer, Sequence[Unit]]) -> bool:
    """Whether a sweep of these units, in passes that grow them so, is to be timed before it begins: where it has many
    maps, or such a network that few of them take long as well, told from its work alone."""
    missing = left_to_make(context, growths[-1], units)
    if missing >= WORTH_TIMING or not missing:
        return missing > 0
    work = work_ahead(context, [layer.name for layer in units])
    steps = sum(steps * images for growth in growths for steps, images in stages_of(growth))
    mean = sum(work[layer.name].operations * len(chosen) for layer, chosen in units.items())
    mean /= sum(map(len, units.values()))
    return missing * steps * _BOTH_WAYS * mean / _OPERATIONS_A_SECOND > _WORTH_SECONDS


def _steps_taken(
    context: SweepContext, growth: Growth, units: Mapping[Layer, Sequence[Unit]]
) -> dict[Unit, int | None]:
    """The units that are there, grown so, with the image-steps of all their searches, where that is known."""
    own = _growing(context, growth)
    session = context.session
    found: dict[Unit, int | None] = {}
    for unit in (unit for chosen in units.values() for unit in chosen):
        record = session.listing.find(oip_recipe(own, unit), changes=session.code["changes"])
        if record is not None:
            steps = record.output("oips").attributes.get("image_steps")
            found[unit] = steps if isinstance(steps, int) else None
    return found


def _growing(context: SweepContext, growth: Growth) -> SweepContext:
    """The same for recipes, were units grown so."""
    own = copy.copy(context)
    own.growth = growth
    return own


def _further(growth: Growth, taken: Iterable[int | None]) -> float:
    """Image-steps of all searches over those of the first: of what is there of it, or else as it is elsewhere."""
    if growth.quality == "draft":
        return 1.0
    first = sum(steps * images for steps, images in stages_of(growth))
    steps = [one for one in taken if one is not None]
    if steps:
        return max(1.0, sum(steps) / len(steps) / first)
    return FURTHER.get(growth.style, FURTHER_ELSE)


def _parts(units: int, rounds: int, maps_per_task: int) -> list[int]:
    """How many units of a layer go on together, one lot after the other."""
    found: list[int] = []
    for number in range(rounds):
        part = units * (number + 1) // rounds - units * number // rounds
        found += _lots(part, min(MAPS_AT_ONCE, math.ceil(part / maps_per_task)))
    return found


def _lots(units: int, at_once: int) -> list[int]:
    whole, rest = divmod(units, at_once) if units else (0, 0)
    return [at_once] * whole + ([rest] if rest else [])


def _grown(growth: Growth, parts: Sequence[int], batch: int, timing: Timing, further: float, numbers: int) -> Cost:
    """The OIPs of some units of a layer in one pass, so many at a time; `numbers` are those of a unit's images."""
    units = sum(parts)
    if not units:
        return Cost()
    stages = stages_of(growth)
    climbing = sum(_climbing([(steps, many * images) for steps, images in stages], batch, timing) for many in parts)
    cpu = further * (climbing + units * growth.starts * timing.start)
    cpu += units * _computed(1, batch) * timing.measured
    cpu += units * (UNIT_SECONDS + PIXEL_SECONDS * numbers)
    each = COPIES * stored_as(growth).itemsize + PICTURE_BYTES
    return Cost(units, *_both(cpu, timing, 0.0), units * (UNIT_BYTES + numbers * each))


def _climbing(stages: Iterable[tuple[int, int]], batch: int, timing: Timing) -> float:
    """CPU seconds of stages of so many steps with so many images: batches are padded, and looked at when they end."""
    return sum(_computed(images, batch) * (steps * timing.step + timing.measured) for steps, images in stages)


def _computed(images: int, batch: int) -> int:
    """How many images are computed where some are wanted."""
    whole, rest = divmod(images, batch)
    return whole * batch + (padded_size(rest, batch) if rest else 0)


def _exemplars(context: SweepContext, units: Mapping[Layer, Sequence[Unit]], timings: Mapping[str, Timing]) -> Cost:
    """The pass over the data set, with all layers that are not there yet: one for each size of images."""
    session, natural = context.session, context.natural
    missing = {
        layer.name: layer.units
        for layer in units
        if any(
            session.listing.find(recipe, changes=session.code["changes"]) is None
            for recipe in pass_recipes(context, layer.name)
        )
    }
    whole = Cost()
    if natural is None:
        return whole
    images = len(natural.images)
    for alike in context.by_size(list(missing)).values():
        deepest = max((timings[layer] for layer in alike), key=lambda timing: timing.measured)
        every = sum(missing[layer] for layer in alike)
        shown = min(images, 9 * every) if natural.labels is not None else 0
        cpu = (images + shown) * deepest.measured + images * every * SURVEYED_SECONDS
        whole += Cost(0, *_both(cpu, deepest, 0.0), 0.0)
    return whole


def _built(turns: int, units: Mapping[Layer, Sequence[Unit]]) -> int:
    """How often the ascent of a layer is built that has so many turns: of many layers few are kept ready until the next
    one, and until it is measured how natural the pictures are."""
    return min(turns, 1) if len(units) <= LAYERS_OPEN else turns + min(turns, 1)


def _besides(
    context: SweepContext, growth: Growth, layer: Layer, chosen: Sequence[Unit], timing: Timing, built: int
) -> Cost:
    """What a layer takes besides its OIPs, where some are new: its ascent is `built` so often, and it is measured how
    natural they are. And its negative OIPs, where they are missing."""
    own, session = _growing(context, growth), context.session
    batch, numbers = batch_for(growth, context.batch), _numbers(context, layer)
    cpu = ready = size = 0.0
    if built:
        ready += built * timing.ready
        cpu += MOVED * _computed(len(chosen), batch) * timing.measured
        cpu += len(chosen) * MOVED * numbers * PIXEL_SECONDS
    recipes = negatives_recipes(own, layer.name, [unit.index for unit in chosen], layer.units)
    if all(session.listing.find(recipe, changes=session.code["changes"]) is None for recipe in recipes):
        for many in _lots(len(chosen), context.batch):
            cpu += _climbing(negative_stages(many, growth), batch, timing)
            cpu += _computed(many, batch) * timing.measured
        cpu += len(chosen) * min(NEGATIVES, growth.starts) * timing.start
        ready, size = ready + timing.ready, float(stored_as(growth).itemsize * numbers * len(chosen))
    return Cost(0, *_both(cpu, timing, ready), size)


def _numbers(context: SweepContext, layer: Layer) -> int:
    """Of an image of a layer."""
    return math.prod((*context.sides_of(layer.name), context.network.model.input_shape[3]))


def _both(cpu: float, timing: Timing, ready: float) -> tuple[float, float]:
    """CPU seconds and those by the clock: what is built runs on one processor, all else as image-steps do."""
    return cpu + ready, cpu * timing.step_wall / max(timing.step, 1e-12) + ready
