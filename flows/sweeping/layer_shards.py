"""What comes after the maps of each layer of a sweep as work for a work pool (`flows.layer_shard`)."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flows.forms.arguments import read_arguments
from flows.forms.shard import FinishedLayer, LayerShardParameters
from flows.sweeping.map_shards import about_layer, about_sweep
from flows.sweeping.sweep_order import Units
from lib.network.units import Layer, ranges_of
from storage.recipe import Recipe
from storage.runs import How
from storage.store import Record, Store
from tasks.session.progress import say
from tasks.sweep.context import SweepContext
from tasks.sweep.layers import layer_recipe
from tasks.sweep.naturalness import data_likeness, shown_recipe
from tasks.sweep.negatives import negatives_recipes

PROGRESS = "layers"


class LayerWork:
    """Layers, by name, of which all maps are made or have failed, made by the flow `layer-shard`.

    What no worker makes is left to the coordinator, which looks for it when the shards are over.
    """

    flow = "layer-shard"
    what = "layers"

    def __init__(self, context: SweepContext, units: Units, *, large_tensors: bool, stalled_after: float) -> None:
        self._context = context
        self._layers: dict[str, Layer] = {layer.name: layer for layer in units}
        self._indices = {layer.name: [unit.index for unit in chosen] for layer, chosen in units.items()}
        self._large_tensors = large_tensors
        self._stalled_after = stalled_after

    def title(self, layer: str) -> str:
        """All are of one kind."""
        return PROGRESS

    def note(self, layer: str, how: How) -> bool:
        """Whether all is made that comes after the layer's maps; the coordinator notes it in the run."""
        find, indices = self._context.session.find, self._indices[layer]
        negatives = negatives_recipes(self._context, layer, indices, self._layers[layer].units)
        return all(map(find, self._shown_recipes(layer))) and any(map(find, negatives))

    def fail(self, layer: str, reason: str) -> None:
        """Say it: the coordinator does itself what is missing."""
        say(f"{layer}: {reason}: what comes after its maps is made here")

    def finish(self, title: str) -> None:
        """Nothing is made of all layers together."""

    def name(self, layers: Sequence[str]) -> str:
        """As `after Conv2D_2 and 3 more`."""
        return f"after {layers[0]}" + (f" and {len(layers) - 1} more" if len(layers) > 1 else "")

    def parameters(self, layers: Sequence[str]) -> Mapping[str, Any]:
        """What `LayerShardParameters` hold, but for the store: a worker has that by a name of its own."""
        asked = LayerShardParameters(
            **about_sweep(self._context, self._stalled_after),
            layers=list(map(self._part, layers)),
            large_tensors=self._large_tensors,
        )
        return asked.told()

    def names_in(self, parameters: Mapping[str, Any]) -> Iterable[str]:
        """The layers of a shard that makes of the same maps what this sweep would."""
        other = LayerShardParameters.read(parameters)
        if other is None:
            return []
        ours = [part.layer for part in other.layers if part.layer in self._layers]
        if not ours:
            return []
        own = read_arguments(LayerShardParameters, None, self.parameters(ours))
        return [part.layer for part in other.layers if part in own.layers] if own.makes_as(other) else []

    def recipes(self, layer: str) -> Iterable[str]:
        """Those of all that is made of it."""
        negatives = negatives_recipes(self._context, layer, self._indices[layer], self._layers[layer].units)
        return [recipe.digest for recipe in [*self._shown_recipes(layer), *negatives]]

    def in_shards(self, layers: Sequence[str], most: int) -> list[list[str]]:
        """These layers, in their order, some of them together as long as they have no more than so many units."""
        shards: list[list[str]] = []
        room = 0
        for layer in layers:
            units = len(self._indices[layer])
            if units > room:
                shards.append([])
                room = most
            shards[-1].append(layer)
            room -= units
        return shards

    def _part(self, layer: str) -> FinishedLayer:
        context, indices = self._context, self._indices[layer]
        return FinishedLayer(
            **about_layer(context, layer, indices),
            failed=ranges_of(self._failed(layer)) or None,
            made=_write_made(context, layer, indices),
            of=self._layers[layer].units,
            likeness=data_likeness(context, layer) if context.natural else None,
        )

    def _shown_recipes(self, layer: str) -> list[Recipe]:
        """What is made of the maps that the run shows."""
        context, indices = self._context, self._indices[layer]
        gathered = layer_recipe(context, layer, indices, self._failed(layer), self._large_tensors)
        return [gathered, shown_recipe(context, layer, indices)]

    def _failed(self, layer: str) -> list[int]:
        return [index for index in self._indices[layer] if self._context.tally.has_failed(f"{layer}/{index}")]


def _write_made(context: SweepContext, layer: str, indices: Sequence[int]) -> str:
    """The digest of a file of the store with the keys of the records that are shown, by unit: a layer may have
    thousands, which are too many for what a flow run is told."""
    made = context.tally.made
    keys = {unit: made[unit] for unit in (f"{layer}/{index}" for index in indices) if unit in made}
    return context.session.store.put(json.dumps(keys).encode())


def read_made(store: Store, digest: str) -> dict[str, Record]:
    """The records that are shown, by unit. Raises StoreError."""
    keys: dict[str, str] = json.loads(store.get(digest))
    return dict(zip(keys, store.read_records(keys.values()), strict=True))
