"""What decides the page of a layer and those of its units: as long as it stays the same, none of them is made again.

Records are there by their keys, for a record never changes. Whatever a page of a layer or a unit shows must follow from
what is listed here: `tests/tasks/gallery/pages/test_layer_facts.py` holds pages that are kept to pages that are new.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from tasks.gallery.pages.layer_view import LayerView
from tasks.gallery.pages.trained import Film
from tasks.gallery.reading.catalogue import Catalogue
from tasks.gallery.reading.lineage import entry, maker_keys, reader_keys
from tasks.gallery.reading.swept import UnitState
from tasks.sweep.measures import TASKS


def layer_facts(
    layer: LayerView,
    around: tuple[LayerView | None, LayerView | None],
    films: Mapping[int, Film],
    dreams: Mapping[str, list[dict[str, Any]]],
) -> str:
    """All of it as JSON.

    Args:
        around: the layers before and after it.
        films: of its units, by their indices.
        dreams: made with units of the network, by unit, as pages show them.
    """
    catalogue, network = layer.catalogue, layer.network
    about = layer.known
    readers = {index: _readers(catalogue, state) for index, state in layer.units.items()}
    return json.dumps(
        {
            "network": [network.identity, network.title, network.name, network.slug, str(network.pixels)],
            "layer": [layer.name, None if about is None else asdict(about)],
            "around": [None if one is None else [one.name, one.address] for one in around],
            "units": [_unit(catalogue, layer.units[index]) for index in layer.indices],
            "responses": layer.responses.keys,
            "others": [
                [one.key for one in catalogue.of_layer(task, network.identity, layer.name)]
                for task in (*TASKS, "layer")
            ],
            "data": [data.record.key for data in layer.data_sets],
            "films": [
                [index, list(film.names.items()), [(number, one.key) for number, one in film.grown.items()]]
                for index, film in films.items()
            ],
            "dreams": [dreams.get(f"{layer.name}/{index}") for index in layer.indices],
            "readers": [(index, keys) for index, keys in readers.items() if keys],
            "read as": {key: entry(catalogue, key) for keys in readers.values() for key in keys},
        },
        sort_keys=True,
    )


def _unit(catalogue: Catalogue, state: UnitState) -> list[Any]:
    grown = None if state.grown is None else state.grown.key
    made_from = [] if state.grown is None else maker_keys(catalogue, state.grown)
    return [state.index, state.state, grown, [one.key for one in state.earlier], state.failure, state.run, made_from]


def _readers(catalogue: Catalogue, state: UnitState) -> list[str]:
    return [] if state.grown is None else reader_keys(catalogue, state.grown)
