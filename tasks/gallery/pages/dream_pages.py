"""Pages of dreams: each beside its picture, with its passes and what made it; sheets of tours; and all of a store."""

from collections.abc import Iterable

from lib.gallery.addresses import INDEX, layer_page, network_page, unit_page
from lib.gallery.rendering import Page
from lib.words import parameter
from storage.record import Record
from tasks.dream.kinds.dream import KIND as DREAM
from tasks.dream.pieces import DreamCurves, gain_of
from tasks.gallery.folder.site import Site
from tasks.gallery.pages.dream_cards import (
    Aim,
    DreamCard,
    FilmFile,
    Linked,
    ListedRun,
    Neighbours,
    PassFrame,
    TourParameters,
)
from tasks.gallery.pages.previews import Download, download, preview_of
from tasks.gallery.pages.section import Section
from tasks.gallery.reading.catalogue import Catalogue
from tasks.gallery.reading.dreamed import DreamRun, StoredDream, Tour
from tasks.gallery.reading.lineage import lineage_of, list_users
from tasks.gallery.reading.networks import StoredNetwork
from tasks.model.pixels import pixels_of
from tasks.session.attributes import read_as

HOME = f"dreams/{INDEX}"
SECTION = Section("Dreams", HOME, 2)
THUMBNAIL = 320
"""Pixels of the longer side of a picture among others."""
SMALL = 480
"""Pixels of the longer side below which a dream is shown enlarged."""

_ENDINGS = {"image/gif": ".gif", "image/webp": ".webp", "video/mp4": ".mp4"}


def pages(catalogue: Catalogue, site: Site) -> None:
    """Put the page of every dream and of every tour's sheet, and the list of all of them."""
    for run in catalogue.dreams:
        for dream in run.dreams:
            _put_dream(catalogue, site, dream, _neighbours(run, dream))
        for tour in run.tours:
            _put_tour(catalogue, site, tour, run)
    site.put(Page(HOME, "dreams.html.j2", {"runs": _fold(_listed(catalogue, site, run) for run in catalogue.dreams)}))


def _fold(runs: Iterable[ListedRun]) -> list[ListedRun]:
    """Runs without news that follow each other are one, which says what the latest of them says."""
    found: list[ListedRun] = []
    for run in runs:
        if run["quiet"] and found and found[-1]["quiet"]:
            found[-1]["quiet"] += 1
            found[-1]["since"] = run["when"]
        else:
            found.append(run)
    return found


def _listed(catalogue: Catalogue, site: Site, one: DreamRun) -> ListedRun:
    summary = one.run.summary
    left = summary.get("left") or 0
    news = one.dreams or one.tours or one.run.failures or left or one.run.state != "completed"
    toured = {(tour.picture, tour.layer) for tour in one.tours}
    return {
        "quiet": 0 if news else 1,
        "since": one.run.opened,
        "run": one.run.id,
        "address": catalogue.run_addresses.get(one.run.id),
        "when": one.run.opened,
        "state": one.run.state,
        "model": _model(catalogue, one.dreams[0].record) if one.dreams else None,
        "objective": summary.get("objective"),
        "mode": summary.get("mode"),
        "again": one.again,
        "left": left,
        "failures": sorted(one.run.failures.items()),
        # a map's dream stands on the page of its tour, where there is a sheet of that
        "dreams": [_card(catalogue, site, dream) for dream in one.dreams if (dream.picture, dream.layer) not in toured],
        "tours": [
            {
                "picture": tour.picture,
                "layer": tour.layer,
                "address": tour.address,
                "thumbnail": preview_of(site, catalogue.store, tour.record.output("sheet").digest, 2 * THUMBNAIL),
            }
            for tour in one.tours
        ],
    }


