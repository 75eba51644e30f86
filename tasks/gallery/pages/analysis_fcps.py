"""Pages of FCPs: what the images of two classes have in common in one layer, and how far that goes."""

from collections.abc import Mapping
from typing import Any

from lib.gallery.addresses import INDEX, layer_page, network_page, unit_page
from lib.gallery.rendering import Page
from lib.network.units import Unit
from storage.record import Record
from tasks.analysis.kinds.fcps import KIND as FCPS
from tasks.gallery.folder.site import Site
from tasks.gallery.pages.predicted import PredictedSet
from tasks.gallery.pages.previews import download, stored_png
from tasks.gallery.reading.analysed import HOME, Analysis, Meant, meant, read_json_output
from tasks.gallery.reading.catalogue import Catalogue
from tasks.gallery.reading.lineage import lineage_of
from tasks.gallery.reading.networks import StoredNetwork
from tasks.model.pixels import pixels_of

MOST = 200
"""FCPs of one kind that are listed."""

Said = dict[str, Any]


def put_fcps(
    catalogue: Catalogue, site: Site, network: StoredNetwork, analysis: Analysis, sets: Mapping[Meant, PredictedSet]
) -> list[Said]:
    """Put a page for every comparison. Returns what a list of them says of each."""
    found = []
    for record in analysis.of(FCPS):
        said = read_json_output(catalogue.store, record, "summary")
        _put(catalogue, site, network, analysis, sets, record, said)
        first, second = (group["name"] for group in said["groups"])
        found.append(
            {
                "address": f"{analysis.result(record)}/{INDEX}",
                "layer": said["layer"],
                "first": first,
                "second": second,
                "counts": said["counts"],
                "accuracy": said["accuracy"],
            }
        )
    return found


def _put(
    catalogue: Catalogue,
    site: Site,
    network: StoredNetwork,
    analysis: Analysis,
    sets: Mapping[Meant, PredictedSet],
    record: Record,
    said: Said,
) -> None:
    folder, layer = analysis.result(record), said["layer"]
    first, second = (group["name"] for group in said["groups"])
    swept = catalogue.units(network.identity)
    groups = [*said["groups"], {"name": "Unclear images", "images": [one["image"] for one in said["unclear"]]}]
    context = {
        "crumbs": [
            ("Decisions", HOME),
            (analysis.title, analysis.address),
            (f"FCPs of {layer}", None),
        ],
        "network": {"title": analysis.title, "address": network_page(network.slug)},
        "home": analysis.address,
        "wrong": network.wrong_pixels(pixels_of(record.parameters)),
        "layer": {"name": layer, "address": layer_page(network.slug, layer) if layer in swept else None},
        "first": first,
        "second": second,
        "counts": said["counts"],
        "threshold": said["threshold"],
        "level": said["level"],
        "accuracy": said["accuracy"],
        "picture": stored_png(site, catalogue.store, record.output("picture").digest),
        "groups": [
            {"name": group["name"], "images": [_card(sets, analysis, record, name) for name in group["images"]]}
            for group in groups
            if group["images"]
        ],
        "unclear": said["unclear"],
        "classes": said["classes"],
        "positions": any(pattern["position"] for pattern in said["patterns"]),
        "patterns": _patterns(catalogue, network, said, first, second),
        "parameters": {
            name: value for name, value in record.parameters.items() if name not in ("groups", "unclear", "classes")
        },
        "lineage": lineage_of(catalogue, record),
        "downloads": [
            file
            for file in (
                download(site, catalogue.store, record.output("picture"), f"{folder}/fcps.png", "the picture, as PNG"),
                download(site, catalogue.store, record.output("patterns"), f"{folder}/fcps.h5", "patterns, as HDF5"),
            )
            if file is not None
        ],
    }
    site.put(Page(f"{folder}/{INDEX}", "fcps.html.j2", context))


def _patterns(catalogue: Catalogue, network: StoredNetwork, said: Said, first: str, second: str) -> list[Said]:
    """The FCPs by kind, each with the share of the images of every class in which it is active."""
    swept = catalogue.units(network.identity)
    titles = {"only_first": f"of {first} only", "only_second": f"of {second} only", "both": "of both"}
    found = []
    for kind, title in titles.items():
        alike = [pattern for pattern in said["patterns"] if pattern["kind"] == kind]
        rows = []
        for pattern in alike[:MOST]:
            unit = Unit.parse(pattern["unit"])
            page = unit_page(network.slug, unit.layer, unit.index) if unit.index in swept.get(unit.layer, {}) else None
            rows.append(
                {
                    "unit": pattern["unit"],
                    "address": page,
                    "position": pattern["position"],
                    "shares": [pattern["shares"].get(name) for name in said["classes"]],
                }
            )
        if rows:
            found.append({"title": title, "total": len(alike), "rows": rows, "open": kind != "both"})
    return found


def _card(sets: Mapping[Meant, PredictedSet], analysis: Analysis, record: Record, name: str) -> Said:
    """An image of a group; the set that it is of knows what it looks like."""
    kind, _, number = name.partition("/")
    if number.isdigit() and (known := sets.get(meant(record, kind))) is not None:
        return known.card(int(number))
    nothing: Said = dict.fromkeys(("picture", "label", "called", "margin"))
    return {**nothing, "name": name, "wrong": False, "address": analysis.image(meant(record, name))}
