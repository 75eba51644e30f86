"""In which order a sweep makes its units, so that whenever its time is over, what is there is worth the most."""

from collections.abc import Iterator

from lib.network.units import Layer, Unit
from lib.oips.growth import Growth
from lib.words import plural
from storage.store import Record
from tasks.sweep.context import MAPS_AT_ONCE, SweepContext
from tasks.sweep.oips import oip_recipe
from tasks.sweep.shown import LONG, need_of

Units = dict[Layer, list[Unit]]
Part = tuple[Layer, list[Unit], bool]
"""Units of a layer that are made in one flow run, and whether they are the last that are wanted of it."""

ROUNDS = 4
"""In so many rounds, at most, the units of a layer are refined, by what they need: in each, a layer is one flow run."""


def find_made(context: SweepContext, units: Units, growth: Growth | None = None) -> Iterator[tuple[Unit, Record]]:
    """The units whose records of a pass are in the store already, one by one: all at once take much memory."""
    for chosen in units.values():
        for unit in chosen:
            record = context.session.find(oip_recipe(context, unit, growth))
            if record is not None:
                yield unit, record


def note_made(context: SweepContext, units: Units) -> None:
    """Let the run have what earlier runs made, in the passes of this sweep and of better quality; a sweep of one pass
    looks at each unit when its turn comes."""
    for growth in (*context.passes, *context.better) if context.lesser else context.better:
        for unit, record in find_made(context, units, growth):
            context.note_oips(str(unit), growth, record, "reused")


def units_left(context: SweepContext, units: Units, growth: Growth) -> Units:
    """The units that neither this pass nor a better one has made."""
    found = {
        layer: [unit for unit in chosen if not context.is_had(str(unit), growth)] for layer, chosen in units.items()
    }
    return {layer: left for layer, left in found.items() if left}


def takes_long(context: SweepContext, units: Units) -> list[Unit]:
    """The units of whose pictures it is known that a search for better ones takes as long as hundreds of others."""
    return [unit for chosen in units.values() for unit in chosen if _need(context, unit)[0] == LONG]


def _need(context: SweepContext, unit: Unit) -> tuple[int, float]:
    """How much a unit's picture needs to be refined, the least the most; one without a picture before all."""
    record = context.shown(str(unit))
    return need_of(record, context.growth.style) if record else (-1, 0.0)


def units_deferred(context: SweepContext, units: Units, is_deferred: bool) -> Units:
    """The units whose search is put off, as it takes long; or all others."""
    found = {
        layer: [unit for unit in chosen if (str(unit) in context.deferred) is is_deferred]
        for layer, chosen in units.items()
    }
    return {layer: some for layer, some in found.items() if some}


def units_not_better(context: SweepContext, units: Units) -> Units:
    """The units of which there is nothing better than what is asked for."""
    if not context.better:
        return units
    first = context.better[0]
    found = {
        layer: [unit for unit in chosen if not context.is_had(str(unit), first)] for layer, chosen in units.items()
    }
    return {layer: rest for layer, rest in found.items() if rest}


def refinements_title(count: int) -> str:
    """What is waiting where so many units have pictures of a lesser quality than was asked for."""
    return f"better pictures of {plural(count, 'map')}"


def fresh_first(units: Units, stale: set[str]) -> list[Part]:
    """A layer after the other; what is `stale` (as `Conv2D_2/17`) comes behind all others."""
    fresh = {layer: [unit for unit in chosen if str(unit) not in stale] for layer, chosen in units.items()}
    rest = {layer: [unit for unit in chosen if str(unit) in stale] for layer, chosen in units.items()}
    parts = [(layer, part, not rest[layer]) for layer, part in fresh.items() if part]
    return parts + [(layer, part, True) for layer, part in rest.items() if part]


def rounds_for(units: int) -> int:
    """In how many rounds so many units of a layer are refined: as many as there are full batches of them."""
    return max(1, min(ROUNDS, units // MAPS_AT_ONCE))


def neediest_first(context: SweepContext, units: Units) -> list[Part]:
    """In rounds through the layers, those units first whose pictures need it the most; those without one before all.

    Each layer is divided by what its units need; a part has its turn when most of its units would have theirs.
    """
    needs = {unit: _need(context, unit) for chosen in units.values() for unit in chosen}
    places = {unit: at for at, unit in enumerate(sorted(needs, key=lambda unit: needs[unit]))}
    found: list[tuple[int, Layer, list[Unit]]] = []
    for layer, chosen in units.items():
        order = sorted(chosen, key=lambda unit: places[unit])
        many = rounds_for(len(order))
        for number in range(many):
            part = set(order[len(order) * number // many : len(order) * (number + 1) // many])
            if part:
                middle = sorted(places[unit] for unit in part)[len(part) // 2]
                found.append((middle * ROUNDS // len(places), layer, [unit for unit in chosen if unit in part]))
    found.sort(key=lambda one: one[0])  # and in each round the layers as they were
    last = {layer: at for at, (_, layer, _) in enumerate(found)}
    return [(layer, part, last[layer] == at) for at, (_, layer, part) in enumerate(found)]
