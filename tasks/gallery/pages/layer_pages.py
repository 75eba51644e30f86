"""The page of every layer: all of its units as a grid. And a page for each of these."""

from typing import TypedDict

from lib.gallery.addresses import START, network_page, segment
from lib.gallery.rendering import Page
from lib.verdict_colours import VERDICTS
from storage.errors import StoreError
from storage.record import Record
from tasks.gallery.folder.site import Site
from tasks.gallery.folder.stored import stored
from tasks.gallery.pages.layer_facts import layer_facts
from tasks.gallery.pages.layer_view import Cell, DataName, LayerView, NetworkName, data_name, layers_of
from tasks.gallery.pages.network_summary import NetworkLink
from tasks.gallery.pages.trained import films_of, training_page
from tasks.gallery.pages.unit_pages import dreams_of, put_units
from tasks.gallery.reading.catalogue import Catalogue
from tasks.gallery.reading.networks import StoredNetwork
from tasks.gallery.reading.responses import Field
from tasks.sweep.measures import MEASURES


class MeasureRow(TypedDict):
    """One measure of how good pictures are: its name and title, and the word before it in the grid, where it has one.

    `shares`: of the layer's units, None of one that has none; `data`: the same of the data set's own images.
    """

    name: str
    title: str
    cell: str
    shares: list[float | None]
    data: float | None


class LayerContext(TypedDict):
    """What the template `layer.html.j2` shows. `field`: the receptive field; `seen`: the size of the images that it
    holds for, None for the network's own; `missing`: units that were never swept.
    `never`: how many no image of the data set makes respond.

    `previous`, `next`: the layers beside it; `states`, `classes`: by which its units can be chosen; `ratios`: whether
    any is known; `measures`: how good its pictures are; `through`, `sheet`: addresses of its units through training,
    and of its contact sheet.
    """

    network: NetworkName
    crumbs: list[list[str | None]]
    up: str
    previous: NetworkLink | None
    next: NetworkLink | None
    layer: str
    kind: str
    about: str
    shape: list[int | None] | None
    field: Field | None
    seen: list[int] | None
    verdicts: dict[str, int]
    never: int | None
    cells: list[Cell]
    missing: int
    states: list[str]
    classes: list[str]
    ratios: bool
    measures: list[MeasureRow]
    data: DataName | None
    wrong: list[str]
    through: str | None
    sheet: str | None


def pages(catalogue: Catalogue, site: Site) -> None:
    """Put the page of every layer that was swept, or was to be, and those of its units."""
    for network in catalogue.networks:
        films = films_of(catalogue, network)
        dreams = dreams_of(catalogue, site, network)
        layers = layers_of(catalogue, network)
        for place, layer in enumerate(layers):
            around = (layers[place - 1] if place else None, layers[place + 1] if place + 1 < len(layers) else None)
            through = training_page(network.slug, layer.name) if films.get(layer.name) else None
            of_units = films.get(layer.name, {})
            with site.part(layer.address, layer_facts(layer, around, of_units, dreams)) as there:
                if not there:
                    site.put(Page(layer.address, "layer.html.j2", _contents(site, layer, around, through)))
                    put_units(site, layer, dreams, of_units)
                    if not layer.whole:
                        site.left_out()


def _contents(
    site: Site, layer: LayerView, around: tuple[LayerView | None, LayerView | None], through: str | None
) -> LayerContext:
    network, known = layer.network, layer.known
    cells = [layer.cell(site, layer.units[index]) for index in layer.indices]
    preferred = {cell["preferred"] for cell in cells} - {None}
    everyone = known.units if known else None
    before, after = around
    return {
        "network": {"title": network.title, "name": network.name, "slug": network.slug},
        "crumbs": [["Networks", START], [network.title, network_page(network.slug)], [layer.name, None]],
        "up": network_page(network.slug),
        "previous": None if before is None else {"title": before.name, "address": before.address},
        "next": None if after is None else {"title": after.name, "address": after.address},
        "layer": layer.name,
        "kind": known.kind if known else "",
        "about": known.about if known else "",
        "shape": list(known.shape) if known and known.shape else None,
        "field": layer.responses.receptive_field,
        "seen": layer.responses.image_size,
        "verdicts": layer.verdicts,
        "never": layer.never,
        "cells": cells,
        "wrong": sorted({text for cell in cells if (text := cell["wrong"])}),
        "missing": max(0, everyone - len(cells)) if everyone else 0,
        "states": [state for state in VERDICTS if state in layer.verdicts],
        "classes": [name for name in layer.responses.classes if name in preferred],
        "ratios": any(cell["ratio"] is not None for cell in cells),
        "measures": _measures(layer),
        "data": data_name(layer.data) if layer.data else None,
        "through": through,
        "sheet": _sheet(layer.catalogue, site, network, layer),
    }


def _measures(layer: LayerView) -> list[MeasureRow]:
    """Those of which any unit has a value."""
    units = [layer.measures(layer.units[index]) for index in layer.indices]
    rows: list[MeasureRow] = []
    for measure in MEASURES:
        told = [unit[measure.name] for unit in units if measure.name in unit]
        shares = [one["value"] for one in told]
        if any(share is not None for share in shares):
            data = next((one["data"] for one in told if "data" in one), None)
            row = MeasureRow(name=measure.name, title=measure.title, cell=measure.cell, shares=shares, data=data)
            rows.append(row)
    return rows


def _sheet(catalogue: Catalogue, site: Site, network: StoredNetwork, layer: LayerView) -> str | None:
    """The contact sheet that shows most of the layer, the latest of these, to be taken away."""
    made = catalogue.of_layer("layer", network.identity, layer.name)
    if not made:
        return None

    def units(record: Record) -> tuple[int, str]:
        shown = record.parameters["units"]
        return len(shown) if isinstance(shown, list) else 0, record.ended

    digest = max(made, key=units).output("sheet").digest
    try:
        address = f"{network.slug}/{segment(layer.name)}/sheet.png"
        return site.file(address, stored(catalogue.store, digest), digest)
    except StoreError:
        return None
