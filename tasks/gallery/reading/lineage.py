"""What a record was made from, and what was made from it, in words and with links to their pages."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from lib.gallery.addresses import layer_page, network_page, unit_page
from lib.words import count
from storage.record import Record
from tasks.gallery.reading.analysed import TASKS as ANALYSED
from tasks.gallery.reading.catalogue import Catalogue
from tasks.gallery.reading.natural import data_title
from tasks.gallery.reading.swept import Grown

MOST = 12
"""Readers up to which each is named; a network can have tens of thousands, which are counted."""

_OF_A_LAYER = ("layer", "exemplars", "responses", "weights", "negatives")
_NAMES = {
    "layer": "contact sheet of {layer}",
    "exemplars": "exemplars of {layer}",
    "responses": "responses of {layer}",
    "weights": "weights of {layer}",
    "negatives": "negative OIPs of {layer}",
    "data": "data set {data}",
    "epoch": "epoch {epoch} of the training",
    "model": "trained network",
    "register": "network from the file {file}",
    "original": "the file as it was given",
    "predictions": "predictions of {set}",
    "fcps": "FCPs of {layer}",
    "linear": "linear classifiers",
    "attribution": "attribution of {image}",
    "activations": "activations",
    "tensors": "activations of all images of {set}",
}


def list_makers(catalogue: Catalogue, record: Record) -> list[dict[str, Any]]:
    """The records whose blobs a record read, as {title, what, address}; `address` is None where there is no page."""
    roles: dict[str, list[str]] = {}
    for item in record.inputs:
        # of several that made the same bytes the first stands for all
        for reader in catalogue.producers(item.digest)[:1]:
            roles.setdefault(reader.key, []).append(item.role)
    return [entry(catalogue, key, ", ".join(read)) for key, read in roles.items() if key != record.key]


def list_users(catalogue: Catalogue, record: Record | Grown) -> list[dict[str, Any]]:
    """The records that read what a record made, the latest first; of very many only how many of which kind."""
    digests = (
        [record.oips, record.picture] if isinstance(record, Grown) else [output.digest for output in record.outputs]
    )
    return _named(catalogue, (reader.key for digest in digests for reader in catalogue.consumers(digest)), record.key)


def _named(catalogue: Catalogue, keys: Iterable[str], own: str) -> list[dict[str, Any]]:
    readers = [key for key in reversed(list(dict.fromkeys(keys))) if key != own]
    if len(readers) <= MOST:
        return [entry(catalogue, key) for key in readers]
    kinds = Counter("oip" if key in catalogue.grown else catalogue.records[key].task for key in readers)
    return [
        {"title": f"{count(many)} × {_kind(task)}", "what": "", "address": None} for task, many in kinds.most_common()
    ]


def _kind(task: str) -> str:
    """Records of a task, whatever each is of."""
    return "OIPs of a unit" if task == "oip" else _NAMES.get(task, task).partition(" of {")[0].partition(" {")[0]


def entry(catalogue: Catalogue, key: str, what: str = "") -> dict[str, Any]:
    """A record as {title, what, address}; `what` by default is when it was made."""
    if (grown := catalogue.grown.get(key)) is not None:
        network = catalogue.network(grown.identity)
        address = unit_page(network.slug, grown.layer, grown.index) if network else None
        return {"title": f"OIPs of {grown.unit}", "what": what or grown.ended[:10], "address": address}
    record = catalogue.records[key]
    return {"title": _title(record), "what": what or record.ended[:10], "address": _address(catalogue, record)}


def _title(record: Record) -> str:
    about = {name: str(value) for name, value in record.parameters.items()}
    for output in record.outputs:
        about |= {name: str(value) for name, value in output.attributes.items()}
    if "data" in about:
        about["data"] = data_title(about["data"])
    match record.task:
        case "dream" | "animation" | "tour":
            return f"{'map tour' if record.task == 'tour' else record.task} {about.get('title', '')}".strip()
        case task if task in _NAMES:
            try:
                return _NAMES[task].format_map(about)
            except KeyError:
                return task
        case task:
            return task


def _address(catalogue: Catalogue, record: Record) -> str | None:
    if record.task in ("model", "register"):
        network = catalogue.network(record.output("model").identity or "")
        return network_page(network.slug) if network else None
    if record.task in ("dream", "tour"):
        return catalogue.dream_addresses.get(record.key)
    identity = record.recipe_inputs.get("model", "")
    if record.task in ANALYSED:
        analysis = catalogue.analyses.get(identity)
        return analysis.page_of(record) if analysis else None
    network = catalogue.network(identity)
    layer = record.parameters.get("layer")
    if network and record.task in _OF_A_LAYER and isinstance(layer, str):
        return layer_page(network.slug, layer) if layer in catalogue.units(network.identity) else None
    return None