def _card(catalogue: Catalogue, site: Site, dream: StoredDream) -> DreamCard:
    return {
        "title": dream.title,
        "picture": dream.picture,
        "unit": dream.unit,
        "passes": len(dream.passes),
        "address": dream.address,
        "thumbnail": preview_of(site, catalogue.store, dream.record.output("picture").digest, THUMBNAIL),
    }


def _put_dream(catalogue: Catalogue, site: Site, dream: StoredDream, neighbours: Neighbours) -> None:
    store, record = catalogue.store, dream.record
    output = record.output("picture")
    frames, height, width, _ = output.shape or (1, 1, 1, 1)
    roles = {item.role: item.digest for item in record.inputs}
    network = catalogue.network(record.recipe_inputs["model"])
    context = {
        "crumbs": [("Dreams", HOME), (dream.title, None)],
        "title": dream.title,
        "picture": dream.picture,
        "unit": dream.unit,
        "objective": _objective(catalogue, record),
        "mode": record.parameters["mode"],
        "model": _model(catalogue, record),
        "when": record.ended,
        "wrong": network.wrong_pixels(pixels_of(record.parameters)) if network else None,
        "frames": frames,
        "small": max(width, height) < SMALL,
        "before": preview_of(site, store, dream.original),
        "after": preview_of(site, store, output.digest),
        "mask": preview_of(site, store, roles["mask"], THUMBNAIL) if "mask" in roles else None,
        "guide": preview_of(site, store, roles["guide"], THUMBNAIL) if "guide" in roles else None,
        "passes": _passes(catalogue, site, dream),
        "moved": _moved(record),
        "film": _film(catalogue, site, dream),
        "strip": preview_of(site, store, strip) if (strip := _digest(record, "strip")) else None,
        "climbs": _climbs(record),
        "gain": gain_of(record),
        "parameters": dict(sorted(record.parameters.items())),
        "run": dream.run.id,
        "lineage": lineage_of(catalogue, record),
        "downloads": _downloads(catalogue, site, dream),
        **neighbours,
    }
    site.put(Page(dream.address, "dream.html.j2", context))


def _neighbours(run: DreamRun, dream: StoredDream) -> Neighbours:
    """Of a map's dream in a tour: the maps before and after it, and the sheet of all."""
    if dream.unit is None:
        return {"previous": None, "next": None, "sheet": None}
    tour = [one for one in run.dreams if (one.picture, one.layer) == (dream.picture, dream.layer)]
    at = tour.index(dream)
    sheet = next((one for one in run.tours if (one.picture, one.layer) == (dream.picture, dream.layer)), None)
    return {
        "previous": tour[at - 1].address if at else None,
        "next": tour[at + 1].address if at + 1 < len(tour) else None,
        "sheet": sheet.address if sheet else None,
    }


def _passes(catalogue: Catalogue, site: Site, dream: StoredDream) -> list[PassFrame]:
    """Every pass as a frame of the strip; none of a dream in one pass."""
    if len(dream.passes) == 1:
        return []
    return [
        {
            "number": number,
            "picture": preview_of(site, catalogue.store, record.output("picture").digest, 2 * THUMBNAIL),
            "gain": gain_of(record),
        }
        for number, record in enumerate(dream.passes, 1)
    ]


def _film(catalogue: Catalogue, site: Site, dream: StoredDream) -> FilmFile | None:
    if dream.film is None:
        return None
    output = dream.film.output("animation")
    ending = _ENDINGS.get(output.media_type, ".bin")
    address = dream.address.replace(INDEX, f"film{ending}")
    found = download(site, catalogue.store, output, address, f"the passes as a film, {output.media_type.split('/')[1]}")
    return None if found is None else {**found, "media": output.media_type}


def _downloads(catalogue: Catalogue, site: Site, dream: StoredDream) -> list[Download]:
    """The dream as it was made, and its strip; never the picture that it was made of, which may say where it was."""
    folder = dream.address.removesuffix(INDEX)
    wanted = [("picture", "dream.png", "the dream, as PNG"), ("strip", "strip.png", "the strip, as PNG")]
    found = [
        download(site, catalogue.store, dream.record.output(role), f"{folder}{name}", title)
        for role, name, title in wanted
        if _digest(dream.record, role)
    ]
    return [file for file in [*found, _film(catalogue, site, dream)] if file is not None]


