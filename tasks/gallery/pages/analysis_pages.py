"""Pages of how a network decides: its confusion, its unclear images, and what its layers can tell apart."""

from collections.abc import Mapping, Sequence
from typing import Any

from lib.gallery.addresses import network_page
from lib.gallery.rendering import Page
from storage.record import Record
from tasks.analysis.kinds.activations import KIND as ACTIVATIONS
from tasks.analysis.kinds.attribution import KIND as ATTRIBUTION
from tasks.analysis.kinds.fcps import KIND as FCPS
from tasks.analysis.kinds.linear import KIND as LINEAR
from tasks.analysis.kinds.predictions import KIND as PREDICTIONS
from tasks.analysis.kinds.tensors import KIND as TENSORS
from tasks.gallery.folder.site import Site
from tasks.gallery.pages import analysis_fcps, analysis_images
from tasks.gallery.pages.predicted import PredictedSet
from tasks.gallery.pages.section import Section
from tasks.gallery.reading.analysed import HOME, Analysis, read_json_output
from tasks.gallery.reading.catalogue import Catalogue
from tasks.gallery.reading.lineage import entry
from tasks.gallery.reading.networks import StoredNetwork
from tasks.model.pixels import pixels_of

SECTION = Section("Decisions", HOME, 3)
_TOLD = {kind.task for kind in (PREDICTIONS, ACTIVATIONS, TENSORS, FCPS, LINEAR, ATTRIBUTION)}
"""Results that the page of an analysis tells by itself; all others it lists, with links to their pages."""


def pages(catalogue: Catalogue, site: Site) -> None:
    """Put the pages of every network and checkpoint that was analysed, and the list of them."""
    listed = []
    for network in catalogue.networks:
        if (analysis := catalogue.analyses.get(network.identity)) is None:
            continue
        checkpoints = []
        for epoch in catalogue.epochs(network):
            one = catalogue.analyses.get(epoch.identity)
            if one is None or one is analysis:
                continue
            title = f"epoch {epoch.number}"
            checkpoints.append({"title": title, "address": one.address})
            if one.folder.startswith(f"{analysis.folder}/"):  # else it is another network's too, and stands there
                _put(catalogue, site, network, one, [(network.title, analysis.address), (title, None)])
        crumbs = [(network.title, None)]
        listed.append(_put(catalogue, site, network, analysis, crumbs, checkpoints))
    site.put(Page(HOME, "analyses.html.j2", {"analyses": listed}))


def _put(
    catalogue: Catalogue,
    site: Site,
    network: StoredNetwork,
    analysis: Analysis,
    crumbs: Sequence[tuple[str, str | None]],
    checkpoints: Sequence[Mapping[str, str]] = (),
) -> dict[str, Any]:
    """Put the pages of one network, or of a checkpoint of it. Returns what the list of all says of it."""
    newest_first = reversed(analysis.predictions.items())
    sets = {known: PredictedSet(catalogue, site, analysis, record) for known, record in newest_first}
    for one in sets.values():
        one.put_cells()
    fcps = analysis_fcps.put_fcps(catalogue, site, network, analysis, sets)
    looked_at, together = analysis_images.put_images(catalogue, site, network, analysis, sets)
    compared = {frozenset((one["first"], one["second"])) for one in fcps}
    wholes = [
        {**one.told(compared), "wrong": network.wrong_pixels(pixels_of(analysis.predictions[known].parameters))}
        for known, one in sets.items()
    ]
    context = {
        "crumbs": [("Decisions", HOME), *crumbs],
        "network": {"title": analysis.title, "address": network_page(network.slug)},
        "model": analysis.model,
        "checkpoints": list(checkpoints),
        "sets": wholes,
        "classifiers": [
            {**_table(catalogue, record), "wrong": network.wrong_pixels(pixels_of(record.parameters))}
            for record in analysis.of(LINEAR)
        ],
        "fcps": fcps,
        "looked_at": looked_at,
        "together": together,
        "further": [
            entry(catalogue, record.key)
            for task, records in analysis.records.items()
            if task not in _TOLD
            for record in records
        ],
        "tensors": [
            {"set": record.parameters["set"], "size": output.size, "digest": output.digest}
            for record in analysis.of(TENSORS)
            for output in [record.output("tensors")]
        ],
    }
    site.put(Page(analysis.address, "analysis.html.j2", context))
    return {
        "title": analysis.title,
        "address": analysis.address,
        "checkpoints": list(checkpoints),
        "sets": [{name: whole[name] for name in ("set", "data", "accuracy", "images")} for whole in wholes],
        "images": len(looked_at),
        "fcps": list(dict.fromkeys(one["layer"] for one in fcps)),
    }


def _table(catalogue: Catalogue, record: Record) -> dict[str, Any]:
    """How far each layer tells classes apart by a linear classifier."""
    said = read_json_output(catalogue.store, record, "table")
    first, second = (said["classes"][label] for label in said["pair"])
    rows = [{"all_interval": None, "pair_interval": None, "all_penalty": None} | row for row in said["rows"]]
    return {
        **said,
        "rows": rows,
        "majority": said.get("majority"),
        "with_intervals": any(row["all_interval"] for row in rows),
        "classes": len(said["classes"]),
        "first": first,
        "second": second,
        # the longest of the bars, which are errors: accuracies differ too little to be seen
        **{f"worst_{kind}": _most_errors(said["rows"], kind) for kind in ("all", "pair")},
    }


def _most_errors(rows: Sequence[Mapping[str, Any]], kind: str) -> float:
    return max((1 - row[kind] for row in rows if row[kind] is not None), default=0.0) or 1.0
