"""Pages of how a network decides: its confusion, its unclear images, and what its layers can tell apart."""

from typing import Any

from lib.gallery.addresses import INDEX, network_page
from lib.gallery.rendering import Page
from storage.record import Record
from tasks.gallery import analysis_fcps, analysis_images
from tasks.gallery.analysed import TASKS, Analysis, analysis_of, told
from tasks.gallery.catalogue import Catalogue
from tasks.gallery.networks import Network
from tasks.gallery.predicted import PredictedSet
from tasks.gallery.site import Site

HOME = f"analysis/{INDEX}"
SECTION = ("Decisions", HOME)


def pages(catalogue: Catalogue, site: Site) -> None:
    """Put the pages of every network that was analysed, and the list of them."""
    listed = []
    for network in catalogue.networks:
        records = [record for task in TASKS for record in catalogue.of_task(task, network.identity)]
        if records:
            listed.append(_put(catalogue, site, network, analysis_of(network.slug, records)))
    site.put(Page(HOME, "analyses.html.j2", {"analyses": listed}))


def _put(catalogue: Catalogue, site: Site, network: Network, analysis: Analysis) -> dict[str, Any]:
    """Put the pages of one network. Returns what the list of all says of it."""
    sets = {
        name: PredictedSet(catalogue, site, network, analysis, record) for name, record in analysis.predictions.items()
    }
    for one in sets.values():
        one.put_cells()
    fcps = analysis_fcps.put(catalogue, site, network, analysis, sets)
    looked_at, together = analysis_images.put(catalogue, site, network, analysis, sets)
    context = {
        "crumbs": [(network.title, network_page(network.slug)), ("decisions", None)],
        "network": {"title": network.title, "address": network_page(network.slug)},
        "sets": [one.told for one in sets.values()],
        "classifiers": [_table(catalogue, record) for record in analysis.classifiers],
        "fcps": fcps,
        "looked_at": looked_at,
        "together": together,
        "tensors": [
            {"set": record.parameters["set"], "size": output.size, "digest": output.digest}
            for record in analysis.tensors
            for output in [record.output("tensors")]
        ],
    }
    site.put(Page(analysis.address, "analysis.html.j2", context))
    return {
        "title": network.title,
        "address": analysis.address,
        "sets": [{name: one.told[name] for name in ("set", "data", "accuracy", "images")} for one in sets.values()],
        "images": len(looked_at),
        "fcps": list(dict.fromkeys(one["layer"] for one in fcps)),
    }


def _table(catalogue: Catalogue, record: Record) -> dict[str, Any]:
    """How far each layer tells classes apart by a linear classifier."""
    said = told(catalogue.store, record, "table")
    first, second = (said["classes"][label] for label in said["pair"])
    return {**said, "classes": len(said["classes"]), "first": first, "second": second}
