"""The maps of one pass of a sweep as work for a work pool (`flows.shard`)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from flows.forms.arguments import read_arguments
from flows.forms.shard import ShardParameters, Statistics
from flows.running.joining import about_run
from lib.network.units import Unit, indices_in, ranges_of
from lib.oips.growth import Growth
from storage.runs import How
from tasks.sweep.context import SweepContext
from tasks.sweep.oips import name_of, oip_recipe


class MapWork:
    """Units, made by the flow `oip-shard`, some of one layer a shard."""

    flow = "oip-shard"
    what = "maps"

    def __init__(
        self,
        context: SweepContext,
        growth: Growth,
        gather: Callable[[str], None],
        *,
        maps_per_task: int,
        stalled_after: float,
    ) -> None:
        """`gather` is called with each layer of which no unit is missing any more."""
        self._context = context
        self._growth = growth
        self._gather = gather
        self._layers: dict[str, str] = {}
        self._maps_per_task = maps_per_task
        self._stalled_after = stalled_after

    def title(self, unit: Unit) -> str:
        """The unit's layer, in this pass."""
        title = self._context.title_at(unit.layer, self._growth.quality)
        self._layers[title] = unit.layer
        return title

    def note(self, unit: Unit, how: How) -> bool:
        """Whether the unit is made, or has failed."""
        context = self._context
        if context.tally_at(self._growth.quality).is_done(str(unit)):
            return True
        record = context.session.find(oip_recipe(context, unit, self._growth))
        if record is not None:
            context.note_oips(str(unit), self._growth, record, how)
        return record is not None

    def fail(self, unit: Unit, reason: str) -> None:
        """Note it in this pass."""
        self._context.fail_oips(str(unit), self._growth.quality, reason)

    def finish(self, title: str) -> None:
        """Gather the layer."""
        self._gather(self._layers[title])

    def name(self, units: Sequence[Unit]) -> str:
        """As `Conv2D_2/16-31 (16), draft`."""
        layer = units[0].layer
        return name_of(units) + self.title(units[0]).removeprefix(layer)

    def parameters(self, units: Sequence[Unit]) -> Mapping[str, Any]:
        """What `ShardParameters` hold, but for the store: a worker has that by a name of its own."""
        asked = ShardParameters(
            **about_sweep(self._context, self._stalled_after),
            **about_layer(self._context, units[0].layer, [unit.index for unit in units]),
            quality=self._growth.quality,
            maps_per_task=self._maps_per_task,
        )
        return asked.told()

    def names_in(self, parameters: Mapping[str, Any]) -> Iterable[str]:
        """The units of a shard that grows them as this pass does."""
        other = ShardParameters.read(parameters)
        if other is None:
            return []
        units = [Unit(other.layer, index) for index in indices_in(other.units)]
        own = read_arguments(ShardParameters, None, self.parameters(units))
        return map(str, units) if own.makes_as(other) else []

    def recipes(self, unit: Unit) -> Iterable[str]:
        """That of the unit's OIPs."""
        return [oip_recipe(self._context, unit, self._growth).digest]


def about_sweep(context: SweepContext, stalled_after: float) -> dict[str, Any]:
    """What every shard of a sweep is told: the fields of `SweepShard`, but for the store."""
    return {
        **about_run(context.session, context.network, stalled_after),
        "data_record": context.natural.record if context.natural else None,
        "passes": list(context.passes),
        "batch": context.batch,
    }


def about_layer(context: SweepContext, layer: str, indices: Iterable[int]) -> dict[str, Any]:
    """What a shard is told of some units of a layer: the fields of `LayerPart`."""
    asks = context.natural is not None and context.like_pictures
    return {
        "layer": layer,
        "units": ranges_of(indices),
        "size": context.size_of(layer),
        "statistics": Statistics.of(context.statistics_of(layer)) if asks else None,
    }