def _put_tour(catalogue: Catalogue, site: Site, tour: Tour, run: DreamRun) -> None:
    record, store = tour.record, catalogue.store
    digests = {item.role: item.digest for item in record.inputs}  # the roles are units
    toured = read_as(TourParameters, record.parameters)
    made = {unit: _maker(catalogue, digest) for unit, digest in digests.items()}
    cells = [
        {
            "index": index,
            "address": catalogue.dream_addresses.get(made.get(unit) or ""),
            "state": "failed" if index in toured["failed"] else "left",
            "thumbnail": preview_of(site, store, digests[unit], THUMBNAIL) if unit in digests else None,
        }
        for index in toured["units"]
        for unit in [f"{tour.layer}/{index}"]
    ]
    dreamed = next((catalogue.record(key) for key in made.values() if key), None)
    output = record.output("sheet")
    sheet = download(site, store, output, tour.address.replace(INDEX, "sheet.png"), "the sheet, as PNG")
    context = {
        "crumbs": [("Dreams", HOME), (f"{tour.picture}, dreamed by every map of {tour.layer}", None)],
        "picture": tour.picture,
        "layer": tour.layer,
        "model": _model(catalogue, dreamed) if dreamed else None,
        "when": record.ended,
        "sheet": preview_of(site, store, output.digest),
        "cells": cells,
        "run": tour.run.id,
        "lineage": {"made_by": [], "used_by": list_users(catalogue, record)},
        "downloads": [sheet] if sheet else [],
    }
    site.put(Page(tour.address, "tour.html.j2", context))


def _maker(catalogue: Catalogue, digest: str) -> str | None:
    """The key of the dream that these bytes are."""
    made = (catalogue.record(reader.key) for reader in catalogue.producers(digest))
    return next((record.key for record in made if record.task == DREAM.task), None)


def _moved(record: Record) -> str:
    """How a pass begins with the one before it, in words; empty where it simply goes on."""
    zoom, rotation = record.parameters.get("zoom", 1.0), record.parameters.get("rotation", 0.0)
    said = [f"zoomed by {parameter(zoom)}"] if zoom != 1.0 else []
    return " and ".join([*said, f"turned by {parameter(rotation)} degrees"] if rotation else said)


def _model(catalogue: Catalogue, record: Record) -> Linked:
    """The network that dreamed, and its page if it has one."""
    network = _network(catalogue, record)
    if network is None:
        return {"title": record.recipe_inputs["model"][:8], "address": None}
    return {"title": network.title, "address": network_page(network.slug)}


def _network(catalogue: Catalogue, record: Record) -> StoredNetwork | None:
    return catalogue.network(record.recipe_inputs["model"])


def _objective(catalogue: Catalogue, record: Record) -> Aim:
    """What was dreamed of; where that is a layer or a unit with a page, its address."""
    text = str(record.parameters["objective"])
    network = _network(catalogue, record)
    address = None
    if network is not None:
        layers = catalogue.units(network.identity)
        layer, _, index = text.rpartition("/")
        if text in layers:
            address = layer_page(network.slug, text)
        elif index.isdigit() and int(index) in layers.get(layer, {}):
            address = unit_page(network.slug, layer, int(index))
    return {"text": text, "address": address}


def _climbs(record: Record) -> dict[str, list[float]]:
    """How the objective rose in the first frame, octave by octave or round by round."""
    curves = read_as(DreamCurves, record.output("picture").attributes)
    return {curve["name"]: curve["values"] for curve in curves["climbs"][0]}


def _digest(record: Record, role: str) -> str | None:
    return next((output.digest for output in record.outputs if output.role == role), None)
