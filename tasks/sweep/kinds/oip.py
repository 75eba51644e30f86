"""The OIPs of a unit."""

import json

from lib.network.units import Unit
from lib.pictures.names import safe
from storage.record import Output, Record
from tasks.session.kind import ArtifactKind, Pages

NOT_SHOWN = "oip, not shown"
"""The kind, in a run, of OIPs that others of the same unit are better than: they stay, so that they are made once."""

OWN = ("unit", "layer", "index", "units", "attributes")
"""Parameters in which units and layers of one sweep differ."""


def unit_of(record: Record) -> Unit:
    """The unit whose OIPs these are."""
    return Unit.parse(str(record.parameters["unit"]))


def _file(record: Record, output: Output, title: str | None, ending: str) -> str:
    unit = unit_of(record)
    return f"{safe(unit.layer)}/{safe(unit.layer.rpartition('/')[2])}-{unit.index:03d}{ending}"


def _alike(record: Record) -> str:
    shared = {name: value for name, value in record.parameters.items() if name not in OWN}
    return json.dumps([unit_of(record).layer, shared, record.recipe_inputs], sort_keys=True)


def _page(pages: Pages, record: Record) -> str | None:
    unit = unit_of(record)
    return pages.unit(record.recipe_inputs["model"], unit.layer, unit.index)


KIND = ArtifactKind(
    "oip",
    caption="{unit}",
    page_caption="OIPs of {unit}",
    noun="OIPs of a unit",
    file=_file,
    exported="always",
    counted="map",
    group="OIPs",
    alike=_alike,
    page=_page,
)
