"""All layers of a network in one table: what each puts out, how it sees the image, and whether it was swept."""

from collections.abc import Mapping
from typing import TypedDict

from tasks.gallery.pages.layer_view import LayerView
from tasks.gallery.reading.catalogue import Catalogue
from tasks.gallery.reading.networks import StoredNetwork
from tasks.model.layers import LayerTable
from tasks.sweep.image_steps import milliseconds

OPEN = 30
"""Layers up to which the table is not folded."""


class LayerLine(TypedDict):
    """A layer as a row. `field`: what a position sees of the image, None where that is all of it, or unknown."""

    name: str
    address: str | None
    type: str
    output: str
    units: int | None
    field: str | None
    milliseconds: float | None
    swept: bool


class AllLayers(TypedDict):
    """The table. `known`: whether receptive fields and what is swept by default are; else these have no columns.

    `timed`: whether the time of an image-step is known of any layer; `maps`, `layers`: what is swept by default.
    """

    rows: list[LayerLine]
    known: bool
    timed: bool
    open: bool
    layers: int
    maps: int


def all_layers(catalogue: Catalogue, network: StoredNetwork, views: Mapping[str, LayerView]) -> AllLayers | None:
    """The table of a network; None where nothing is known of its layers."""
    searches = (one.searched for one in catalogue.grown.values() if one.identity == network.identity)
    times = milliseconds(searches)
    rows = _stored(network.table) if network.table else _described(network)
    for row in rows:
        row["address"] = views[row["name"]].address if row["name"] in views else None
        row["milliseconds"] = times.get(row["name"])
    if not rows:
        return None
    swept = [row for row in rows if row["swept"]]
    return {
        "rows": rows,
        "known": network.table is not None,
        "timed": any(row["milliseconds"] is not None for row in rows),
        "open": len(rows) <= OPEN,
        "layers": len(swept),
        "maps": sum(row["units"] or 0 for row in swept),
    }


def _stored(table: LayerTable) -> list[LayerLine]:
    return [
        {
            "name": layer["name"],
            "address": None,
            "type": layer["type"],
            "output": _by_sides([*(layer["size"] or []), layer["units"]]),
            "units": layer["units"],
            "field": _by_sides(layer["receptive_field"]) if layer["receptive_field"] else None,
            "milliseconds": None,
            "swept": layer["swept"],
        }
        for layer in table["layers"]
    ]


def _described(network: StoredNetwork) -> list[LayerLine]:
    """What the network's file says, where no table was stored with it."""
    return [
        {
            "name": layer.name,
            "address": None,
            "type": layer.kind,
            "output": _by_sides(layer.shape) if layer.shape else "",
            "units": layer.units,
            "field": None,
            "milliseconds": None,
            "swept": False,
        }
        for layer in network.layers
        if layer.units
    ]


def _by_sides(sides: "list[float] | list[int | None] | tuple[int | None, ...]") -> str:
    return "×".join("any" if side is None else f"{side:g}" for side in sides)
